"""The consent page with a platform's own permissions, some of which the user may leave out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from chalicelib import permissions
from tests.actors import ClientApp, Person
from tests.browser.conftest import Open
from tests.browser.steps import sign_in
from tests.browser.test_every_page import LOCALES, look_at
from tests.catalogues import use


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.spec("docs/permissions.md", "WCAG 2.2 AA")
def test_optional_permissions_pass_axe_and_can_be_left_out(
    open_page: Open,
    base_url: str,
    shop: ClientApp,
    a_person: Callable[..., Person],
    monkeypatch: pytest.MonkeyPatch,
    language: str,
) -> None:
    use(monkeypatch, permissions.load("box_office"))
    page = open_page(locale=LOCALES[language])
    path = shop.authorize_path(scope="events.write orders.refund checkin")
    page.goto(base_url + path)
    sign_in(page, a_person("Big Events LLC", locale=language))
    assert look_at(page, f"99-permissions-{language}") == []
    boxes = page.locator("input[name=scopes]")
    assert [boxes.nth(number).is_checked() for number in range(2)] == [False, True]
    boxes.nth(1).uncheck()
    boxes.nth(0).check()
    page.route(f"{shop.redirect_uri}**", lambda route: route.fulfill(body="connected"))
    page.locator("button[value=allow]").click()
    page.wait_for_url(f"{shop.redirect_uri}**")
    code = page.url.partition("code=")[2].partition("&")[0]
    assert shop.exchange(code).json()["scope"] == "events.write orders.refund"


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.spec("docs/permissions.md", "WCAG 2.2 AA")
def test_page_of_a_permission_that_allows_more_passes_axe(
    open_page: Open,
    base_url: str,
    shop: ClientApp,
    a_person: Callable[..., Person],
    monkeypatch: pytest.MonkeyPatch,
    language: str,
) -> None:
    example = permissions.load("box_office")
    use(monkeypatch, example)
    page = open_page(locale=LOCALES[language])
    page.goto(base_url + shop.authorize_path(scope="events.write checkin"))
    sign_in(page, a_person("Big Events LLC", locale=language))
    page.route(f"{shop.redirect_uri}**", lambda route: route.fulfill(body="connected"))
    page.locator("button[value=allow]").click()
    page.wait_for_url(f"{shop.redirect_uri}**")
    grown = {name: replace(example.scopes[name], version=2) for name in ("events.write", "checkin")}
    use(monkeypatch, replace(example, scopes={**example.scopes, **grown}))
    page.goto(base_url + shop.authorize_path(scope="events.write orders.read orders.refund checkin"))
    assert page.locator(".tag.new").count() == 5
    assert look_at(page, f"99-permissions-grown-{language}") == []
    tag, words = page.locator(".choice .tag.bad"), page.locator(".choice:has(.tag.bad) > span")
    page.set_viewport_size({"width": 320, "height": 720})
    starts = [where.evaluate("found => found.getBoundingClientRect().x") for where in (tag, words)]
    assert starts[0] == starts[1], "a tag that wraps begins where its words do"


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.spec("docs/permissions.md", "WCAG 2.2 AA")
def test_pages_of_a_later_request_and_of_a_person_without_an_organizer_pass_axe(
    open_page: Open,
    base_url: str,
    shop: ClientApp,
    a_person: Callable[..., Person],
    monkeypatch: pytest.MonkeyPatch,
    language: str,
) -> None:
    use(monkeypatch, permissions.load("box_office"))
    page = open_page(locale=LOCALES[language])
    page.goto(base_url + shop.authorize_path(scope="account checkin"))
    sign_in(page, a_person(locale=language))
    assert look_at(page, f"99-permissions-no-organizer-{language}") == []
    assert page.locator("input[name=scopes]").count() == 0
    page = open_page(locale=LOCALES[language])
    page.goto(base_url + shop.authorize_path(scope="events.read"))
    sign_in(page, a_person("Big Events LLC", locale=language))
    page.route(f"{shop.redirect_uri}**", lambda route: route.fulfill(body="connected"))
    page.locator("button[value=allow]").click()
    page.wait_for_url(f"{shop.redirect_uri}**")
    path = shop.authorize_path(scope="events.read orders.refund checkin", resource="https://scan.example.com/")
    page.goto(base_url + path)
    assert look_at(page, f"99-permissions-later-{language}") == []
    assert page.locator("input[name=scopes]").count() == 1
