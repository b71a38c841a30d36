"""The operator ends everything users have allowed an application, including codes nobody has exchanged yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from chalicelib.models import consent, store
from chalicelib.models.application import Application
from tests.actors import Browser, ClientApp
from tests.conftest import Clock
from tests.flows.test_device import registered as registered_device
from tests.flows.test_pushed_requests import path as pushed_path
from tests.flows.test_pushed_requests import reference
from tests.public_app import PublicApp
from tests.store_proxy import StoreProxy

pytestmark = pytest.mark.spec("docs/architecture.md", "RFC 9700 §4.14")


def is_asked(browser: Browser, shop: ClientApp, **changed: str | None) -> bool:
    page = browser.open(shop.authorize_path(**changed))
    return page.left_to is None and page.title == "Authorize A shop?"


def test_unused_code_is_void_once_the_operator_ends_all_consents(john: Browser, shop: ClientApp) -> None:
    code = john.allow(john.open(shop.authorize_path()), "Big Events LLC").code
    consent.end_all(shop.client_id)
    answer = shop.exchange(code)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert "authorization endpoint again" in answer.json()["error_description"]


def test_tokens_are_void_at_every_endpoint_once_the_operator_ends_all_consents(
    john: Browser, shop: ClientApp, other_shop: ClientApp
) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    kept = other_shop.connect(john, "Big Events LLC")
    consent.end_all(shop.client_id)
    assert shop.me(tokens["access_token"]).json()["error"] == "invalid_token"
    assert shop.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    url, form = shop.base_url + "/api/v1/oauth/introspect", {"token": tokens["access_token"]}
    told = requests.post(url, data=form, auth=(shop.client_id, shop.secret), timeout=30)
    assert told.json() == {"active": False}
    assert other_shop.me(kept["access_token"]).status_code == 200, "another application's token still works"


def test_public_clients_tokens_end_without_a_grace_period(john: Browser, a_browser: Callable[..., Browser]) -> None:
    app = PublicApp.registered_by(a_browser())
    first = app.connect(john, "Big Events LLC")
    second = app.refresh(first["refresh_token"]).json()
    consent.end_all(app.client_id)
    for token in (first["refresh_token"], second["refresh_token"]):
        assert app.refresh(token).json()["error"] == "invalid_grant"


def test_ended_consent_is_not_remembered_and_not_listed(john: Browser, shop: ClientApp) -> None:
    shop.connect(john, "Big Events LLC")
    assert not is_asked(john, shop)
    consent.end_all(shop.client_id)
    assert "already" not in john.open(shop.authorize_path()).text
    assert "A shop" not in john.open("/settings/authorized").text
    assert is_asked(john, shop)


def test_new_consent_works_at_once_and_revives_no_old_token(john: Browser, shop: ClientApp) -> None:
    old = shop.connect(john, "Big Events LLC")
    unused = john.open(shop.authorize_path()).code
    shown = john.open(shop.authorize_path(approval_prompt="force"))
    consent.end_all(shop.client_id)
    new = shop.exchange(john.allow(shown, "Small Shows").code).json()
    assert shop.me(new["access_token"]).status_code == 200
    assert shop.refresh(new["refresh_token"]).status_code == 200
    assert not is_asked(john, shop)
    assert shop.me(old["access_token"]).status_code == 401
    assert shop.refresh(old["refresh_token"]).json()["error"] == "invalid_grant"
    assert shop.exchange(unused).json()["error"] == "invalid_grant"


def test_ending_twice_within_one_second_also_ends_what_was_allowed_in_between(
    john: Browser, shop: ClientApp, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock.now()
    monkeypatch.setattr("chalicelib.clock.now", lambda: now)
    for _ in range(3):
        tokens = shop.connect(john, "Big Events LLC")
        assert shop.me(tokens["access_token"]).status_code == 200
        consent.end_all(shop.client_id)
        assert shop.me(tokens["access_token"]).status_code == 401


def test_consent_being_answered_while_all_are_ended_revives_nothing(
    john: Browser, shop: ClientApp, store: StoreProxy
) -> None:
    old = shop.connect(john, "Big Events LLC")
    shown = john.open(shop.authorize_path(approval_prompt="force"))
    with store.before("TransactWriteItems", lambda: consent.end_all(shop.client_id)):
        code = john.allow(shown, "Big Events LLC").code
    assert shop.exchange(code).json()["error"] == "invalid_grant"
    assert shop.me(old["access_token"]).status_code == 401
    assert is_asked(john, shop)


def test_exchange_running_while_all_consents_are_ended_gives_no_working_token(
    john: Browser, shop: ClientApp, store: StoreProxy
) -> None:
    code = john.allow(john.open(shop.authorize_path()), "Big Events LLC").code
    with store.before("TransactWriteItems", lambda: consent.end_all(shop.client_id)):
        tokens = shop.exchange(code).json()
    assert shop.me(tokens["access_token"]).status_code == 401
    assert shop.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


@pytest.mark.spec("RFC 8628 §3.5")
def test_approved_device_gets_no_tokens_after_the_end_and_can_be_approved_again(
    john: Browser, a_browser: Callable[..., Browser]
) -> None:
    tv = registered_device(a_browser())
    allowed, waiting = tv.start(), tv.start()
    john.allow(john.open(allowed["verification_uri_complete"]), "Big Events LLC")
    consent.end_all(tv.client_id)
    assert tv.poll(allowed["device_code"]).json()["error"] == "invalid_grant"
    page = john.open(waiting["verification_uri_complete"])
    assert "already" not in page.text
    john.allow(page, "Big Events LLC")
    assert tv.me(tv.poll(waiting["device_code"]).json()["access_token"]).status_code == 200


@pytest.mark.spec("RFC 9126 §4")
def test_request_pushed_before_the_end_asks_the_user_and_can_be_allowed(john: Browser, shop: ClientApp) -> None:
    shop.connect(john, "Big Events LLC", scope="read")
    request_uri = reference(shop)
    consent.end_all(shop.client_id)
    page = john.open(pushed_path(shop, request_uri))
    assert page.left_to is None, "the ended consent is not remembered"
    token = shop.exchange(john.allow(page, "Big Events LLC").code).json()["access_token"]
    assert shop.me(token).status_code == 200


def test_ending_the_consents_of_an_unknown_application_is_an_error(shop: ClientApp) -> None:
    with pytest.raises(store.ConditionFailed):
        consent.end_all("nobody")
    ended: Any = store.read(Application.key("nobody"))[0]
    assert ended is None
