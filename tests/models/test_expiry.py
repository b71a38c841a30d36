"""Counters and sessions expire, and each table deletes its items by the right attribute."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest

from chalicelib import credentials, limits, settings
from chalicelib.credentials import Kind
from chalicelib.models import session, store, throttle
from chalicelib.models.session import Session
from chalicelib.models.user import User
from chalicelib.request_source import UNKNOWN
from infra.deployment import tables
from tests import stage
from tests.conftest import Clock
from tests.store_proxy import Fault

WINDOW = 900


@pytest.mark.spec("docs/storage.md")
@pytest.mark.usefixtures("engine")
def test_every_table_with_expiring_items_has_its_ttl_attribute() -> None:
    client = boto3.client("dynamodb")
    found = {}
    for model in tables.MODELS:
        name = model.table()
        described = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        if described["TimeToLiveStatus"] in ("ENABLED", "ENABLING"):
            found[name.removeprefix(settings.SETTINGS.table_prefix)] = described["AttributeName"]
    assert found == {
        "authorization_codes": "forget_at",
        "grants": "forget_at",
        "access_tokens": "expires_at",
        "sessions": "expires_at",
        "security_events": "forget_at",
        "mail_links": "forget_at",
        "throttles": "expires_at",
        "used_assertions": "expires_at",
        "pushed_requests": "expires_at",
        "device_requests": "forget_at",
        "operator_events": "forget_at",
        "recent_requests": "forget_at",
        "document_fetches": "expires_at",
        "registration_forms": "forget_at",
        "invitations": "expires_at",
        "sign_in_requests": "expires_at",
        "ended_tokens": "expires_at",
    }


@pytest.mark.spec("docs/security.md")
@pytest.mark.usefixtures("engine")
def test_tries_add_up_in_a_time_window_and_start_again_in_the_next(clock: Clock) -> None:
    what = credentials.new_id()
    clock.advance(WINDOW - clock.now() % WINDOW)
    assert [throttle.count_try(what, window_seconds=WINDOW) for _ in range(3)] == [1, 2, 3]
    assert throttle.count_try(what + "x", window_seconds=WINDOW) == 1
    clock.advance(WINDOW)
    assert throttle.count_try(what, window_seconds=WINDOW) == 1
    throttle.forget(what, window_seconds=WINDOW)
    assert throttle.count_try(what, window_seconds=WINDOW) == 1
    kept = store.read(throttle.Throttle.key(what, WINDOW))[0]
    assert kept
    assert kept.expires_at % WINDOW == 0
    assert clock.now() < kept.expires_at <= clock.now() + WINDOW
    assert what not in kept.throttle_key


@pytest.mark.spec("docs/security.md")
@pytest.mark.usefixtures("engine")
def test_outcome_of_a_try_is_recorded_in_the_window_it_was_counted_in(clock: Clock) -> None:
    limit = throttle.Limit(credentials.new_id(), tries=3, exempt=2)
    key = throttle.Throttle.key(limit.what, WINDOW)

    def counted() -> tuple[int, int]:
        kept = store.read(key)[0]
        assert kept
        return kept.tries, kept.exempt or 0

    def made() -> throttle.Tried:
        with throttle.trying([limit], window_seconds=WINDOW) as tried:
            return tried[0]

    clock.advance(WINDOW - clock.now() % WINDOW)
    key = throttle.Throttle.key(limit.what, WINDOW)
    made()
    made().take_back()
    assert counted() == (1, 0)
    made().exempt()
    assert counted() == (1, 1)
    made().forgive()
    assert counted() == (0, 2)
    with pytest.raises(throttle.TooManyTries):
        made()
    clock.advance(WINDOW)
    late = made()
    clock.advance(WINDOW)
    late.take_back()
    assert store.read(throttle.Throttle.key(limit.what, WINDOW))[0] is None


@pytest.mark.spec("docs/security.md")
@pytest.mark.usefixtures("engine")
def test_try_that_could_not_be_made_is_taken_back_from_every_counter() -> None:
    limits = [throttle.Limit(credentials.new_id(), tries=1) for _ in range(3)]
    with pytest.raises(store.StoreUnavailable), throttle.trying(limits, window_seconds=10**9):
        raise store.StoreUnavailable("x")
    with pytest.raises(ValueError, match="ours"), throttle.trying(limits, window_seconds=10**9):
        raise ValueError("ours")
    with pytest.raises(throttle.TooManyTries), throttle.trying(limits, window_seconds=10**9):
        raise AssertionError("the try was made")


# What three attempts to count amount to after two counted tries, and whether they may be taken back.
@pytest.mark.spec("docs/security.md")
@pytest.mark.parametrize("is_exempt", [False, True])
@pytest.mark.parametrize(
    ("fault", "left"),
    [
        (Fault.LOSES_ANSWER, 2),  # all three were counted
        (Fault.BAD_CHECKSUM, 2),
        (Fault.DROPS_CONNECTION, 0),  # none was counted, but nobody can tell, so all that exist are taken back
        (Fault.INTERNAL_ERROR, 0),
        (Fault.THROTTLED, 2),  # none was counted, and the store says so
        (Fault.CONFLICT, 2),
    ],
)
def test_uncertain_count_is_taken_back_once_per_attempt_and_never_below_zero(
    fault: Fault, left: int, is_exempt: bool
) -> None:
    limit = throttle.Limit(credentials.new_id(), tries=9, is_exempt=is_exempt)
    key = throttle.Throttle.key(limit.what, 10**9)

    def count() -> None:
        with throttle.trying([limit], window_seconds=10**9):
            pass

    def counted() -> int | None:
        kept = store.read(key)[0]
        return (kept.exempt if is_exempt else kept.tries) if kept else None

    with stage.PROXY.fault(fault, "UpdateItem"), pytest.raises(store.StoreUnavailable):
        count()
    assert not counted()
    count()
    count()
    with stage.PROXY.fault(fault, "UpdateItem"), pytest.raises(store.StoreUnavailable):
        count()
    assert counted() == left


@pytest.mark.spec("docs/security.md")
@pytest.mark.parametrize(
    ("network", "counted"),
    [
        ("198.51.100.7", [("198.51.100.7", 10)]),
        ("2001:db8:1:2ff::/64", [("2001:db8:1:2ff::/64", 10), ("2001:db8:1:200::/56", 40), ("2001:db8:1::/48", 160)]),
        ("unknown", [("unknown", 10)]),
    ],
)
def test_source_is_counted_by_address_and_by_the_networks_one_caller_may_own(
    network: str, counted: list[tuple[str, int]]
) -> None:
    limits = throttle.per_network("sign-in", network, 10)
    assert [(limit.what, limit.tries) for limit in limits] == [
        (throttle.named("sign-in", name), tries) for name, tries in counted
    ]


@pytest.mark.spec("docs/security.md")
def test_total_limit_is_spread_over_counters_and_never_exceeded() -> None:
    purpose, made = credentials.new_id(), 0
    for _ in range(60):
        try:
            with throttle.trying([throttle.in_all(purpose, 32)], window_seconds=10**9):
                made += 1
        except throttle.TooManyTries:
            pass
    assert limits.THROTTLE_SHARDS <= made <= 32


@pytest.mark.spec("docs/security.md")
@pytest.mark.usefixtures("fresh_client", "patient_client")  # an uncertain try is counted again
def test_tries_at_once_are_all_counted() -> None:
    what = credentials.new_id()
    with ThreadPoolExecutor(16) as pool:
        counts = pool.map(lambda _: throttle.count_try(what, window_seconds=10**9), range(32))
    assert sorted(counts) == list(range(1, 33))


@pytest.mark.spec("docs/security.md")
@pytest.mark.usefixtures("engine")
def test_session_ends_when_idle_or_after_twelve_hours(clock: Clock) -> None:
    secret = session.start(User(user_id="a" * credentials.ID_LENGTH), UNKNOWN)
    begun = _session(secret)
    assert begun
    assert begun.expires_at == begun.created_at + limits.SESSION_IDLE_SECONDS
    clock.advance(limits.SESSION_TOUCH_SECONDS - 10)
    session.touch(begun)
    assert _session(secret).last_seen_at == begun.created_at  # type: ignore[union-attr]
    for _ in range(5):
        clock.advance(limits.SESSION_IDLE_SECONDS - 600)
        seen = _session(secret)
        assert seen
        if seen.is_expired:
            break
        session.touch(seen)
    assert clock.now() >= begun.created_at + limits.SESSION_LIFETIME_SECONDS
    last = _session(secret)
    assert last
    assert last.is_expired
    assert last.expires_at == begun.created_at + limits.SESSION_LIFETIME_SECONDS


@pytest.mark.spec("docs/security.md")
@pytest.mark.usefixtures("engine")
def test_ended_session_cannot_be_touched_back_to_life(clock: Clock) -> None:
    secret = session.start(User(user_id="a" * credentials.ID_LENGTH), UNKNOWN)
    begun = _session(secret)
    assert begun
    session.end(Session.key(begun.user_id, begun.session_digest))
    clock.advance(limits.SESSION_TOUCH_SECONDS)
    session.touch(begun)
    assert _session(secret) is None


def _session(secret: str) -> Session | None:
    named = credentials.recognize(secret, Kind.SESSION)
    assert named
    return store.read(Session.key(named.names, named.digest))[0]


@pytest.mark.spec("docs/storage.md")
def test_user_over_the_session_limit_loses_the_least_recently_used_session(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SESSIONS_PER_USER_LIMIT", 3)
    of = User(user_id=credentials.new_id(), active=True)
    secrets = []
    for _ in range(3):
        secrets.append(session.start(of, UNKNOWN))
        clock.advance(limits.SESSION_TOUCH_SECONDS)
    first = _session(secrets[0])
    assert first
    session.touch(first)
    secrets.append(session.start(of, UNKNOWN))
    assert [_session(secret) is not None for secret in secrets] == [True, False, True, True]
    secrets.append(session.start(of, UNKNOWN))
    assert [_session(secret) is not None for secret in secrets] == [True, False, False, True, True]


@pytest.mark.spec("docs/storage.md")
def test_sessions_started_at_once_never_exceed_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SESSIONS_PER_USER_LIMIT", 4)
    for _ in range(3):
        of = User(user_id=credentials.new_id(), active=True)
        with ThreadPoolExecutor(12) as pool:
            secrets = list(pool.map(lambda _, of=of: session.start(of, UNKNOWN), range(12)))
        left = [secret for secret in secrets if _session(secret)]
        assert 1 <= len(left) <= 4
