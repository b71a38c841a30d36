"""A wrong request leads nobody through this provider to an address that a stranger chose (RFC 9700 §4.11.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib import settings
from tests.actors import Browser, ClientApp, Page
from tests.store_proxy import StoreProxy

pytestmark = pytest.mark.spec("RFC 9700 §4.11.2", "RFC 6749 §4.1.2.1")
FIRST, SECOND = "https://shop.example.com/a", "https://elsewhere.example/b"
WRONG = {"scope": "bogus"}


@pytest.fixture
def shop(a_browser: Callable[..., Browser]) -> ClientApp:
    """Somebody's, in a deployment where anybody can open an account and register one."""
    return a_browser().register_application("A shop", FIRST, SECOND)


def let_sign_up(monkeypatch: pytest.MonkeyPatch, *, is_open: bool) -> None:
    changed: Any = replace(settings.SETTINGS, sign_up_open=is_open)
    monkeypatch.setattr(settings, "SETTINGS", changed)


def assert_is_shown(page: Page, at: str) -> None:
    """The error stands on a page of ours, and a link leads on with it."""
    assert (page.status, page.left_to, page.title) == (400, None, "A shop made a mistake")
    assert "Refresh" not in page.response.headers
    assert page.html.find("meta", attrs={"http-equiv": True}) is None
    links = [str(found["href"]) for found in page.html.find_all("a")]
    (link,) = (found for found in links if found.startswith(at))
    assert Page(page.response, left_to=link).answer["error"] == "invalid_scope"


def test_nobody_is_sent_on_by_a_wrong_request_before_they_have_signed_in(john: Browser, shop: ClientApp) -> None:
    shop.connect(john, "Small Shows")
    stranger = Browser(john.base_url, john.user)
    for wrong in ({"scope": "bogus"}, {"response_type": "token"}, {"code_challenge": "x"}):
        page = stranger.open(shop.authorize_path(**wrong))
        assert page.title == "Sign in"
    page = stranger.press(page, "Sign in", email=john.user.email, password=john.user.password)
    assert page.answer["error"] == "invalid_request"
    assert page.answer["state"] == "xyz"


def test_a_mistake_is_passed_on_where_the_user_allowed_the_application_that_address(
    john: Browser, shop: ClientApp
) -> None:
    asked, elsewhere = shop.authorize_path(**WRONG), shop.authorize_path(**WRONG, redirect_uri=SECOND)
    page = john.open(asked)
    assert_is_shown(page, FIRST)
    assert "Lanyard has not checked them." in page.text
    assert "registered itself" not in page.text
    shop.connect(john, "Small Shows")
    page = john.open(asked)
    assert (page.left_to or "").startswith(FIRST)
    assert (page.answer["error"], page.answer["state"]) == ("invalid_scope", "xyz")
    assert_is_shown(john.open(elsewhere), SECOND)
    john.press(john.open("/settings/authorized"), "Revoke")
    assert_is_shown(john.open(asked), FIRST)


def test_a_developer_is_sent_on_by_their_own_applications_mistake(
    john: Browser, a_browser: Callable[..., Browser]
) -> None:
    developer = a_browser()
    shop = developer.register_application("A shop", FIRST)
    assert developer.open(shop.authorize_path(**WRONG)).answer["error"] == "invalid_scope"
    assert_is_shown(john.open(shop.authorize_path(**WRONG)), FIRST)


def test_a_mistake_is_passed_on_where_the_operator_knows_who_registers_applications(
    john: Browser, shop: ClientApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_sign_up(monkeypatch, is_open=False)
    assert john.open(shop.authorize_path(**WRONG)).answer["error"] == "invalid_scope"
    let_sign_up(monkeypatch, is_open=True)
    assert_is_shown(john.open(shop.authorize_path(**WRONG)), FIRST)


@pytest.mark.spec("docs/operations.md")
def test_to_know_that_costs_no_round_trip(john: Browser, shop: ClientApp, store: StoreProxy) -> None:
    for _ in range(2):
        with store.count() as calls:
            john.open(shop.authorize_path(**WRONG))
        assert [call.operation for call in calls] == ["BatchGetItem"]
        shop.connect(john, "Small Shows")
