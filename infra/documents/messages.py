"""`make messages`: collects the pages' messages from code and templates, and updates and compiles the catalogs.

Babel does this at development time. At run time, the standard library reads the compiled catalogs.
"""

from __future__ import annotations

import io
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCES = ROOT / "chalicelib"
LOCALES = SOURCES / "pages" / "locales"
LANGUAGES = ("de",)
_METHODS = [("pages/templates/**.html", "jinja2"), ("pages/templates/**.txt", "jinja2"), ("**.py", "python")]
_AS_RENDERED = {"trimmed": "true", "newstyle_gettext": "true", "trim_blocks": "true"}
_OPTIONS = {"pages/templates/**.html": _AS_RENDERED, "pages/templates/**.txt": _AS_RENDERED}
_KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "Message": None}


def collect() -> Catalog:
    """A catalog of every message in the templates and the code."""
    found = Catalog(project="Lanyard", charset="utf-8", fuzzy=False)
    for filename, _, message, comments, context in extract_from_dir(SOURCES, _METHODS, _OPTIONS, _KEYWORDS):
        # Without line numbers, which would change with every edit.
        found.add(message, None, [(f"chalicelib/{filename}", 0)], auto_comments=comments, context=context)
    return found


def read(language: str) -> Catalog:
    with (LOCALES / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language)


def compiled(catalog: Catalog) -> bytes:
    file = io.BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


def untranslated(catalog: Catalog) -> list[str]:
    return [str(message.id) for message in catalog if message.id and (message.fuzzy or not _is_whole(message.string))]


def main() -> None:
    for language in LANGUAGES:
        catalog = read(language)
        catalog.update(collect(), no_fuzzy_matching=True, update_creation_date=False)
        catalog.obsolete.clear()
        catalog.last_translator = catalog.msgid_bugs_address = "Lanyard"
        with (LOCALES / f"{language}.po").open("wb") as file:
            write_po(file, catalog, width=120, include_lineno=False, sort_output=True)
        (LOCALES / f"{language}.mo").write_bytes(compiled(catalog))
        missing = untranslated(catalog)
        print(f"{language}: {len(catalog)} messages, {len(missing)} without a translation")
        for message in missing:
            print(f"  {message}")


def _is_whole(string: object) -> bool:
    return all(string) if isinstance(string, (tuple, list)) else bool(string)


if __name__ == "__main__":
    main()
