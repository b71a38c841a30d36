"""A damaged response from the store is a store failure and never means "not found"."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chalicelib import limits
from chalicelib.models import organizer, throttle, user
from chalicelib.models.session import Session
from chalicelib.models.store import Put, StoreUnavailable, delete_all, query, read, read_all, scan, take, write
from chalicelib.models.throttle import Throttle
from chalicelib.models.user import User
from tests.actors import Browser
from tests.store_proxy import Fault, StoreProxy
from tests.test_store_failures import REQUESTS, World, assert_done, assert_unavailable, world

__all__ = ["world"]
pytestmark = pytest.mark.spec("docs/reliability.md", "CVE-2020-15223")

DAMAGES = [Fault.BAD_CHECKSUM, Fault.TRUNCATED, Fault.GARBLED, Fault.EMPTIED]
# Each request with each kind of read it needs. If the damaged response were believed, something would be missing.
READS = [
    *[(name, "BatchGetItem") for name in ("exchange", "refresh", "revoke access token", "revoke refresh token")],
    *[(name, "BatchGetItem") for name in ("me", "introspect", "authorize")],
    *[(name, "GetItem") for name in ("revoke unknown", "introspect", "organizers", "organizer")],
    *[(name, "GetItem") for name in ("authorize, not signed in", "sign in")],
    ("sign in", "UpdateItem"),
]


@pytest.mark.parametrize(("name", "operation"), READS)
def test_damaged_response_gets_503_and_the_same_request_succeeds_afterwards(
    world: World, store: StoreProxy, name: str, operation: str
) -> None:
    for damage in DAMAGES:
        with store.fault(damage, operation), store.count() as calls:
            answer = REQUESTS[name](world)
        taken_back = 1 if operation == "UpdateItem" else 0  # what may have been counted
        assert [call.operation for call in calls].count(operation) == limits.STORE_TRIES + taken_back
        assert_unavailable(answer, name)
    assert_done(REQUESTS[name](world))


@pytest.mark.parametrize(
    ("path", "operation"),
    [
        ("/settings/applications/{client_id}", "GetItem"),
        ("/settings/applications/{client_id}/secret", "GetItem"),
        ("/settings/applications", "Query"),
        ("/settings/authorized", "Query"),
        ("/settings/security", "Query"),
        ("/settings/security", "BatchGetItem"),
    ],
)
def test_damaged_response_never_makes_a_page_incomplete(
    john: Browser, store: StoreProxy, path: str, operation: str
) -> None:
    path = path.format(client_id=john.register_application("Mine").client_id)
    for damage in DAMAGES:
        with store.fault(damage, operation), store.count() as calls:
            page = john.open(path)
        assert operation in {call.operation for call in calls}
        assert_unavailable(page.response, "page")
    assert john.open(path).status == 200


@pytest.mark.parametrize("name", ["me", "organizer", "authorize", "sign in"])
def test_read_is_repeated_after_one_damaged_response(world: World, store: StoreProxy, name: str) -> None:
    for damage in DAMAGES:
        with store.fault(damage, times=1):
            assert_done(REQUESTS[name](world))


@pytest.mark.spec("docs/reliability.md")
@pytest.mark.parametrize("damage", [Fault.BAD_CHECKSUM, Fault.TRUNCATED, Fault.GARBLED])
@pytest.mark.parametrize("name", ["exchange", "refresh", "revoke access token", "revoke refresh token", "rename"])
def test_write_with_a_damaged_response_is_not_made_twice_and_not_refused(
    world: World, store: StoreProxy, name: str, damage: Fault
) -> None:
    with store.fault(damage, "TransactWriteItems", times=1), store.count() as calls:
        answer = REQUESTS[name](world)
    assert answer.status_code == 200
    writes = [call for call in calls if call.operation == "TransactWriteItems"]
    assert len(writes) == 2
    assert len({call.body["ClientRequestToken"] for call in writes}) == 1


@pytest.mark.parametrize(
    ("operation", "act"),
    [
        ("GetItem", lambda user_id: read(User.key(user_id))),
        ("BatchGetItem", lambda user_id: read_all([User.key(user_id), User.key("another")])),
        ("Query", lambda user_id: list(query(User, user_id))),
        ("Scan", lambda _: next(scan(User))),
        ("UpdateItem", lambda user_id: throttle.count_try(user_id, window_seconds=60)),
        ("PutItem", lambda user_id: write(Put(Throttle(throttle_key=user_id, tries=1, expires_at=0)))),
        ("DeleteItem", lambda _: organizer.forget("no-such-one")),
        ("BatchWriteItem", lambda _: delete_all([User.key("another")])),
        ("TransactWriteItems", lambda user_id: user.enable(user_id)),
    ],
)
def test_every_store_operation_refuses_a_damaged_response(
    john: Browser, store: StoreProxy, operation: str, act: Callable[[str], object]
) -> None:
    for damage in (Fault.BAD_CHECKSUM, Fault.TRUNCATED, Fault.GARBLED):
        with store.fault(damage, operation), pytest.raises(StoreUnavailable, match="CorruptedReply"):
            act(john.user.user_id)
    act(john.user.user_id)


def test_damaged_error_response_is_not_a_verdict(store: StoreProxy) -> None:
    for damage in DAMAGES:
        with store.fault(damage, "TransactWriteItems"), pytest.raises(StoreUnavailable):
            user.enable("nobody")  # the damaged response would say that a condition failed


def test_deletion_that_returns_an_item_accepts_no_emptied_response(store: StoreProxy) -> None:
    key = Session.key("nobody", "nothing")
    assert take(key) is None
    with store.fault(Fault.EMPTIED, "DeleteItem"), pytest.raises(StoreUnavailable, match="CorruptedReply"):
        take(key)


def test_missing_item_is_distinguished_from_an_emptied_response(store: StoreProxy) -> None:
    assert read(User.key("nobody")) == (None,)
    with store.fault(Fault.EMPTIED, "GetItem"), pytest.raises(StoreUnavailable, match="CorruptedReply"):
        read(User.key("nobody"))
