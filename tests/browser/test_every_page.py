"""Every page passes axe, fits 320 pixels, weighs little, and is in one language."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urljoin

import axe_playwright_python
import pytest
import requests
from playwright.sync_api import Page, Response, expect

from chalicelib import settings
from chalicelib.pages.site import Site
from tests.actors import Person
from tests.browser.conftest import Open
from tests.browser.steps import sign_in
from tests.browser.tour import every_page, walk
from tests.mailbox import Mailbox

AXE = (Path(axe_playwright_python.__path__[0]) / "axe.min.js").read_text(encoding="utf-8")
# All that axe returns, with what it did not complain about, takes longer to hand over than to find.
_RUN_AXE = """
axe.run({resultTypes: ['violations']}).then(found =>
  found.violations.flatMap(rule => rule.nodes.map(node => `${rule.id}: ${node.html}`)))
"""
WEIGHT_LIMIT_BYTES = 30_000
A_YEAR = "max-age=31536000"
LOCALES = {"en": "en-GB", "de": "de-AT"}
PICTURES = os.environ.get("LANYARD_PICTURES")  # a folder for a picture of each page, set by `make pictures`


def axe_findings(page: Page) -> list[str]:
    """What axe-core finds under all its rules for WCAG 2.2 A and AA, and its best practices."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    found: list[str] = page.evaluate(_RUN_AXE)
    return [f"{page.url} {finding}" for finding in found]


def take_picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(full_page=True, path=Path(PICTURES) / f"{name}.png")


@pytest.fixture
def stranger(a_person: Callable[..., Person]) -> Person:
    return a_person()


SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
VARIANTS = [(scheme, width) for scheme in SCHEMES for width in (320, 1280)]


def look_at(page: Page, name: str) -> list[str]:
    """What is wrong with the page in light and dark, narrow and wide. name: of its pictures."""
    findings = []
    for scheme, width in VARIANTS:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 720})
        findings += [f"{scheme} {width}: {finding}" for finding in axe_findings(page)]
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        findings += [f"{scheme} {width}: {page.url} sticks out by {overflow} pixels"] if overflow else []
        take_picture(page, f"{name}-{scheme}-{width}")
    return findings


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.spec("WCAG 2.2 AA")
def test_axe_finds_nothing_on_any_page_and_no_page_overflows(
    open_page: Open,
    base_url: str,
    box_office: str,
    a_person: Callable[..., Person],
    mailbox: Mailbox,
    language: str,
) -> None:
    person = a_person("Big Events LLC", "Kleinkunst e.\u202fV.", locale=language)
    stranger = a_person(locale=language)
    page = open_page(locale=LOCALES[language])
    seen: list[str] = []
    findings = []
    for template in walk(page, base_url, box_office, person, stranger, mailbox):
        seen.append(template)
        assert page.locator("html").get_attribute("lang") == language, template
        findings += look_at(page, f"{len(seen):02}-{template.removesuffix('.html')}-{language}")
    assert findings == []
    assert set(seen) == every_page()


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.spec("WCAG 2.2 AA")
def test_axe_finds_nothing_if_email_is_not_set_up(
    open_page: Open, base_url: str, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    monkeypatch.setattr(settings, "SETTINGS", replace(settings.SETTINGS, stage="prod", mail_sender=None))
    page = open_page(locale=LOCALES[language])
    page.goto(f"{base_url}/password/reset")
    expect(page.locator("code")).to_have_text("MAIL_SENDER")
    assert look_at(page, f"00-mail_not_set_up-{language}") == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("colour", ["#ffd400", "#00ff88", "#222222", "#c8102e"])
@pytest.mark.spec("WCAG 1.4.3")
def test_axe_finds_nothing_in_an_operators_color(
    open_page: Open, base_url: str, box_office: str, ada: Person, colour: str, scheme: str
) -> None:
    page = open_page(color_scheme=scheme)
    style = Site("Eintritt", None, colour).style.body
    page.route("**/static/style-*.css", lambda route: route.fulfill(body=style, content_type="text/css"))
    page.goto(f"{box_office}/connect")
    assert axe_findings(page) == []
    sign_in(page, ada)
    expect(page.locator("fieldset")).to_be_visible()
    assert axe_findings(page) == []
    page.goto(f"{base_url}/settings/authorized")
    assert axe_findings(page) == []


class Wire:
    """What a page's browser requests from Lanyard and cannot take from its own cache."""

    def __init__(self, page: Page, base_url: str) -> None:
        self._asked: dict[str, tuple[str, str]] = {}
        self._base_url = base_url
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.on("Network.requestWillBeSent", self._note)
        session.on("Network.requestServedFromCache", self._forget)
        session.on("Network.responseReceived", lambda event: self._forget(event, event["response"]["fromDiskCache"]))

    def _note(self, event: dict[str, Any]) -> None:
        if event["request"]["url"].startswith(self._base_url):
            self._asked[event["requestId"]] = (event["type"], event["request"]["url"])

    def _forget(self, event: dict[str, Any], was_cached: bool = True) -> None:
        if was_cached:
            self._asked.pop(event["requestId"], None)

    def besides_documents(self) -> list[str]:
        """The addresses requested since the last call, without the pages themselves."""
        found = [url for kind, url in self._asked.values() if kind != "Document"]
        self._asked.clear()
        return found


def test_page_is_light_and_needs_at_most_one_more_request(
    open_page: Open, base_url: str, box_office: str, ada: Person, stranger: Person, mailbox: Mailbox
) -> None:
    """The first page fetches the style sheet, and the first with something to copy its script; the others nothing."""
    page = open_page()
    documents: list[Response] = []
    page.on("response", lambda answer: documents.append(answer) if answer.request.is_navigation_request() else None)
    wire = Wire(page, base_url)
    fetched: list[str] = []
    for template in walk(page, base_url, box_office, ada, stranger, mailbox):
        page.wait_for_load_state()
        more = wire.besides_documents()
        assert len(more) <= 1, (template, more)
        fetched += more
        assert documents[-1].headers["cache-control"] == "no-store", template
        parts = page.locator("link[rel=stylesheet], script").evaluate_all(
            "all => all.map(each => each.href ?? each.src)"
        )
        weight = len(documents[-1].body()) + sum(len(requests.get(url).content) for url in parts)
        assert weight <= WEIGHT_LIMIT_BYTES, (template, weight)
    assert [url.rpartition(".")[2] for url in fetched] == ["css", "js"]


def test_style_sheet_is_cached_for_a_year_under_the_hash_of_its_content(page: Page, base_url: str) -> None:
    page.goto(f"{base_url}/")
    address = urljoin(page.url, page.locator("link[rel=stylesheet]").get_attribute("href"))
    answer = requests.get(address)
    assert A_YEAR in answer.headers["cache-control"]
    assert "immutable" in answer.headers["cache-control"]
    digest = hashlib.sha256(answer.content).hexdigest()
    assert address == f"{base_url}/static/style-{digest[:12]}.css"
    assert requests.get(f"{base_url}/static/style-000000000000.css").status_code in (403, 404)
