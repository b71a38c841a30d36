"""An invalid request redirects nobody through this provider to an address a stranger chose (RFC 9700 §4.11.2)."""

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
    """A stranger's application, in a deployment where anyone can sign up and register one."""
    return a_browser().register_application("A shop", FIRST, SECOND)


def let_sign_up(monkeypatch: pytest.MonkeyPatch, *, is_open: bool) -> None:
    changed: Any = replace(settings.SETTINGS, sign_up_open=is_open)
    monkeypatch.setattr(settings, "SETTINGS", changed)


def assert_is_shown(page: Page, at: str) -> None:
    """The error is on a page of ours, which has a link that carries it on."""
    assert (page.status, page.left_to, page.title) == (400, None, "A shop made a mistake")
    assert "Refresh" not in page.response.headers
    assert page.html.find("meta", attrs={"http-equiv": True}) is None
    links = [str(found["href"]) for found in page.html.find_all("a")]
    (link,) = (found for found in links if found.startswith(at))
    assert Page(page.response, left_to=link).answer["error"] == "invalid_scope"


def test_invalid_request_redirects_nobody_who_has_not_signed_in(john: Browser, shop: ClientApp) -> None:
    shop.connect(john, "Small Shows")
    stranger = Browser(john.base_url, john.user)
    for wrong in ({"scope": "bogus"}, {"response_type": "token"}, {"code_challenge": "x"}):
        page = stranger.open(shop.authorize_path(**wrong))
        assert page.title == "Sign in"
    page = stranger.press(page, "Sign in", email=john.user.email, password=john.user.password)
    assert page.answer["error"] == "invalid_request"
    assert page.answer["state"] == "xyz"


def test_error_is_redirected_to_an_address_that_the_user_allowed_the_application(
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


def test_developer_is_redirected_by_an_error_of_their_own_application(
    john: Browser, a_browser: Callable[..., Browser]
) -> None:
    developer = a_browser()
    shop = developer.register_application("A shop", FIRST)
    assert developer.open(shop.authorize_path(**WRONG)).answer["error"] == "invalid_scope"
    assert_is_shown(john.open(shop.authorize_path(**WRONG)), FIRST)


def test_error_is_redirected_if_only_the_operator_creates_accounts(
    john: Browser, shop: ClientApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_sign_up(monkeypatch, is_open=False)
    assert john.open(shop.authorize_path(**WRONG)).answer["error"] == "invalid_scope"
    let_sign_up(monkeypatch, is_open=True)
    assert_is_shown(john.open(shop.authorize_path(**WRONG)), FIRST)


@pytest.mark.spec("docs/operations.md")
def test_deciding_whether_to_redirect_an_error_costs_no_round_trip(
    john: Browser, shop: ClientApp, store: StoreProxy
) -> None:
    for _ in range(2):
        with store.count() as calls:
            john.open(shop.authorize_path(**WRONG))
        assert [call.operation for call in calls] == ["BatchGetItem", "PutItem"]  # the line for the developer
        shop.connect(john, "Small Shows")
