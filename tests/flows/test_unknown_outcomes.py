"""An exchange or refresh with an unknown outcome is not refused for it and never counted as theft."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from chalicelib.models import grant
from chalicelib.protocol.grants import undelivered
from tests.account.test_events import PATH, events
from tests.actors import Browser, ClientApp
from tests.conftest import Clock
from tests.flows.test_device import Device
from tests.flows.test_device import registered as registered_device
from tests.public_app import PublicApp
from tests.store_proxy import Fault, StoreProxy

pytestmark = [pytest.mark.spec("docs/reliability.md", "RFC 6749 §4.1.2"), pytest.mark.usefixtures("impatient_client")]
REPLAYED = "A code or a refresh token was used twice"
INTERRUPTED = "A connection was interrupted before it was complete"


@pytest.fixture
def spa(a_browser: Callable[..., Browser]) -> PublicApp:
    return PublicApp.registered_by(a_browser())


@pytest.fixture
def tv(a_browser: Callable[..., Browser]) -> Device:
    return registered_device(a_browser())


def a_code(john: Browser, app: ClientApp) -> str:
    return john.allow(john.open(app.authorize_path()), "Big Events LLC").code


def an_approved_code(john: Browser, tv: Device) -> str:
    started = tv.start()
    john.allow(john.open(started["verification_uri_complete"]), "Big Events LLC")
    return str(started["device_code"])


def losing(store: StoreProxy, *, look_up: bool) -> ExitStack:
    """Carry out the exchange and lose its response; look_up says whether the store can be asked for the outcome."""
    stack = ExitStack()
    stack.enter_context(store.fault(Fault.LOSES_ANSWER, "TransactWriteItems", table="grants"))
    if not look_up:
        stack.enter_context(store.fault(Fault.THROTTLED, "GetItem"))
    return stack


def history(john: Browser) -> str:
    return " | ".join(events(john.open(PATH)))


def held_by(john: Browser) -> list[str]:
    return [str(held.grant_id) for held in grant.held_by(john.user.user_id)]


def test_exchange_whose_response_was_lost_is_looked_up(john: Browser, shop: ClientApp, store: StoreProxy) -> None:
    code = a_code(john, shop)
    with losing(store, look_up=True), store.count() as calls:
        answer = shop.exchange(code)
    assert answer.status_code == 200, answer.text
    assert [call.operation for call in calls] == ["BatchGetItem", "TransactWriteItems", "GetItem"]
    assert shop.me(answer.json()["access_token"]).status_code == 200
    assert shop.refresh(answer.json()["refresh_token"]).status_code == 200


def test_device_whose_exchange_was_lost_still_gets_its_tokens(john: Browser, tv: Device, store: StoreProxy) -> None:
    code = an_approved_code(john, tv)
    with losing(store, look_up=True):
        answer = tv.poll(code)
    assert answer.status_code == 200, answer.text
    assert tv.me(answer.json()["access_token"]).status_code == 200
    assert tv.refresh(answer.json()["refresh_token"]).status_code == 200


@pytest.mark.parametrize("fault", [Fault.INTERNAL_ERROR, Fault.DROPS_CONNECTION, Fault.THROTTLED])
def test_exchange_that_was_not_carried_out_can_be_repeated(
    john: Browser, shop: ClientApp, store: StoreProxy, fault: Fault
) -> None:
    code = a_code(john, shop)
    with store.fault(fault, "TransactWriteItems"):
        assert shop.exchange(code).status_code == 503
    answer = shop.exchange(code)
    assert answer.status_code == 200
    assert shop.me(answer.json()["access_token"]).status_code == 200
    assert len(held_by(john)) == 1


@pytest.mark.parametrize("kind", ["shop", "spa"])
def test_retry_after_an_unknown_outcome_ends_the_grant_and_is_not_logged_as_a_replay(
    john: Browser,
    request: pytest.FixtureRequest,
    store: StoreProxy,
    kind: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    app: ClientApp = request.getfixturevalue(kind)
    code = a_code(john, app)
    with losing(store, look_up=False):
        first = app.exchange(code)
    assert (first.status_code, first.json()["error"]) == (503, "temporarily_unavailable")
    assert len(held_by(john)) == 1
    capsys.readouterr()
    for _ in range(2):
        again = app.exchange(code)
        assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
        assert "Start again" in again.json()["error_description"]
    assert "replayed" not in capsys.readouterr().out
    assert held_by(john) == []
    assert REPLAYED not in history(john)
    assert history(john).count(INTERRUPTED) == 1
    assert app.me(app.connect(john, "Big Events LLC")["access_token"]).status_code == 200


def test_retry_in_another_process_is_taken_for_a_replay(
    john: Browser, shop: ClientApp, store: StoreProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Current behavior, not a promise: the store that would tell the other process is what failed."""
    code = a_code(john, shop)
    with losing(store, look_up=False):
        assert shop.exchange(code).status_code == 503
    monkeypatch.setattr(undelivered, "_grant_ids", OrderedDict())  # another process remembers nothing
    again = shop.exchange(code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert "has been used" in again.json()["error_description"]
    assert held_by(john) == []
    assert REPLAYED in history(john)
    assert INTERRUPTED not in history(john)
    assert shop.me(shop.connect(john, "Big Events LLC")["access_token"]).status_code == 200


def test_device_that_retries_after_an_unknown_outcome_is_told_to_start_again(
    john: Browser, tv: Device, store: StoreProxy, clock: Clock
) -> None:
    code = an_approved_code(john, tv)
    with losing(store, look_up=False):
        assert tv.poll(code).status_code == 503
    assert len(held_by(john)) == 1
    clock.advance(5)
    again = tv.poll(code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert "Start again" in again.json()["error_description"]
    assert held_by(john) == []
    assert INTERRUPTED in history(john)


def test_exchange_that_arrives_after_its_client_gave_up_is_not_a_replay(
    john: Browser, shop: ClientApp, store: StoreProxy
) -> None:
    code = a_code(john, shop)
    with store.fault(Fault.ARRIVES_LATE, "TransactWriteItems", times=1):
        assert shop.exchange(code).status_code == 503
    store.deliver_late()
    assert shop.exchange(code).json()["error"] == "invalid_grant"
    assert held_by(john) == []
    assert REPLAYED not in history(john)


def test_exchange_that_arrives_after_the_retry_changes_nothing(
    john: Browser, shop: ClientApp, store: StoreProxy
) -> None:
    code = a_code(john, shop)
    with store.fault(Fault.ARRIVES_LATE, "TransactWriteItems", times=1):
        assert shop.exchange(code).status_code == 503
    tokens = shop.exchange(code).json()
    store.deliver_late()
    assert shop.me(tokens["access_token"]).status_code == 200
    assert len(held_by(john)) == 1


def test_code_repeated_after_its_response_was_delivered_is_still_a_replay(john: Browser, shop: ClientApp) -> None:
    code = a_code(john, shop)
    tokens = shop.exchange(code).json()
    answer = shop.exchange(code)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert "has been used" in answer.json()["error_description"]
    assert shop.me(tokens["access_token"]).status_code == 401
    assert REPLAYED in history(john)


@pytest.mark.spec("docs/architecture.md", "RFC 6749 §6")
@pytest.mark.parametrize("kind", ["shop", "spa"])
def test_refresh_repeated_after_an_unknown_outcome_gets_working_tokens(
    john: Browser, request: pytest.FixtureRequest, store: StoreProxy, kind: str
) -> None:
    app: ClientApp = request.getfixturevalue(kind)
    tokens = app.connect(john, "Big Events LLC")
    for _ in range(2):
        with losing(store, look_up=False):
            assert app.refresh(tokens["refresh_token"]).status_code == 503
        answer = app.refresh(tokens["refresh_token"])
        assert answer.status_code == 200, answer.text
        tokens = answer.json()
        assert app.me(tokens["access_token"]).status_code == 200
    assert REPLAYED not in history(john)


@pytest.mark.spec("docs/architecture.md", "RFC 6749 §6")
@pytest.mark.parametrize("kind", ["shop", "spa"])
def test_refresh_that_arrives_after_the_clients_next_one_does_not_end_the_newer_tokens(
    john: Browser, request: pytest.FixtureRequest, store: StoreProxy, kind: str
) -> None:
    app: ClientApp = request.getfixturevalue(kind)
    tokens = app.connect(john, "Big Events LLC")
    with store.fault(Fault.ARRIVES_LATE, "TransactWriteItems", times=1):
        assert app.refresh(tokens["refresh_token"]).status_code == 503
    newer = app.refresh(tokens["refresh_token"]).json()
    store.deliver_late()
    assert app.me(newer["access_token"]).status_code == 200
    assert app.refresh(newer["refresh_token"]).status_code == 200


@pytest.mark.spec("docs/architecture.md", "RFC 6749 §6")
def test_refresh_that_was_overtaken_by_another_is_carried_out_after_it(
    john: Browser, shop: ClientApp, store: StoreProxy
) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    overtaking: list[dict[str, Any]] = []
    with store.before("TransactWriteItems", lambda: overtaking.append(shop.refresh(tokens["refresh_token"]).json())):
        answer = shop.refresh(tokens["refresh_token"])
    assert answer.status_code == 200
    assert shop.me(answer.json()["access_token"]).status_code == 200
    assert shop.me(overtaking[0]["access_token"]).status_code == 401


@pytest.mark.spec("docs/architecture.md", "RFC 6749 §6")
def test_refresh_that_hung_gives_way_to_the_one_its_client_sent_in_the_meantime(
    john: Browser, shop: ClientApp, store: StoreProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.limits.REFRESH_GIVES_WAY_SECONDS", 0)
    tokens = shop.connect(john, "Big Events LLC")
    sent: list[dict[str, Any]] = []
    with store.before("TransactWriteItems", lambda: sent.append(shop.refresh(tokens["refresh_token"]).json())):
        overtaken = shop.refresh(tokens["refresh_token"])
    assert (overtaken.status_code, overtaken.json()["error"]) == (503, "temporarily_unavailable")
    assert shop.me(sent[0]["access_token"]).status_code == 200


@pytest.mark.spec("docs/architecture.md", "RFC 7009 §2.2", "RFC 6749 §6")
@pytest.mark.parametrize("kind", ["shop", "spa"])
def test_refresh_that_a_revocation_overtook_is_refused(
    john: Browser, request: pytest.FixtureRequest, store: StoreProxy, kind: str
) -> None:
    app: ClientApp = request.getfixturevalue(kind)
    tokens = app.connect(john, "Big Events LLC")
    with store.before("TransactWriteItems", lambda: app.revoke(tokens["refresh_token"])):
        answer = app.refresh(tokens["refresh_token"])
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert answer.json()["error_description"]
