"""If the store is slow, throttled, broken or unreachable, every endpoint says so and nothing is half-written."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from chalicelib import limits
from tests.actors import Browser, ClientApp, Page
from tests.store_proxy import Fault, StoreProxy

FAULTS = [Fault.THROTTLED, Fault.INTERNAL_ERROR, Fault.DROPS_CONNECTION]


@dataclass
class World:
    """A user in the middle of everything."""

    john: Browser
    shop: ClientApp
    tokens: dict[str, Any]
    code: str
    consent_page: Page
    login_page: Page
    guest: Browser


@pytest.fixture
def world(base_url: str, john: Browser, shop: ClientApp) -> World:
    tokens = shop.connect(john, "Big Events LLC")
    code = john.open(shop.authorize_path()).code
    guest = Browser(base_url, john.person)
    login_page = guest.open("/login")
    return World(john, shop, tokens, code, john.open(shop.authorize_path(approval_prompt="force")), login_page, guest)


def _sign_in(world: World) -> requests.Response:
    assert world.john.person
    email, password = world.john.person.email, world.john.person.password
    return world.guest.press(world.login_page, "Sign in", email=email, password=password).response


def _organizer_path(world: World) -> str:
    assert world.john.person
    return f"/api/v1/organizers/{next(iter(world.john.person.organizers))}/"


def _introspect(world: World) -> requests.Response:
    token, auth = world.tokens["access_token"], (world.shop.client_id, world.shop.secret)
    return world.shop.http.post(world.shop.base_url + "/api/v1/oauth/introspect", data={"token": token}, auth=auth)


Request = Callable[[World], requests.Response]
JSON_REQUESTS: dict[str, Request] = {
    "exchange": lambda world: world.shop.exchange(world.code),
    "refresh": lambda world: world.shop.refresh(world.tokens["refresh_token"]),
    "revoke access token": lambda world: world.shop.revoke(world.tokens["access_token"]),
    "revoke refresh token": lambda world: world.shop.revoke(world.tokens["refresh_token"]),
    "revoke unknown": lambda world: world.shop.revoke("unknown"),
    "introspect": _introspect,
    "me": lambda world: world.shop.me(world.tokens["access_token"]),
    "organizers": lambda world: world.shop.organizers(world.tokens["access_token"]),
    "organizer": lambda world: world.shop.call(_organizer_path(world), world.tokens["access_token"]),
    "rename": lambda world: world.shop.call(
        _organizer_path(world), world.tokens["access_token"], "PATCH", json={"name": "New"}
    ),
}
PAGE_REQUESTS: dict[str, Request] = {
    "authorize": lambda world: world.john.open(world.shop.authorize_path()).response,
    "authorize, not signed in": lambda world: world.guest.open(world.shop.authorize_path()).response,
    "allow": lambda world: world.john.allow(world.consent_page, "Big Events LLC").response,
    "sign in": _sign_in,
}
REQUESTS = JSON_REQUESTS | PAGE_REQUESTS
# What each request needs from the store once the caller is known.
WRITES = {
    "exchange": "TransactWriteItems",
    "refresh": "TransactWriteItems",
    "revoke access token": "TransactWriteItems",
    "revoke refresh token": "TransactWriteItems",
    "rename": "TransactWriteItems",
    "allow": "TransactWriteItems",
    "authorize": "TransactWriteItems",
    "sign in": "PutItem",
}


def assert_unavailable(answer: requests.Response, name: str) -> None:
    assert answer.status_code == 503, f"{answer.status_code} {answer.text}"
    assert answer.headers["Retry-After"].isdigit()
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Location" not in answer.headers
    assert "WWW-Authenticate" not in answer.headers
    if name in JSON_REQUESTS:
        assert answer.json()["error"] == "temporarily_unavailable"
    else:
        assert answer.headers["Content-Type"].startswith("text/html")


def assert_done(answer: requests.Response) -> None:
    """The request succeeded, with a response or a redirect to the application or the sign-in page."""
    assert answer.status_code in (200, 303), answer.text


@pytest.mark.spec("docs/reliability.md", "RFC 7009 §2.2", "CVE-2020-15223")
@pytest.mark.usefixtures("impatient_client")
@pytest.mark.parametrize("name", REQUESTS)
def test_failing_store_gets_503_and_the_same_request_succeeds_afterwards(
    world: World, store: StoreProxy, name: str
) -> None:
    for fault in FAULTS:
        with store.fault(fault), store.count() as calls:
            assert_unavailable(REQUESTS[name](world), name)
        assert len(calls) == 1
        assert world.shop.me(world.tokens["access_token"]).status_code == 200
    assert_done(REQUESTS[name](world))


@pytest.mark.spec("docs/reliability.md", "RFC 7009 §2.2", "CVE-2020-15223")
@pytest.mark.usefixtures("impatient_client")
@pytest.mark.parametrize("name", WRITES)
def test_failed_write_leaves_nothing_half_written(world: World, store: StoreProxy, name: str) -> None:
    conflicts = [Fault.CONFLICT] if WRITES[name] == "TransactWriteItems" else []
    for fault in [*FAULTS, *conflicts]:
        with store.fault(fault, WRITES[name]):
            assert_unavailable(REQUESTS[name](world), name)
        assert world.shop.me(world.tokens["access_token"]).status_code == 200
        assert world.shop.call(_organizer_path(world), world.tokens["access_token"]).json()["name"] == "Big Events LLC"
    assert_done(REQUESTS[name](world))
    if name != "revoke refresh token":
        assert world.shop.refresh(world.tokens["refresh_token"]).status_code == 200


@pytest.mark.spec("docs/reliability.md")
@pytest.mark.parametrize(("name", "operation"), [("me", None), ("sign in", None), ("sign in", "PutItem")])
def test_hanging_store_gets_503_within_ten_seconds(
    world: World, store: StoreProxy, name: str, operation: str | None
) -> None:
    started = time.monotonic()
    with store.fault(Fault.HANGS, operation), store.count() as calls:
        answer = REQUESTS[name](world)
    assert time.monotonic() - started < 10
    assert_unavailable(answer, name)
    assert len([call for call in calls if operation in (None, call.operation)]) == limits.STORE_TRIES
    assert_done(REQUESTS[name](world))


@pytest.mark.spec("docs/reliability.md")
@pytest.mark.parametrize("name", ["exchange", "refresh", "revoke refresh token", "allow", "authorize"])
@pytest.mark.parametrize("fault", [Fault.CONFLICT, Fault.DROPS_CONNECTION])
def test_transaction_that_conflicts_with_another_is_retried(
    world: World, store: StoreProxy, name: str, fault: Fault
) -> None:
    with store.fault(fault, "TransactWriteItems", times=2), store.count() as calls:
        assert_done(REQUESTS[name](world))
    assert [call.operation for call in calls].count("TransactWriteItems") == 3


@pytest.mark.spec("docs/reliability.md", "RFC 6749 §4.1.2", "RFC 6749 §10.5")
def test_exchange_whose_response_was_lost_is_not_taken_for_a_replay(world: World, store: StoreProxy) -> None:
    with store.fault(Fault.LOSES_ANSWER, "TransactWriteItems", times=1), store.count() as calls:
        answer = world.shop.exchange(world.code)
    tried = [call for call in calls if call.operation == "TransactWriteItems"]
    assert len(tried) == 2
    assert len({call.body["ClientRequestToken"] for call in tried}) == 1
    assert answer.status_code == 200
    assert world.shop.me(answer.json()["access_token"]).status_code == 200
    assert world.shop.refresh(answer.json()["refresh_token"]).status_code == 200


@pytest.mark.spec("docs/reliability.md", "RFC 6749 §4.1.2", "RFC 6749 §10.5")
@pytest.mark.parametrize("times", [1, 2, 3, 4])
def test_exchange_reported_in_progress_is_not_taken_for_a_replay(world: World, store: StoreProxy, times: int) -> None:
    with store.fault(Fault.IN_PROGRESS, "TransactWriteItems", times=times):
        answer = world.shop.exchange(world.code)
    assert answer.status_code == 200
    assert world.shop.me(answer.json()["access_token"]).status_code == 200


@pytest.mark.spec("docs/reliability.md")
@pytest.mark.parametrize("name", ["refresh", "revoke access token", "revoke refresh token", "rename", "sign in"])
def test_other_writes_whose_response_was_lost_also_succeed(world: World, store: StoreProxy, name: str) -> None:
    with store.fault(Fault.LOSES_ANSWER, WRITES[name], times=1):
        answer = REQUESTS[name](world)
    assert answer.status_code == 200
    if name == "refresh":
        assert world.shop.me(answer.json()["access_token"]).status_code == 200


@pytest.mark.spec("docs/reliability.md")
@pytest.mark.parametrize("name", ["exchange", "refresh", "revoke refresh token", "me", "authorize"])
def test_unprocessed_keys_are_requested_again(world: World, store: StoreProxy, name: str) -> None:
    with store.fault(Fault.LEAVES_KEYS, "BatchGetItem", times=2), store.count() as calls:
        assert_done(REQUESTS[name](world))
    assert [call.operation for call in calls][:3] == ["BatchGetItem"] * 3
    first, second, third = (json.dumps(call.body["RequestItems"], sort_keys=True) for call in calls[:3])
    assert first == second == third


@pytest.mark.spec("docs/reliability.md")
@pytest.mark.parametrize("name", ["exchange", "refresh", "revoke refresh token", "me", "authorize"])
def test_keys_that_stay_unprocessed_get_503_and_are_not_taken_for_missing_items(
    world: World, store: StoreProxy, name: str
) -> None:
    with store.fault(Fault.LEAVES_KEYS, "BatchGetItem"):
        assert_unavailable(REQUESTS[name](world), name)
    assert_done(REQUESTS[name](world))
