"""A request waits at most ten seconds for the store, and nothing its response does not need delays it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from typing import Any

import pytest
import requests

from chalicelib import credentials, deadline, limits
from chalicelib.models import throttle
from chalicelib.models.store import StoreUnavailable, read
from chalicelib.models.store.table import CONNECTION
from chalicelib.models.user import User
from tests.actors import PASSWORD
from tests.conftest import Clock
from tests.endpoints.test_authorizer import Ask, ask
from tests.store_proxy import Fault, StoreProxy
from tests.test_store_failures import REQUESTS, Request, World, assert_done, assert_unavailable, world

__all__ = ["ask", "world"]
pytestmark = pytest.mark.spec("docs/reliability.md")


class Slowness:
    """A store whose calls, or some of them, use up all the time that each try has, by the application's clock."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog
        self.given: list[float] = []  # seconds for each try
        self.asides = 0.0

    def seconds_of_requests(self) -> list[float]:
        """How long each request that called the store waited for it."""
        lines = [json.loads(message) for message in self._caplog.messages if message.startswith("{")]
        tries, found = iter(self.given), list[float]()
        for line in lines:
            found.append(sum(next(tries) for _ in range(line["store_round_trips"])))
        assert list(tries) == [], "every try is counted in its request's log line"
        return [seconds for seconds in found if seconds]


SlowDown = Callable[..., Slowness]


@pytest.fixture
def slow_down(clock: Clock, caplog: pytest.LogCaptureFixture) -> Iterator[SlowDown]:
    """Slow down these store operations, or all of them if none is named, from the moment of the call."""
    made, events = Slowness(caplog), CONNECTION.client.meta.events
    slow: set[str] = set()

    def use_up(request: Any, event_name: str, **_: Any) -> None:
        is_slow = not slow or event_name.rpartition(".")[2] in slow
        seconds = limits.STORE_CONNECT_SECONDS + request.context["read_timeout"] if is_slow else 0.0
        made.given.append(seconds)
        made.asides += seconds if deadline.is_aside() else 0
        clock.take(seconds)

    def begin(*operations: str) -> Slowness:
        slow.update(operations)
        caplog.clear()
        events.register("before-send.dynamodb", use_up, unique_id="slowness")
        return made

    yield begin
    events.unregister("before-send.dynamodb", unique_id="slowness")


def change_password(world: World) -> requests.Response:
    """Submit the form, without following its redirect."""
    page = world.john.open("/settings/password")
    if not page.html.find(attrs={"name": "present"}):
        return page.response
    fields = {**page.fields("Change password"), "present": PASSWORD, "password": "another and longer"}
    return world.john.http.post(page.response.url, data=fields, allow_redirects=False)


FLOWS: dict[str, Request] = {
    **REQUESTS,
    "change the password": change_password,
    "device page": lambda world: world.john.open("/device", user_code="BCDF-GHJK").response,
    "end sessions": lambda world: world.john.open("/settings/security").response,
}


# A store that is only slow, one that never answers some call, and one that says it is busy.
SITUATIONS: list[tuple[Fault, str] | None] = [
    None,
    *[(Fault.DROPS_CONNECTION, operation) for operation in ("BatchGetItem", "GetItem", "PutItem", "UpdateItem")],
    (Fault.DROPS_CONNECTION, "TransactWriteItems"),
    (Fault.CONFLICT, "TransactWriteItems"),
    (Fault.LEAVES_KEYS, "BatchGetItem"),
]


@pytest.mark.parametrize("name", FLOWS)
def test_no_request_waits_longer_than_ten_seconds(
    world: World, store: StoreProxy, slow_down: SlowDown, name: str
) -> None:
    slow = slow_down()
    for situation in SITUATIONS:
        with store.fault(*situation) if situation else nullcontext():
            assert FLOWS[name](world).status_code != 500
    waited = slow.seconds_of_requests()
    assert len(waited) >= len(SITUATIONS)
    assert max(waited) <= limits.REQUEST_SECONDS


def test_authorizer_also_waits_at_most_ten_seconds(
    world: World, ask: Ask, store: StoreProxy, slow_down: SlowDown
) -> None:
    slow = slow_down()
    with store.fault(Fault.LEAVES_KEYS, "BatchGetItem"), pytest.raises(StoreUnavailable):
        ask(world.tokens["access_token"])
    assert len(slow.given) == 3
    assert sum(slow.given) <= limits.REQUEST_SECONDS


def test_request_without_time_left_gets_503_and_sends_nothing_to_the_store(
    world: World, store: StoreProxy, clock: Clock
) -> None:
    def late() -> None:
        clock.take(limits.REQUEST_SECONDS)

    with store.before("BatchGetItem", late), store.count() as calls:
        assert_unavailable(REQUESTS["exchange"](world), "exchange")
    assert [call.operation for call in calls] == ["BatchGetItem"]
    assert_done(REQUESTS["exchange"](world))


@pytest.mark.parametrize(
    ("name", "operations"),
    [("allow", ["PutItem"]), ("sign in", ["Query", "BatchWriteItem"]), ("change the password", ["Query"])],
)
def test_call_that_the_response_does_not_need_is_tried_once_and_delays_nobody(
    world: World, store: StoreProxy, slow_down: SlowDown, name: str, operations: list[str]
) -> None:
    slow = slow_down(*operations)
    with ExitStack() as faults:
        calls = faults.enter_context(store.count())
        for operation in operations:
            faults.enter_context(store.fault(Fault.DROPS_CONNECTION, operation))
        answer = FLOWS[name](world)
    assert_done(answer)
    made = [call.operation for call in calls if call.operation in operations]
    assert made == operations[:1], "the first call uses up the time of all"
    assert slow.seconds_of_requests() == [slow.asides]
    assert slow.asides <= limits.STORE_ASIDE_SECONDS


def test_lost_history_entry_is_logged(world: World, store: StoreProxy, caplog: pytest.LogCaptureFixture) -> None:
    page = world.consent_page
    caplog.clear()
    with store.fault(Fault.THROTTLED, "PutItem"):
        assert world.john.allow(page, "Big Events LLC").code
    (line,) = [json.loads(message) for message in caplog.messages if message.startswith("{")]
    assert (line["status"], line["security_event_lost"], line["aside_error"]) == (303, "consent", "ThrottlingException")
    assert "store_error" not in line


def counted(what: str) -> throttle.Tried:
    with throttle.trying([throttle.Limit(what, tries=9)], window_seconds=900) as tried:
        return tried[0]


@pytest.mark.spec("docs/security.md")
def test_try_can_be_taken_back_after_the_store_used_up_the_remaining_time(store: StoreProxy, clock: Clock) -> None:
    what = credentials.new_id()
    with deadline.begin():
        tried = counted(what)
        clock.take(limits.REQUEST_SECONDS - limits.STORE_ASIDE_SECONDS)
        with pytest.raises(StoreUnavailable, match="DeadlineExceeded"):
            read(User.key("nobody"))
        tried.take_back()
    assert throttle.count_try(what, window_seconds=900) == 1


@pytest.mark.spec("docs/security.md")
@pytest.mark.parametrize("fault", [Fault.DROPS_CONNECTION, Fault.INTERNAL_ERROR, Fault.BAD_CHECKSUM, Fault.CONFLICT])
def test_taking_a_try_back_never_raises_and_is_tried_once(store: StoreProxy, fault: Fault) -> None:
    what = credentials.new_id()
    tried = counted(what)
    with deadline.begin(), store.fault(fault), store.count() as calls:
        tried.take_back()
        throttle.forget(what, window_seconds=900)
    assert [call.operation for call in calls] == ["UpdateItem", "BatchWriteItem"]


def test_asides_share_the_time_reserved_for_them(slow_down: SlowDown, store: StoreProxy) -> None:
    slow = slow_down()
    with deadline.begin(), store.count() as calls:
        for number in range(20):
            throttle.forget(str(number), window_seconds=900)
    assert len(calls) == 1
    assert sum(slow.given) <= limits.STORE_ASIDE_SECONDS


def test_asides_are_all_made_if_the_store_answers(store: StoreProxy) -> None:
    with deadline.begin(), store.count() as calls:
        for number in range(20):
            throttle.forget(str(number), window_seconds=900)
    assert len(calls) == 20


def test_aside_leaves_the_rest_of_the_request_its_time(slow_down: SlowDown) -> None:
    slow = slow_down()
    with deadline.begin():
        throttle.forget("something", window_seconds=900)
        read(User.key("nobody"))
    short, full = slow.given
    assert short == limits.STORE_CONNECT_SECONDS + limits.STORE_ASIDE_READ_SECONDS
    assert full == limits.STORE_CONNECT_SECONDS + limits.STORE_READ_SECONDS


def test_try_of_a_store_call_gets_only_the_time_that_is_left(clock: Clock) -> None:
    with deadline.begin():
        assert deadline.read_seconds() == limits.STORE_READ_SECONDS
        for_all = limits.REQUEST_SECONDS - limits.STORE_ASIDE_SECONDS
        clock.take(for_all - limits.STORE_CONNECT_SECONDS - 0.5)
        assert 0.4 < deadline.read_seconds() <= 0.5
        assert deadline.pause(0.001)
        assert not deadline.pause(1_000_000)  # no pause is made if no time would be left after it
        clock.take(0.45)
        with pytest.raises(deadline.DeadlineExceeded):
            deadline.read_seconds()
    assert deadline.read_seconds() == limits.STORE_READ_SECONDS


def test_operators_command_has_no_deadline_and_its_asides_are_ordinary_calls(
    store: StoreProxy, slow_down: SlowDown
) -> None:
    tried, slow = counted("something"), slow_down()
    with store.count() as calls:
        for _ in range(10):
            read(User.key("nobody"))
        tried.take_back()
    assert set(slow.given) == {limits.STORE_CONNECT_SECONDS + limits.STORE_READ_SECONDS}
    assert calls[-1].operation == "TransactWriteItems"
