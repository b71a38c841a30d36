"""The oracle sees each loss that is made here by hand, and none in a sound case."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.models import application_edit, security_event, store
from chalicelib.models.application import Application
from chalicelib.models.consent import Consent
from chalicelib.models.email_address import EmailAddress
from chalicelib.models.security_event import Kind as Event
from tests import stage
from tests.actors import Browser, ClientApp
from tests.faults import oracle
from tests.faults.flow import Flow
from tests.faults.flows import FLOWS
from tests.faults.gate import Gate
from tests.faults.kinds import Kind, Plan, Span
from tests.faults.result import Outcome
from tests.faults.scene import DROPPED, Seen, World
from tests.faults.sweep import operated

pytestmark = pytest.mark.spec("docs/reliability.md")
UNAVAILABLE = Seen(503, {"Retry-After": "2"})


@pytest.fixture
def connected(john: Browser, shop: ClientApp) -> dict[str, Any]:
    return shop.connect(john, "Big Events LLC")


def unsound(browser: Browser) -> list[str]:
    return list(oracle.unsound(browser.user))


def test_user_who_connected_an_application_is_sound(john: Browser, connected: dict[str, Any]) -> None:
    assert unsound(john) == []


def test_grant_without_a_consent_is_a_loss(john: Browser, shop: ClientApp, connected: dict[str, Any]) -> None:
    store.write(store.Delete(Consent.key(john.user.user_id, shop.client_id)))
    assert unsound(john) == ["a grant hangs from no consent"]


def test_user_without_an_email_address_is_a_loss(john: Browser) -> None:
    store.write(store.Delete(EmailAddress.key(john.user.email)))
    assert unsound(john) == ["a user and their address do not belong together"]


def test_half_deleted_application_is_a_loss(john: Browser) -> None:
    app = john.register_application("Mine")
    application_edit.disable(app.client_id)
    assert unsound(john) == ["an application is not active and has an owner"]
    store.change(Application.key(app.client_id), [Application.owner_id.remove()], Application.owner_id.exists())
    assert unsound(john) == []


def test_replay_in_the_history_is_a_loss(john: Browser) -> None:
    security_event.record(john.user.user_id, Event.REPLAY_DETECTED)
    assert unsound(john) == ["the history says that a code was replayed"]


class _Plain(Flow):
    """A flow that wants nothing, so nothing can be missing."""

    def prepare(self) -> None:
        pass

    def is_told(self, answer: Seen) -> bool:
        return answer.status == 410


@pytest.mark.parametrize(
    ("first", "last", "outcome", "losses"),
    [
        (Seen(200), None, Outcome.RECOVERS, ()),
        (UNAVAILABLE, Seen(200), Outcome.RETRY_WORKS, ()),
        (UNAVAILABLE, Seen(410), Outcome.TOLD, ()),
        (UNAVAILABLE, Seen(409), Outcome.LOST, ("after the retry: 409",)),
        (Seen(500), Seen(200), Outcome.LOST, ("answered 500",)),
        (Seen(503), Seen(200), Outcome.LOST, ("503 without Retry-After",)),
        (Seen(401, body={"error": "invalid_client"}), Seen(200), Outcome.LOST, ("answered 401 invalid_client",)),
        (DROPPED, Seen(200), Outcome.LOST, ("answered no answer",)),
        (Seen(410), Seen(200), Outcome.LOST, ("answered 410",)),
    ],
    ids=str,
)
def test_oracle_judges_what_a_client_sees(
    world: World, first: Seen, last: Seen | None, outcome: Outcome, losses: tuple[str, ...]
) -> None:
    verdict = oracle.judge(_Plain(world), first, last or first, Gate(stage.PROXY))
    assert verdict == oracle.Verdict(outcome, losses)


def test_dropped_connection_is_not_a_loss_if_the_process_was_killed(world: World) -> None:
    gate = Gate(stage.PROXY)
    gate.killed = True
    assert oracle.judge(_Plain(world), DROPPED, Seen(200), gate).outcome is Outcome.RETRY_WORKS


def test_request_that_waits_too_long_is_a_loss(world: World) -> None:
    gate = Gate(stage.PROXY)
    gate.waited_seconds = oracle.DEADLINE_SECONDS + 1
    verdict = oracle.judge(_Plain(world), Seen(200), Seen(200), gate)
    assert verdict == oracle.Verdict(Outcome.LOST, ("waits longer than 10 s",))


def test_try_counts_as_spent_only_if_it_could_have_been_taken_back() -> None:
    assert oracle.spent(1, Plan(1, Kind.RESET, Span.EVERY_TRY))
    assert not oracle.spent(0, Plan(1, Kind.RESET, Span.EVERY_TRY))
    assert not oracle.spent(1, Plan(1, Kind.RESET, Span.OUTAGE))
    assert not oracle.spent(1, Plan(1, Kind.KILLED_AFTER))


SHOWN_BY_STATE = [name for name, made in FLOWS.items() if made.losses is not Flow.losses]


@pytest.mark.parametrize("name", SHOWN_BY_STATE)
def test_checks_of_a_flow_fail_if_its_request_was_never_made(world: World, name: str) -> None:
    """Some checks fail with an assertion, because they need a response and there was none."""
    with operated(FLOWS[name].operator):
        flow = FLOWS[name](world)
        try:
            found = list(flow.losses(is_done=True))
        except AssertionError:
            return
    assert found
