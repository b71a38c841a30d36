"""Public clients' refresh tokens rotate: a replay ends the grant, a lost response does not (RFC 9700 §4.14)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from chalicelib import credentials, settings
from chalicelib.credentials import Kind
from chalicelib.models import grant
from tests.actors import Browser
from tests.conftest import Clock
from tests.public_app import PublicApp
from tests.store_proxy import Fault, StoreProxy

pytestmark = pytest.mark.spec("RFC 9700 §4.14.2", "RFC 6749 §10.4")


@pytest.fixture
def spa(a_browser: Callable[..., Browser]) -> PublicApp:
    return PublicApp.registered_by(a_browser())


def test_each_refresh_gives_the_next_refresh_token(john: Browser, spa: PublicApp, clock: Clock) -> None:
    first = spa.connect(john, "Big Events LLC")
    tokens = first
    for _ in range(4):
        clock.advance(3600)
        answer = spa.refresh(tokens["refresh_token"])
        assert answer.status_code == 200, answer.text
        assert answer.json()["refresh_token"] != tokens["refresh_token"]
        assert spa.me(tokens["access_token"]).status_code == 401
        tokens = answer.json()
        assert spa.me(tokens["access_token"]).status_code == 200
        assert tokens["expires_in"] == 86400
    assert credentials.recognize(tokens["refresh_token"], Kind.REFRESH_TOKEN) is not None


def test_refresh_repeated_within_the_grace_period_gets_the_same_tokens(
    john: Browser, spa: PublicApp, clock: Clock
) -> None:
    used = spa.connect(john, "Big Events LLC")["refresh_token"]
    first = spa.refresh(used).json()
    clock.advance(50)
    repeat = spa.refresh(used)
    assert repeat.status_code == 200, repeat.text
    assert {**repeat.json(), "expires_in": None} == {**first, "expires_in": None}
    assert first["expires_in"] - 60 < repeat.json()["expires_in"] <= first["expires_in"] - 50
    assert spa.me(first["access_token"]).status_code == 200
    assert spa.refresh(first["refresh_token"]).status_code == 200


def test_refresh_repeated_after_the_grace_period_ends_the_grant_and_is_logged(
    john: Browser, spa: PublicApp, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    used = spa.connect(john, "Big Events LLC")["refresh_token"]
    tokens = spa.refresh(used).json()
    clock.advance(60)
    capsys.readouterr()
    answer = spa.refresh(used)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert '"security_event":"refresh token replayed"' in capsys.readouterr().out
    assert spa.me(tokens["access_token"]).status_code == 401
    assert spa.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


def test_last_two_refresh_tokens_have_a_grace_period_for_processes_that_share_them(
    john: Browser, spa: PublicApp, clock: Clock
) -> None:
    first = spa.connect(john, "Big Events LLC")["refresh_token"]
    second = spa.refresh(first).json()["refresh_token"]
    clock.advance(30)
    tokens = spa.refresh(second).json()
    for used in (first, second, first):
        repeat = spa.refresh(used)
        assert repeat.status_code == 200, repeat.text
        assert {**repeat.json(), "expires_in": None} == {**tokens, "expires_in": None}
    assert spa.me(tokens["access_token"]).status_code == 200
    assert spa.refresh(tokens["refresh_token"]).status_code == 200


def test_second_to_last_refresh_token_keeps_only_its_own_grace_period(
    john: Browser, spa: PublicApp, clock: Clock
) -> None:
    first = spa.connect(john, "Big Events LLC")["refresh_token"]
    second = spa.refresh(first).json()["refresh_token"]
    clock.advance(30)
    tokens = spa.refresh(second).json()
    clock.advance(30)
    assert spa.refresh(second).json()["refresh_token"] == tokens["refresh_token"]
    assert spa.refresh(first).json()["error"] == "invalid_grant"
    assert spa.me(tokens["access_token"]).status_code == 401


def test_third_to_last_refresh_token_is_a_replay_however_soon_it_comes(john: Browser, spa: PublicApp) -> None:
    stolen = tokens = spa.connect(john, "Big Events LLC")
    for _ in range(3):
        tokens = spa.refresh(tokens["refresh_token"]).json()
    assert spa.refresh(stolen["refresh_token"]).json()["error"] == "invalid_grant"
    assert spa.me(tokens["access_token"]).status_code == 401


def test_much_older_refresh_token_is_still_a_replay(john: Browser, spa: PublicApp) -> None:
    stolen = spa.connect(john, "Big Events LLC")["refresh_token"]
    tokens = {"refresh_token": stolen}
    for _ in range(8):
        tokens = spa.refresh(tokens["refresh_token"]).json()
    assert spa.refresh(stolen).json()["error"] == "invalid_grant"
    assert spa.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


@pytest.mark.spec("DOT #1816", "CVE-2026-9802")
def test_revoked_grant_has_no_grace_period(john: Browser, spa: PublicApp) -> None:
    used = spa.connect(john, "Big Events LLC")["refresh_token"]
    tokens = spa.refresh(used).json()
    spa.revoke(tokens["refresh_token"])
    assert spa.refresh(used).json()["error"] == "invalid_grant"
    assert spa.me(tokens["access_token"]).status_code == 401


def test_grant_that_the_user_ended_has_no_grace_period(john: Browser, spa: PublicApp) -> None:
    used = spa.connect(john, "Big Events LLC")["refresh_token"]
    spa.refresh(used)
    john.press(john.open("/settings/authorized"), "Revoke")
    assert spa.refresh(used).json()["error"] == "invalid_grant"


def test_made_up_refresh_token_ends_nothing(john: Browser, spa: PublicApp) -> None:
    tokens = spa.connect(john, "Big Events LLC")
    tokens = spa.refresh(tokens["refresh_token"]).json()
    named = credentials.recognize(tokens["access_token"], Kind.ACCESS_TOKEN)
    assert named is not None
    made_up = credentials.mint(Kind.REFRESH_TOKEN, named.names)
    assert spa.refresh(made_up).json()["error"] == "invalid_grant"
    assert spa.me(tokens["access_token"]).status_code == 200


def test_another_application_can_neither_use_nor_end_a_refresh_token(
    john: Browser, spa: PublicApp, a_browser: Callable[..., Browser]
) -> None:
    other = PublicApp.registered_by(a_browser())
    used = spa.connect(john, "Big Events LLC")["refresh_token"]
    tokens = spa.refresh(used).json()
    for token in (used, tokens["refresh_token"]):
        assert other.refresh(token).json()["error"] == "invalid_grant"
    assert spa.me(tokens["access_token"]).status_code == 200


@pytest.mark.spec("RFC 7009 §2.1")
def test_revoking_a_rotated_refresh_token_ends_the_grant(john: Browser, spa: PublicApp) -> None:
    used = spa.connect(john, "Big Events LLC")["refresh_token"]
    tokens = spa.refresh(used).json()
    assert spa.revoke(used).status_code == 200
    assert spa.me(tokens["access_token"]).status_code == 401


def test_refresh_whose_write_is_not_confirmed_is_not_a_replay(john: Browser, spa: PublicApp, store: StoreProxy) -> None:
    used = spa.connect(john, "Big Events LLC")["refresh_token"]
    with store.fault(Fault.LOSES_ANSWER, "TransactWriteItems", times=1):
        answer = spa.refresh(used)
    assert answer.status_code == 200, answer.text
    assert spa.me(answer.json()["access_token"]).status_code == 200


def test_failed_refresh_leaves_the_token_usable(john: Browser, spa: PublicApp, store: StoreProxy) -> None:
    used = spa.connect(john, "Big Events LLC")["refresh_token"]
    with store.fault(Fault.INTERNAL_ERROR, "TransactWriteItems"):
        answer = spa.refresh(used)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert spa.refresh(used).status_code == 200


@pytest.mark.usefixtures("store")  # in this process: a local Lambda runs out of concurrency
@pytest.mark.spec("docs/architecture.md", "CVE-2026-1035", "RFC 6749 §6")
@pytest.mark.parametrize("processes", [2, 8, 24])
def test_processes_that_refresh_at_once_all_get_the_same_working_tokens(
    john: Browser, spa: PublicApp, processes: int
) -> None:
    used = spa.connect(john, "Big Events LLC")["refresh_token"]
    for _ in range(3):
        with ThreadPoolExecutor(processes) as pool:
            answers = list(pool.map(lambda _, token=used: spa.refresh(token), range(processes)))
        assert {answer.status_code for answer in answers} == {200}, [answer.text for answer in answers]
        assert len({answer.json()["access_token"] for answer in answers}) == 1
        assert len({answer.json()["refresh_token"] for answer in answers}) == 1
        assert spa.me(answers[0].json()["access_token"]).status_code == 200
        used = answers[0].json()["refresh_token"]


@pytest.mark.spec("docs/security.md", "RFC 6749 §10.10")
def test_stored_grant_contains_no_usable_token(john: Browser, spa: PublicApp) -> None:
    tokens = spa.refresh(spa.connect(john, "Big Events LLC")["refresh_token"]).json()
    named = credentials.recognize(tokens["refresh_token"], Kind.REFRESH_TOKEN)
    assert named is not None
    standing = grant.standing(named.names)
    assert standing is not None
    assert standing.access_token is not None
    stored = f"{standing.grant.attribute_values} {standing.access_token.attribute_values}"
    for name in ("access_token", "refresh_token"):
        assert tokens[name] not in stored
        assert tokens[name][-49:-6] not in stored
    assert credentials.digest(tokens["refresh_token"]) in stored


def test_operator_can_turn_the_grace_period_off(john: Browser, spa: PublicApp, monkeypatch: pytest.MonkeyPatch) -> None:
    strict: Any = replace(settings.SETTINGS, refresh_grace_seconds=0)
    monkeypatch.setattr(settings, "SETTINGS", strict)
    used = spa.connect(john, "Big Events LLC")["refresh_token"]
    tokens = spa.refresh(used).json()
    assert spa.refresh(used).json()["error"] == "invalid_grant"
    assert spa.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


def test_changing_the_server_key_ends_no_token(john: Browser, spa: PublicApp, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = spa.refresh(spa.connect(john, "Big Events LLC")["refresh_token"]).json()
    changed: Any = replace(settings.SETTINGS, server_key="another-key-of-at-least-forty-three-characters")
    monkeypatch.setattr(settings, "SETTINGS", changed)
    tokens = spa.refresh(tokens["refresh_token"]).json()
    assert spa.me(tokens["access_token"]).status_code == 200
    assert spa.refresh(tokens["refresh_token"]).status_code == 200


def test_confidential_clients_refresh_token_does_not_rotate(john: Browser, a_browser: Callable[..., Browser]) -> None:
    shop = a_browser().register_application()
    tokens = shop.connect(john, "Big Events LLC")
    assert shop.refresh(tokens["refresh_token"]).json()["refresh_token"] == tokens["refresh_token"]
    assert shop.refresh(tokens["refresh_token"]).json()["refresh_token"] == tokens["refresh_token"]
