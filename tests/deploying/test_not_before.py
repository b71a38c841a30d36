"""A restore brings back what was revoked since the backup, so NOT_BEFORE ends everything issued until then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from chalicelib import clock as clock_module
from chalicelib import settings
from chalicelib.models import store
from chalicelib.models.device_request import DeviceRequest
from chalicelib.models.pushed_request import PushedRequest
from chalicelib.protocol.authorization import device, pushed_requests
from tests.actors import Browser, ClientApp
from tests.conftest import Clock
from tests.flows.test_device import registered as registered_device
from tests.flows.test_pushed_requests import path as pushed_path
from tests.flows.test_pushed_requests import reference


@pytest.fixture
def restore(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Callable[[], None]:
    """Act as the operator who restored the tables and sets NOT_BEFORE to now."""

    def made() -> None:
        clock.advance(1)
        moment = settings.from_environment({"NOT_BEFORE": str(clock_module.now())}).not_before
        monkeypatch.setattr(settings, "SETTINGS", replace(settings.SETTINGS, not_before=moment))

    return made


def test_tokens_codes_and_sessions_issued_before_a_restore_are_refused(
    john: Browser, shop: ClientApp, restore: Callable[[], None]
) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    code = john.open(shop.authorize_path()).code
    assert shop.me(tokens["access_token"]).status_code == 200
    restore()
    assert shop.me(tokens["access_token"]).json()["error"] == "invalid_token"
    assert shop.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert shop.exchange(code).json()["error"] == "invalid_grant"
    assert john.open("/settings/applications").path == "/login"


def test_consent_from_before_a_restore_is_not_remembered_and_users_can_connect_again(
    john: Browser, shop: ClientApp, restore: Callable[[], None]
) -> None:
    shop.connect(john, "Big Events LLC")
    assert john.open(shop.authorize_path()).left_to is not None
    restore()
    john.sign_in()
    page = john.open(shop.authorize_path())
    assert page.left_to is None
    assert shop.me(shop.connect(john, "Big Events LLC")["access_token"]).status_code == 200
    assert john.open(shop.authorize_path()).left_to is not None


def test_consent_from_before_a_restore_does_not_return_with_a_new_one(
    john: Browser, shop: ClientApp, restore: Callable[[], None]
) -> None:
    """The restored consent may be one that the user had revoked."""
    shop.connect(john, "Big Events LLC")
    restore()
    john.sign_in()
    assert "A shop" not in john.open("/settings/authorized").text
    page = john.open(shop.authorize_path(scope="read"))
    assert "already" not in page.text
    john.allow(page, "Big Events LLC")
    assert john.open(shop.authorize_path(scope="read")).left_to is not None
    assert john.open(shop.authorize_path(scope="read write")).left_to is None
    assert "Change your organizers’ details" not in john.open("/settings/authorized").text


@pytest.mark.spec("RFC 8628 §3.5")
def test_device_request_from_before_a_restore_has_expired(
    john: Browser, a_browser: Callable[..., Browser], restore: Callable[[], None]
) -> None:
    tv = registered_device(a_browser())
    waiting, allowed = tv.start(), tv.start()
    john.allow(john.open(allowed["verification_uri_complete"]), "Big Events LLC")
    restore()
    john.sign_in()
    assert john.open(waiting["verification_uri_complete"]).status == 400
    for started in (waiting, allowed):
        assert tv.poll(started["device_code"]).json()["error"] == "expired_token"
    anew = tv.start()
    john.allow(john.open(anew["verification_uri_complete"]), "Big Events LLC")
    assert tv.poll(anew["device_code"]).status_code == 200


@pytest.mark.spec("RFC 9126 §2.2")
def test_request_pushed_before_a_restore_has_expired(
    john: Browser, shop: ClientApp, restore: Callable[[], None]
) -> None:
    request_uri = reference(shop)
    restore()
    john.sign_in()
    page = john.open(pushed_path(shop, request_uri))
    assert (page.status, page.left_to) == (400, None)
    assert john.allow(john.open(pushed_path(shop, reference(shop))), "Big Events LLC").code


def test_upgrade_keeps_requests_that_were_stored_without_a_creation_time(
    john: Browser, shop: ClientApp, a_browser: Callable[..., Browser]
) -> None:
    tv = registered_device(a_browser())
    started, request_uri = tv.start(), reference(shop)
    device_key = device.key_of(started["user_code"])
    pushed_key = pushed_requests.key_of({"request_uri": [request_uri]})
    assert device_key
    assert pushed_key
    store.change(device_key, [DeviceRequest.created_at.remove()])
    store.change(pushed_key, [PushedRequest.created_at.remove()])
    assert tv.poll(started["device_code"]).json()["error"] == "authorization_pending"
    assert john.open(started["verification_uri_complete"]).status == 200
    assert john.open(pushed_path(shop, request_uri)).status == 200


@pytest.mark.parametrize("value", ["yesterday", "-1", "1.5", "17955066760000"])
def test_invalid_not_before_is_refused(value: str) -> None:
    with pytest.raises(settings.SettingsError, match="NOT_BEFORE"):
        settings.from_environment({"NOT_BEFORE": value})
