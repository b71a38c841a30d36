"""A refresh token shared with a thief is noticed, and unused ones expire (RFC 9700 §4.14.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib import credentials, limits, settings
from chalicelib.credentials import Kind
from chalicelib.models import store as tables
from chalicelib.models.grant import Grant
from tests.account.test_events import PATH, events
from tests.actors import Browser, ClientApp
from tests.conftest import Clock
from tests.public_app import PublicApp
from tests.store_proxy import Fault, StoreProxy

pytestmark = pytest.mark.spec("RFC 9700 §4.14.2")
DAY = 86_400
ENDED = "A code or a refresh token was used twice; that connection was ended A public app"


@pytest.fixture
def spa(a_browser: Callable[..., Browser]) -> PublicApp:
    return PublicApp.registered_by(a_browser())


def grant_of(tokens: dict[str, Any]) -> Grant:
    named = credentials.recognize(tokens["refresh_token"], Kind.REFRESH_TOKEN)
    assert named is not None
    found = tables.read(Grant.key(named.names))[0]
    assert found is not None
    return found


def cycle(spa: PublicApp, tokens: dict[str, Any], *, repeats: int) -> dict[str, Any]:
    """Refresh once, then repeat the used token this many times within the grace period."""
    refreshed = spa.refresh(tokens["refresh_token"])
    assert refreshed.status_code == 200, refreshed.text
    for _ in range(repeats):
        repeat = spa.refresh(tokens["refresh_token"])
        assert repeat.json()["refresh_token"] == refreshed.json()["refresh_token"]
    return dict(refreshed.json())


def test_thief_who_repeats_every_refresh_within_the_grace_period_is_noticed(
    john: Browser, spa: PublicApp, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    tokens = spa.connect(john, "Big Events LLC")
    for _ in range(limits.REFRESH_REPEATED_ROTATIONS_LIMIT):
        tokens = cycle(spa, tokens, repeats=1)
        clock.advance(DAY)
    stolen, tokens = tokens, cycle(spa, tokens, repeats=0)
    capsys.readouterr()
    noticed = spa.refresh(stolen["refresh_token"])
    assert (noticed.status_code, noticed.json()["error"]) == (400, "invalid_grant")
    assert "repeated after each of the last refreshes" in noticed.json()["error_description"]
    assert '"security_event":"refresh token repeatedly replayed"' in capsys.readouterr().out
    assert spa.me(tokens["access_token"]).status_code == 401
    assert spa.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    john.sign_in()
    assert any(event.startswith(ENDED) for event in events(john.open(PATH)))


def test_client_that_loses_a_response_now_and_then_keeps_its_grant(john: Browser, spa: PublicApp) -> None:
    tokens = spa.connect(john, "Big Events LLC")
    for _ in range(4):
        for _ in range(limits.REFRESH_REPEATED_ROTATIONS_LIMIT):
            tokens = cycle(spa, tokens, repeats=1)
        tokens = cycle(spa, tokens, repeats=0)
    assert spa.me(tokens["access_token"]).status_code == 200


def test_many_repeats_of_one_refresh_count_once(john: Browser, spa: PublicApp) -> None:
    tokens = spa.connect(john, "Big Events LLC")
    tokens = cycle(spa, tokens, repeats=limits.REFRESH_REPEATED_ROTATIONS_LIMIT + 2)
    assert grant_of(tokens).repeated_rotations == 1
    assert spa.me(tokens["access_token"]).status_code == 200


def test_first_repeat_costs_one_extra_write_and_a_refresh_costs_none(
    john: Browser, spa: PublicApp, store: StoreProxy
) -> None:
    tokens = spa.connect(john, "Big Events LLC")
    with store.count() as refresh:
        spa.refresh(tokens["refresh_token"])
    with store.count() as repeats:
        spa.refresh(tokens["refresh_token"])
        spa.refresh(tokens["refresh_token"])
    assert [call.operation for call in refresh] == ["BatchGetItem", "TransactWriteItems"]
    assert [call.operation.startswith("BatchGet") for call in repeats] == [True, True, False, True, True]
    assert repeats[2].operation == "UpdateItem"


def test_repeat_that_cannot_be_counted_still_gets_its_tokens(
    john: Browser, spa: PublicApp, store: StoreProxy, capsys: pytest.CaptureFixture[str]
) -> None:
    tokens = spa.connect(john, "Big Events LLC")
    refreshed = spa.refresh(tokens["refresh_token"]).json()
    capsys.readouterr()
    with store.fault(Fault.INTERNAL_ERROR, "UpdateItem", table="grants"):
        assert spa.refresh(tokens["refresh_token"]).json()["refresh_token"] == refreshed["refresh_token"]
    assert '"repeat":"not counted"' in capsys.readouterr().out
    assert grant_of(refreshed).repeated_rotations == 0
    assert spa.refresh(tokens["refresh_token"]).status_code == 200
    assert grant_of(refreshed).repeated_rotations == 1


def test_public_clients_refresh_token_expires_after_ninety_days_without_use(
    john: Browser, spa: PublicApp, clock: Clock
) -> None:
    tokens = spa.connect(john, "Big Events LLC")
    clock.advance(90 * DAY - 60)
    tokens = spa.refresh(tokens["refresh_token"]).json()
    clock.advance(90 * DAY - 60)
    tokens = spa.refresh(tokens["refresh_token"]).json()
    clock.advance(90 * DAY)
    ended = spa.refresh(tokens["refresh_token"])
    assert (ended.status_code, ended.json()["error"]) == (400, "invalid_grant")
    assert "was not used for 90 days" in ended.json()["error_description"]


def test_refresh_token_that_was_never_used_expires_too(john: Browser, spa: PublicApp, clock: Clock) -> None:
    tokens = spa.connect(john, "Big Events LLC")
    clock.advance(90 * DAY)
    assert "was not used for 90 days" in spa.refresh(tokens["refresh_token"]).json()["error_description"]


def test_idle_grant_is_deleted_some_time_after_it_expires(john: Browser, spa: PublicApp, clock: Clock) -> None:
    tokens = spa.connect(john, "Big Events LLC")
    first = grant_of(tokens)
    assert first.forget_at == first.created_at + 90 * DAY + limits.IDLE_GRANT_KEPT_SECONDS
    clock.advance(5 * DAY)
    after = grant_of(spa.refresh(tokens["refresh_token"]).json())
    assert after.forget_at - first.forget_at - 5 * DAY in range(5)


def test_confidential_clients_refresh_token_does_not_expire_when_idle(
    john: Browser, shop: ClientApp, clock: Clock
) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    assert grant_of(tokens).forget_at is None
    clock.advance(20 * 365 * DAY)
    assert shop.refresh(tokens["refresh_token"]).status_code == 200
    assert grant_of(tokens).forget_at is None


def test_operator_can_choose_the_idle_days_or_turn_the_limit_off(
    john: Browser, spa: PublicApp, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def choose(days: int) -> None:
        changed: Any = replace(settings.SETTINGS, refresh_idle_days=days)
        monkeypatch.setattr(settings, "SETTINGS", changed)

    tokens = spa.connect(john, "Big Events LLC")
    clock.advance(7 * DAY)
    choose(7)
    assert spa.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    choose(8)
    tokens = spa.refresh(tokens["refresh_token"]).json()
    choose(0)
    clock.advance(1000 * DAY)
    tokens = spa.refresh(tokens["refresh_token"]).json()
    assert grant_of(tokens).forget_at is None
    for days in (30, 365):
        choose(days)
        tokens = spa.refresh(tokens["refresh_token"]).json()
        left = grant_of(tokens).forget_at - clock.now()
        assert days * DAY + limits.IDLE_GRANT_KEPT_SECONDS - left in range(5), (
            "the new setting applies from the next refresh"
        )


def test_upgrade_ends_no_refresh_token_in_use(john: Browser, spa: PublicApp, clock: Clock) -> None:
    tokens = spa.connect(john, "Big Events LLC")
    tables.change(Grant.key(grant_of(tokens).grant_id), [Grant.forget_at.remove(), Grant.refresh_salt.remove()])
    clock.advance(120 * DAY)
    tokens = spa.refresh(tokens["refresh_token"]).json()
    assert spa.me(tokens["access_token"]).status_code == 200
    clock.advance(90 * DAY)
    assert spa.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("value", ["-1", "3651", "1.5", "ninety", "9" * 5000])
def test_invalid_number_of_idle_days_is_refused(value: str) -> None:
    with pytest.raises(settings.SettingsError, match="REFRESH_IDLE_DAYS must be a whole number of days from 0 to 3650"):
        settings.from_environment({"REFRESH_IDLE_DAYS": value})
