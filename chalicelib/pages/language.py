"""The language of a page: which one it is, and messages in it.

English is in the code. The other languages are gettext catalogs in locales/, compiled by `make messages` and read with
the standard library. A message that a catalog lacks would stay English; a test makes sure that none does.
"""

from __future__ import annotations

import functools
import gettext as catalogues
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

LANGUAGES = {"en": "English", "de": "Deutsch"}
DEFAULT = "en"
_LOCALES = Path(__file__).parent / "locales"
_current: ContextVar[str] = ContextVar("language", default=DEFAULT)


def choose(locale: str | None, accept_language: str | None) -> str:
    """The language for this locale (`de-AT`), or else for this Accept-Language header (RFC 9110 §12.5.4)."""
    return _first([locale or "", *_by_preference(accept_language or "")]) or DEFAULT


def wanted(ui_locales: str) -> str | None:
    """The first of these languages, space-separated, that there is (OpenID Connect Core §3.1.2.1); None if there is
    none."""
    return _first(ui_locales.split(" ")) if ui_locales else None


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Translate messages into this language within the block."""
    token = _current.set(language)
    try:
        yield
    finally:
        _current.reset(token)


def current() -> str:
    return _current.get()


def gettext(message: str) -> str:
    return _catalogue(_current.get()).gettext(message)


def ngettext(singular: str, plural: str, number: int) -> str:
    return _catalogue(_current.get()).ngettext(singular, plural, number)


def say(message: str) -> str:
    """Translate a message that was created elsewhere into the reader's language.

    A Message (with `template` and `values`) is put together in that language; any other string is looked up as it is.
    """
    if not message:
        return ""
    values: dict[str, object] = getattr(message, "values", {})
    said = gettext(str(getattr(message, "template", message)))
    if not values:
        return said
    return said % {name: say(value) if hasattr(value, "template") else value for name, value in values.items()}  # type: ignore[arg-type]


@functools.cache
def _catalogue(language: str) -> catalogues.NullTranslations:
    if language == DEFAULT:
        return catalogues.NullTranslations()
    with (_LOCALES / f"{language}.mo").open("rb") as compiled:
        return catalogues.GNUTranslations(compiled)


def _first(tags: Iterable[str]) -> str | None:
    spoken = (tag.lower().replace("_", "-").partition("-")[0] for tag in tags)
    return next((language for language in spoken if language in LANGUAGES), None)


def _by_preference(header: str) -> list[str]:
    """The language tags of an Accept-Language header, most preferred first, without those of weight 0."""
    weighted: list[tuple[float, str]] = []
    for part in header[:500].split(","):
        tag, _, weight = part.strip().partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if 0 < quality <= 1:
            weighted.append((-quality, tag.strip()))
    return [tag for _, tag in sorted(weighted, key=lambda pair: pair[0])]
