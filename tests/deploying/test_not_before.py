"""A restore brings back what was revoked since the backup; NOT_BEFORE ends all that was issued until then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from chalicelib import clock as clock_module
from chalicelib import settings
from tests.actors import Browser, ClientApp
from tests.conftest import Clock


@pytest.fixture
def restore(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Callable[[], None]:
    """The operator has restored the tables, and set NOT_BEFORE to the present moment."""

    def made() -> None:
        clock.advance(1)
        moment = settings.from_environment({"NOT_BEFORE": str(clock_module.now())}).not_before
        monkeypatch.setattr(settings, "SETTINGS", replace(settings.SETTINGS, not_before=moment))

    return made


def test_tokens_codes_and_sessions_from_before_are_refused(
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


def test_nothing_is_remembered_from_before_and_one_can_connect_anew(
    john: Browser, shop: ClientApp, restore: Callable[[], None]
) -> None:
    shop.connect(john, "Big Events LLC")
    assert john.open(shop.authorize_path()).left_to is not None
    restore()
    john.log_in()
    page = john.open(shop.authorize_path())
    assert page.left_to is None
    assert shop.me(shop.connect(john, "Big Events LLC")["access_token"]).status_code == 200
    assert john.open(shop.authorize_path()).left_to is not None


@pytest.mark.parametrize("value", ["yesterday", "-1", "1.5", "17955066760000"])
def test_a_moment_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(settings.SettingsError, match="NOT_BEFORE"):
        settings.from_environment({"NOT_BEFORE": value})
