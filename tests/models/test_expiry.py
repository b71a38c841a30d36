"""What expires: counters, sessions, and the attribute by which each table forgets."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest

from chalicelib import credentials, settings
from chalicelib.caller import NOBODY
from chalicelib.credentials import Kind
from chalicelib.models import session, store, throttle
from chalicelib.models.session import Session
from chalicelib.models.user import User
from infra import tables
from tests.conftest import Clock

WINDOW = 900


@pytest.mark.spec("design: storage")
@pytest.mark.usefixtures("engine")
def test_each_table_that_forgets_has_its_ttl_and_no_other_has_one() -> None:
    client = boto3.client("dynamodb")
    found = {}
    for model in tables.MODELS:
        name = str(model.Meta.table_name)  # type: ignore[attr-defined]
        described = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        if described["TimeToLiveStatus"] in ("ENABLED", "ENABLING"):
            found[name.removeprefix(settings.SETTINGS.table_prefix)] = described["AttributeName"]
    assert found == {
        "authorization_codes": "forget_at",
        "access_tokens": "expires_at",
        "sessions": "expires_at",
        "security_events": "forget_at",
        "mail_links": "forget_at",
        "throttles": "expires_at",
        "used_assertions": "expires_at",
        "pushed_requests": "expires_at",
        "device_requests": "forget_at",
        "operator_events": "forget_at",
    }


@pytest.mark.spec("line 17")
@pytest.mark.usefixtures("engine")
def test_tries_add_up_in_their_window_and_start_again_in_the_next(clock: Clock) -> None:
    what = credentials.new_id()
    clock.advance(WINDOW - clock.now() % WINDOW)
    assert [throttle.count_try(what, window_seconds=WINDOW) for _ in range(3)] == [1, 2, 3]
    assert throttle.count_try(what + "x", window_seconds=WINDOW) == 1
    throttle.uncount(what, window_seconds=WINDOW)
    assert throttle.count_try(what, window_seconds=WINDOW) == 3
    clock.advance(WINDOW)
    assert throttle.count_try(what, window_seconds=WINDOW) == 1
    throttle.forget(what, window_seconds=WINDOW)
    assert throttle.count_try(what, window_seconds=WINDOW) == 1
    kept = store.read(throttle.Throttle.key(what, WINDOW))[0]
    assert kept
    assert kept.expires_at % WINDOW == 0
    assert clock.now() < kept.expires_at <= clock.now() + WINDOW
    assert what not in kept.throttle_key


@pytest.mark.spec("line 17")
def test_tries_at_once_are_all_counted() -> None:
    what = credentials.new_id()
    with ThreadPoolExecutor(16) as pool:
        counts = pool.map(lambda _: throttle.count_try(what, window_seconds=10**9), range(32))
    assert sorted(counts) == list(range(1, 33))


@pytest.mark.spec("line 17")
@pytest.mark.usefixtures("engine")
def test_a_session_ends_when_it_is_idle_and_after_half_a_day_at_the_latest(clock: Clock) -> None:
    secret = session.start(User(user_id="a" * credentials.ID_LENGTH), NOBODY)
    begun = _session(secret)
    assert begun
    assert begun.expires_at == begun.created_at + settings.SESSION_IDLE_SECONDS
    clock.advance(settings.SESSION_TOUCH_SECONDS - 10)
    session.touch(begun)
    assert _session(secret).last_seen_at == begun.created_at  # type: ignore[union-attr]
    for _ in range(5):
        clock.advance(settings.SESSION_IDLE_SECONDS - 600)
        seen = _session(secret)
        assert seen
        if seen.is_expired:
            break
        session.touch(seen)
    assert clock.now() >= begun.created_at + settings.SESSION_LIFETIME_SECONDS
    last = _session(secret)
    assert last
    assert last.is_expired
    assert last.expires_at == begun.created_at + settings.SESSION_LIFETIME_SECONDS


@pytest.mark.spec("line 17")
@pytest.mark.usefixtures("engine")
def test_a_session_that_was_ended_is_not_touched_back_to_life(clock: Clock) -> None:
    secret = session.start(User(user_id="a" * credentials.ID_LENGTH), NOBODY)
    begun = _session(secret)
    assert begun
    session.end(begun.user_id, begun.session_digest)
    clock.advance(settings.SESSION_TOUCH_SECONDS)
    session.touch(begun)
    assert _session(secret) is None


def _session(secret: str) -> Session | None:
    named = credentials.recognize(secret, Kind.SESSION)
    assert named
    return store.read(Session.key(named.names, named.digest))[0]
