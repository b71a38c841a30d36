"""What holds for every page: axe finds nothing, it fits 320 pixels, it weighs little, it speaks one language."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from playwright.sync_api import Page, Response, expect

from chalicelib.pages.site import Site
from tests.actors import Person
from tests.browser.conftest import Open
from tests.browser.steps import log_in
from tests.browser.tour import every_page, walk
from tests.mailbox import Mailbox

AXE = (Path(axe_playwright_python.__path__[0]) / "axe.min.js").read_text(encoding="utf-8")
WEIGHT_LIMIT_BYTES = 30_000
A_YEAR = "max-age=31536000"
NARROW = {"viewport": {"width": 320, "height": 640}}


def axe_findings(page: Page) -> list[str]:
    """What axe-core finds wrong under every rule that it knows for WCAG 2.2 A and AA, and its best practices."""
    page.evaluate(AXE)
    found: dict[str, Any] = page.evaluate("axe.run({resultTypes: ['violations']})")
    return [f"{page.url} {rule['id']}: {node['html']}" for rule in found["violations"] for node in rule["nodes"]]


@pytest.fixture
def stranger(a_person: Any) -> Person:
    made: Person = a_person()
    return made


@pytest.fixture
def fremde(a_person: Any) -> Person:
    made: Person = a_person(locale="de")
    return made


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.spec("WCAG 2.2 AA")
def test_axe_finds_nothing_and_nothing_sticks_out(
    open_page: Open,
    base_url: str,
    box_office: str,
    ada: Person,
    stranger: Person,
    mailbox: Mailbox,
    scheme: str,
    width: int,
) -> None:
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 720})
    seen, findings = set(), []
    for template in walk(page, base_url, box_office, ada, stranger, mailbox):
        seen.add(template)
        findings += axe_findings(page)
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        findings += [f"{page.url} sticks out by {overflow} pixels"] if overflow else []
    assert findings == []
    assert seen == every_page()


@pytest.mark.spec("WCAG 2.2 AA")
def test_axe_finds_nothing_in_german(
    open_page: Open, base_url: str, box_office: str, berta: Person, fremde: Person, mailbox: Mailbox
) -> None:
    page = open_page(locale="de-AT", **NARROW)
    findings = []
    for template in walk(page, base_url, box_office, berta, fremde, mailbox):
        findings += axe_findings(page)
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        findings += [f"{page.url} sticks out by {overflow} pixels"] if overflow else []
        assert page.locator("html").get_attribute("lang") == "de", template
    assert findings == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("colour", ["#ffd400", "#00ff88", "#222222", "#c8102e"])
@pytest.mark.spec("WCAG 1.4.3")
def test_an_operators_colour_keeps_its_contrast(
    open_page: Open, base_url: str, box_office: str, ada: Person, colour: str, scheme: str
) -> None:
    page = open_page(color_scheme=scheme)
    style = Site("Eintritt", None, colour).style.body
    page.route("**/static/style-*.css", lambda route: route.fulfill(body=style, content_type="text/css"))
    page.goto(f"{box_office}/connect")
    assert axe_findings(page) == []
    log_in(page, ada)
    expect(page.locator("fieldset")).to_be_visible()
    assert axe_findings(page) == []
    page.goto(f"{base_url}/settings/authorized")
    assert axe_findings(page) == []


def test_a_page_is_light_and_needs_one_more_request(
    open_page: Open, base_url: str, box_office: str, ada: Person, stranger: Person, mailbox: Mailbox
) -> None:
    page = open_page()
    loaded: list[Response] = []
    page.on("response", lambda answer: loaded.append(answer))
    style = ""
    for template in walk(page, base_url, box_office, ada, stranger, mailbox):
        page.wait_for_load_state()
        own = [found for found in loaded if found.url.startswith(base_url) and found.status != 303]
        documents = [found for found in own if found.request.resource_type == "document"]
        others = {found.url for found in own} - {found.url for found in documents}
        loaded.clear()
        assert documents[-1].headers["cache-control"] == "no-store", template
        may_have_script = template in ("application_form.html", "application_secret.html")
        assert len(others) <= 1 + may_have_script, (template, others)
        style = style or next(url for url in others if url.endswith(".css"))
        weight = len(documents[-1].body()) + sum(len(page.request.get(url).body()) for url in {style, *others})
        assert weight <= WEIGHT_LIMIT_BYTES, (template, weight)


def test_the_style_sheet_is_kept_for_a_year_under_the_hash_of_its_content(page: Page, base_url: str) -> None:
    page.goto(f"{base_url}/")
    address = str(page.locator("link[rel=stylesheet]").get_attribute("href"))
    answer = page.request.get(base_url + address)
    assert A_YEAR in answer.headers["cache-control"]
    assert "immutable" in answer.headers["cache-control"]
    digest = hashlib.sha256(answer.body()).hexdigest()
    assert address == f"/static/style-{digest[:12]}.css"
    assert page.request.get(f"{base_url}/static/style-000000000000.css").status in (403, 404)
