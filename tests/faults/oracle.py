"""The rules for what counts as a loss, the same for every flow; each flow adds its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib.models import application, consent, grant, security_event, store
from chalicelib.models.email_address import EmailAddress
from chalicelib.models.user import User
from tests.actors import Person
from tests.faults.flow import Flow
from tests.faults.gate import Gate
from tests.faults.kinds import Plan, Span
from tests.faults.result import Outcome
from tests.faults.scene import Seen

DEADLINE_SECONDS = 10.0


@dataclass(frozen=True)
class Verdict:
    outcome: Outcome
    losses: tuple[str, ...]


def judge(flow: Flow, first: Seen, last: Seen, gate: Gate) -> Verdict:
    """first: the response to the request that met the fault. last: the response to the last retry, or the first."""
    losses = [*_first_answer(flow, first, gate), *_waits(gate)]
    is_done = flow.is_done(last)
    is_told = not is_done and last is not first and flow.is_told(last)
    try:
        losses += flow.losses(is_done=is_done) if is_done or is_told else [f"after the retry: {last}"]
        for person in flow.people:
            losses += unsound(person)
    except Exception as error:  # a check met something it did not expect
        losses.append(f"{type(error).__name__}: {error}"[:200])
    if losses:
        return Verdict(Outcome.LOST, tuple(dict.fromkeys(losses)))
    if last is first:
        return Verdict(Outcome.RECOVERS, ())
    return Verdict(Outcome.RETRY_WORKS if is_done else Outcome.TOLD, ())


def _first_answer(flow: Flow, first: Seen, gate: Gate) -> Iterator[str]:
    """Accept success, or 503 with Retry-After; anything else tells the client something untrue."""
    if flow.is_done(first) or (gate.killed and first.was_dropped):
        return
    if first.status != 503:
        yield f"answered {first}"
    elif not first.headers.get("Retry-After"):
        yield "503 without Retry-After"


def _waits(gate: Gate) -> Iterator[str]:
    if gate.waited_seconds > DEADLINE_SECONDS:
        yield f"waits longer than {DEADLINE_SECONDS:.0f} s"


def unsound(person: Person) -> Iterator[str]:
    """What the store should not hold about a user but does, or should hold but does not."""
    found, address = store.read(User.key(person.user_id), EmailAddress.key(person.email))
    if found is None or address is None or address.user_id != person.user_id:
        yield "a user and their address do not belong together"
    consents = {given.client_id: given for given in consent.given_by(person.user_id)}
    for held in grant.held_by(person.user_id):
        given = consents.get(held.client_id)
        if given is None or given.consent_id != held.consent_id:
            yield "a grant hangs from no consent"
    for owned in application.owned_by(person.user_id):
        if not owned.active:
            yield "an application is not active and has an owner"
    for event in security_event.recent(person.user_id, limit=50):
        if event.kind == security_event.Kind.REPLAY_DETECTED:
            yield "the history says that a code was replayed"


def spent(tries: int, plan: Plan) -> bool:
    """Whether the failure cost a try. tries: those still counted after a response that asks the client to retry.

    Nothing can be taken back while the whole store is down, or by a process that died.
    """
    could_take_back = plan.span is not Span.OUTAGE and not plan.kind.kills
    return tries > 0 and could_take_back
