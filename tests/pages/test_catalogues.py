"""The translations are complete: every message is in every language, and all text is a message."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from babel.messages.catalog import Message as Entry
from bs4 import BeautifulSoup, Doctype
from jinja2 import Environment, nodes

from infra.documents import messages

ROOT = messages.SOURCES
TEMPLATES = sorted((ROOT / "pages" / "templates").rglob("*.*"))
# These respond to programs in JSON, which stays English.
FOR_PROGRAMS = {
    *("resources.py", "sign_in_requests.py", "token.py", "discovery.py", "scim_request.py"),
    *("ended_tokens.py", "user_info.py", "logouts.py"),
}
SAYS = {"Refusal", "InputProblem", "RedirectUriError", "Undecodable", "NotThisApplication", "Problem"}
# Not text: the class that a page's block gives to <main>.
CLASSES = {"narrow"}


def texts(entry: Entry) -> list[tuple[str, str]]:
    """A message with its translation, in each of its forms."""
    if isinstance(entry.id, str):
        return [(entry.id, str(entry.string))]
    return [(entry.id[min(number, 1)], string) for number, string in enumerate(entry.string or ())]


def places(text: str) -> list[str]:
    """The placeholders and the markup, sorted."""
    return sorted(re.findall(r"%\(\w+\)s|<[^>]+>", text))


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_no_message_is_untranslated(language: str) -> None:
    catalogue = messages.read(language)
    assert messages.untranslated(catalogue) == []
    collected = {str(entry.id) for entry in messages.collect() if entry.id}
    assert len(collected) > 100
    assert collected - {str(entry.id) for entry in catalogue} == set(), "new messages: make messages"
    assert {str(entry.id) for entry in catalogue if entry.id} - collected == set(), "old messages: make messages"


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_translation_keeps_placeholders_and_markup(language: str) -> None:
    for entry in messages.read(language):
        for said, translated in texts(entry) if entry.id else ():
            assert places(said) == places(translated), said


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_compiled_catalog_matches_its_source(language: str) -> None:
    compiled = (messages.LOCALES / f"{language}.mo").read_bytes()
    assert compiled == messages.compiled(messages.read(language)), "make messages"


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_template_has_no_text_outside_its_messages(path: Path) -> None:
    tree = Environment(extensions=["jinja2.ext.i18n"], autoescape=True).parse(path.read_text(encoding="utf-8"))
    markup = "".join(
        child.data if isinstance(child, nodes.TemplateData) else "{}"
        for output in tree.find_all(nodes.Output)
        for child in output.nodes
    )
    html = BeautifulSoup(markup, "html.parser")
    for unsaid in [*html.find_all(["code", "pre"]), *html.find_all(string=lambda text: isinstance(text, Doctype))]:
        unsaid.extract()
    said = {word for text in html.find_all(string=True) for word in str(text).split() if re.search(r"[^\W\d_]", word)}
    said |= {
        str(element[name])
        for name in ("aria-label", "title", "alt", "placeholder", "data-copy", "data-copied")
        for element in html.find_all(attrs={name: re.compile(r"[^\W\d_]")})
    }
    assert said - CLASSES == set()


def test_text_that_code_shows_to_people_is_a_message() -> None:
    """A plain string passed to one of these would appear in English in every language."""
    for path in sorted(ROOT.rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if path.name in FOR_PROGRAMS or not isinstance(call, ast.Call):
                continue
            name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            if name in SAYS:
                plain = [part for part in call.args if isinstance(part, ast.JoinedStr) or " " in _text(part)]
                assert plain == [], f"{path.name}:{call.lineno}"


def _text(part: ast.expr) -> str:
    return part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else ""
