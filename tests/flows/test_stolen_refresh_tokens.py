"""Two clients with one refresh token, and refresh tokens that nobody uses any more (RFC 9700 §4.14.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib import credentials, settings
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
    """The client refreshes, and the used token is repeated so many times within the grace."""
    refreshed = spa.refresh(tokens["refresh_token"])
    assert refreshed.status_code == 200, refreshed.text
    for _ in range(repeats):
        repeat = spa.refresh(tokens["refresh_token"])
        assert repeat.json()["refresh_token"] == refreshed.json()["refresh_token"]
    return dict(refreshed.json())


def test_who_repeats_every_refresh_within_the_grace_is_noticed(
    john: Browser, spa: PublicApp, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    tokens = spa.connect(john, "Big Events LLC")
    for _ in range(settings.REFRESH_REPEATED_ROTATIONS_LIMIT):
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


def test_a_client_that_loses_an_answer_now_and_then_goes_on(john: Browser, spa: PublicApp) -> None:
    tokens = spa.connect(john, "Big Events LLC")
    for _ in range(4):
        for _ in range(settings.REFRESH_REPEATED_ROTATIONS_LIMIT):
            tokens = cycle(spa, tokens, repeats=1)
        tokens = cycle(spa, tokens, repeats=0)
    assert spa.me(tokens["access_token"]).status_code == 200


def test_many_repeats_of_one_refresh_count_once(john: Browser, spa: PublicApp) -> None:
    tokens = spa.connect(john, "Big Events LLC")
    tokens = cycle(spa, tokens, repeats=settings.REFRESH_REPEATED_ROTATIONS_LIMIT + 2)
    assert grant_of(tokens).repeated_rotations == 1
    assert spa.me(tokens["access_token"]).status_code == 200


def test_a_repeat_costs_one_write_and_a_refresh_none_more(john: Browser, spa: PublicApp, store: StoreProxy) -> None:
    tokens = spa.connect(john, "Big Events LLC")
    with store.count() as refresh:
        spa.refresh(tokens["refresh_token"])
    with store.count() as repeats:
        spa.refresh(tokens["refresh_token"])
        spa.refresh(tokens["refresh_token"])
    assert [call.operation for call in refresh] == ["BatchGetItem", "TransactWriteItems"]
    assert [call.operation.startswith("BatchGet") for call in repeats] == [True, True, False, True, True]
    assert repeats[2].operation == "UpdateItem"


def test_a_repeat_that_cannot_be_counted_gets_its_tokens_all_the_same(
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


def test_a_public_clients_refresh_token_ends_when_nobody_uses_it(john: Browser, spa: PublicApp, clock: Clock) -> None:
    tokens = spa.connect(john, "Big Events LLC")
    clock.advance(90 * DAY - 60)
    tokens = spa.refresh(tokens["refresh_token"]).json()
    clock.advance(90 * DAY - 60)
    tokens = spa.refresh(tokens["refresh_token"]).json()
    clock.advance(90 * DAY)
    ended = spa.refresh(tokens["refresh_token"])
    assert (ended.status_code, ended.json()["error"]) == (400, "invalid_grant")
    assert "was not used for 90 days" in ended.json()["error_description"]


def test_one_that_was_never_used_ends_too(john: Browser, spa: PublicApp, clock: Clock) -> None:
    tokens = spa.connect(john, "Big Events LLC")
    clock.advance(90 * DAY)
    assert "was not used for 90 days" in spa.refresh(tokens["refresh_token"]).json()["error_description"]


def test_a_grant_that_nobody_refreshes_is_forgotten_later_than_it_ends(
    john: Browser, spa: PublicApp, clock: Clock
) -> None:
    tokens = spa.connect(john, "Big Events LLC")
    first = grant_of(tokens)
    assert first.forget_at == first.created_at + 90 * DAY + settings.IDLE_GRANT_KEPT_SECONDS
    clock.advance(5 * DAY)
    after = grant_of(spa.refresh(tokens["refresh_token"]).json())
    assert after.forget_at - first.forget_at - 5 * DAY in range(5)


def test_a_confidential_clients_refresh_token_never_ends_by_itself(
    john: Browser, shop: ClientApp, clock: Clock
) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    assert grant_of(tokens).forget_at is None
    clock.advance(20 * 365 * DAY)
    assert shop.refresh(tokens["refresh_token"]).status_code == 200
    assert grant_of(tokens).forget_at is None


def test_an_operator_can_choose_the_days_or_none(
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
        assert days * DAY + settings.IDLE_GRANT_KEPT_SECONDS - left in range(5), "from the next refresh on"


def test_an_upgrade_ends_no_refresh_token_that_is_live(john: Browser, spa: PublicApp, clock: Clock) -> None:
    tokens = spa.connect(john, "Big Events LLC")
    tables.change(Grant.key(grant_of(tokens).grant_id), [Grant.forget_at.remove(), Grant.refresh_salt.remove()])
    clock.advance(120 * DAY)
    tokens = spa.refresh(tokens["refresh_token"]).json()
    assert spa.me(tokens["access_token"]).status_code == 200
    clock.advance(90 * DAY)
    assert spa.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("value", ["-1", "3651", "1.5", "ninety", "9" * 5000])
def test_days_that_are_none_are_refused(value: str) -> None:
    with pytest.raises(settings.SettingsError, match="REFRESH_IDLE_DAYS must be a whole number of days from 0 to 3650"):
        settings.from_environment({"REFRESH_IDLE_DAYS": value})
