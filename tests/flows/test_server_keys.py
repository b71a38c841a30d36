"""A new server key ends no token: repeats get the same response, and replays are still detected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib import clock as application_clock
from chalicelib import credentials, settings
from chalicelib.credentials import Kind
from chalicelib.keys import server_key
from chalicelib.models import store
from chalicelib.models.access_token import AccessToken
from chalicelib.models.grant import Grant
from tests.actors import Browser
from tests.conftest import Clock
from tests.flows.test_stolen_refresh_tokens import grant_of
from tests.public_app import PublicApp

pytestmark = pytest.mark.spec("RFC 9700 §4.14.2")
FIRST, SECOND, THIRD = (f"{name}-key-of-at-least-forty-three-characters-in-all" for name in ("a-1st", "a-2nd", "a-3rd"))
Use = Callable[..., None]


@pytest.fixture
def spa(a_browser: Callable[..., Browser]) -> PublicApp:
    return PublicApp.registered_by(a_browser())


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Use:
    """Deploy with these server keys, newest first."""

    def deploy(newest: str, *previous: str) -> None:
        changed: Any = replace(settings.SETTINGS, server_key=newest, previous_server_keys=previous)
        monkeypatch.setattr(settings, "SETTINGS", changed)

    deploy(FIRST)
    return deploy


def refreshed(spa: PublicApp, tokens: dict[str, Any], times: int = 1) -> dict[str, Any]:
    for _ in range(times):
        answer = spa.refresh(tokens["refresh_token"])
        assert answer.status_code == 200, answer.text
        tokens = answer.json()
    return tokens


@pytest.mark.parametrize("stolen_at", range(7))
def test_used_token_is_still_recognized_whichever_key_made_it(
    john: Browser, spa: PublicApp, clock: Clock, use: Use, stolen_at: int
) -> None:
    made = [spa.connect(john, "Big Events LLC")]
    for keys in ((FIRST,), (SECOND, FIRST), (THIRD, SECOND, FIRST)):
        use(*keys)
        for _ in range(2):
            made.append(refreshed(spa, made[-1]))
    made.append(refreshed(spa, made[-1]))
    clock.advance(settings.SETTINGS.refresh_grace_seconds)
    answer = spa.refresh(made[stolen_at]["refresh_token"])
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert "used before" in answer.json()["error_description"]
    assert spa.me(made[-1]["access_token"]).status_code == 401


def test_refresh_repeated_after_a_key_change_gets_the_same_tokens(john: Browser, spa: PublicApp, use: Use) -> None:
    first = spa.connect(john, "Big Events LLC")
    second = refreshed(spa, first)
    use(SECOND, FIRST)
    assert refreshed(spa, first)["refresh_token"] == second["refresh_token"]
    third = refreshed(spa, second)
    use(THIRD, SECOND, FIRST)
    for used in (first, second):
        repeat = refreshed(spa, used)
        assert {**repeat, "expires_in": None} == {**third, "expires_in": None}
    assert spa.me(third["access_token"]).status_code == 200


def test_refreshes_work_while_some_processes_still_have_only_the_old_key(
    john: Browser, spa: PublicApp, use: Use
) -> None:
    tokens = spa.connect(john, "Big Events LLC")
    for keys in ((SECOND, FIRST), (FIRST,), (SECOND, FIRST), (FIRST,), (SECOND, FIRST)):
        use(*keys)
        tokens = refreshed(spa, tokens)
    assert spa.me(tokens["access_token"]).status_code == 200
    assert len(grant_of(tokens).past_stretches) == 4


def test_token_of_a_removed_key_is_not_recognized_and_ends_nothing(
    john: Browser, spa: PublicApp, clock: Clock, use: Use
) -> None:
    first = spa.connect(john, "Big Events LLC")
    tokens = refreshed(spa, first, times=2)
    use(SECOND)
    tokens = refreshed(spa, tokens, times=2)
    clock.advance(settings.SETTINGS.refresh_grace_seconds)
    assert spa.refresh(first["refresh_token"]).json()["error"] == "invalid_grant"
    assert spa.me(tokens["access_token"]).status_code == 200
    use(SECOND, FIRST)
    assert spa.refresh(first["refresh_token"]).json()["error"] == "invalid_grant"
    assert spa.me(tokens["access_token"]).status_code == 401, "the token is recognized once its key is back"


def test_made_up_refresh_token_ends_nothing_under_any_keys(john: Browser, spa: PublicApp, use: Use) -> None:
    tokens = refreshed(spa, spa.connect(john, "Big Events LLC"), times=2)
    use(SECOND, FIRST)
    tokens = refreshed(spa, tokens, times=2)
    made_up = credentials.mint(Kind.REFRESH_TOKEN, grant_of(tokens).grant_id)
    assert spa.refresh(made_up).json()["error"] == "invalid_grant"
    assert spa.me(tokens["access_token"]).status_code == 200


def test_key_and_an_old_token_derive_no_current_token_without_the_store(
    john: Browser, spa: PublicApp, use: Use
) -> None:
    first = spa.connect(john, "Big Events LLC")
    second = refreshed(spa, first)
    grant_id = grant_of(first).grant_id
    for kind, name in ((Kind.REFRESH_TOKEN, "refresh_token"), (Kind.ACCESS_TOKEN, "access_token")):
        derived = credentials.mint_derived(kind, grant_id, key=FIRST.encode(), source=first["refresh_token"])
        assert derived != second[name]
    assert len(grant_of(second).refresh_salt) == credentials.SECRET_LENGTH


@pytest.mark.usefixtures("use")
def test_each_grant_has_its_own_salt(john: Browser, spa: PublicApp) -> None:
    one, another = (grant_of(spa.connect(john, "Big Events LLC")) for _ in range(2))
    assert one.refresh_salt != another.refresh_salt


def as_stored_before(tokens: dict[str, Any], rotations: int) -> list[dict[str, str]]:
    """Rotate as the previous version did, without a salt or a note of the key, and return every generation."""
    found, made = grant_of(tokens), [{name: tokens[name] for name in ("refresh_token", "access_token")}]
    key = server_key.read()
    for _ in range(rotations):
        source = made[-1]["refresh_token"]
        kinds = {"refresh_token": Kind.REFRESH_TOKEN, "access_token": Kind.ACCESS_TOKEN}
        made.append(
            {
                name: credentials.mint_derived(kind, found.grant_id, key=key, source=source)
                for name, kind in kinds.items()
            }
        )
    store.change(
        Grant.key(found.grant_id),
        [
            Grant.refresh_digest.set(credentials.digest(made[-1]["refresh_token"])),
            Grant.generation.set(rotations),
            Grant.rotated_at.set(application_clock.now()),
            Grant.refresh_salt.remove(),
            Grant.forget_at.remove(),
            Grant.stretch_began.remove(),
            Grant.repeated_rotations.remove(),
        ],
    )
    digest = credentials.digest(made[-1]["access_token"])
    store.change(AccessToken.key(found.grant_id), [AccessToken.token_digest.set(digest)])
    return made


def test_tokens_issued_before_an_upgrade_keep_working(john: Browser, spa: PublicApp, use: Use) -> None:
    made = as_stored_before(spa.connect(john, "Big Events LLC"), rotations=3)
    use(SECOND, FIRST)
    assert spa.me(made[-1]["access_token"]).status_code == 200
    repeat = refreshed(spa, made[-2])
    assert [repeat[name] for name in made[-1]] == list(made[-1].values())
    tokens = refreshed(spa, made[-1])
    assert spa.me(tokens["access_token"]).status_code == 200
    assert refreshed(spa, made[-1])["refresh_token"] == tokens["refresh_token"]
    assert refreshed(spa, made[-2])["refresh_token"] == tokens["refresh_token"], "both are within their grace periods"
    assert grant_of(tokens).refresh_salt


@pytest.mark.parametrize("stolen_at", range(4))
def test_tokens_issued_before_an_upgrade_are_still_recognized_as_used(
    john: Browser, spa: PublicApp, clock: Clock, use: Use, stolen_at: int
) -> None:
    made = as_stored_before(spa.connect(john, "Big Events LLC"), rotations=3)
    use(SECOND, FIRST)
    tokens = refreshed(spa, made[-1], times=2)
    clock.advance(settings.SETTINGS.refresh_grace_seconds)
    assert spa.refresh(made[stolen_at]["refresh_token"]).json()["error"] == "invalid_grant"
    assert spa.me(tokens["access_token"]).status_code == 401
