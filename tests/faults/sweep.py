"""Every call of a flow with every kind of fault: which cases exist, and how one is played."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from chalicelib import settings
from tests import stage
from tests.faults import oracle
from tests.faults.flow import Flow
from tests.faults.flows import FLOWS
from tests.faults.gate import Gate
from tests.faults.kinds import SPANS, Kind, Plan, Span, described
from tests.faults.oracle import Verdict
from tests.faults.result import Outcome, Result
from tests.faults.scene import Seen, World
from tests.store_proxy import Call


def measure(world: World, name: str) -> Sequence[Call]:
    """The calls of a flow's one request if nothing fails.

    Raises AssertionError if the flow fails even then.
    """
    played = _play(world, name, None)
    assert played.verdict.outcome is Outcome.RECOVERS, f"{name}: {played.verdict} {played.first}"
    return tuple(played.gate.calls)


def cases_of(world: World, name: str, kinds: Sequence[Kind]) -> Iterator[Result]:
    """Every call of a flow with each of these kinds and each span that they may have."""
    for number, call in enumerate(measure(world, name), 1):
        for kind in kinds:
            if kind.befalls(call):
                yield from _spans(world, name, Plan(number, kind))


def _spans(world: World, name: str, plan: Plan) -> Iterator[Result]:
    goes_on = True
    for span in SPANS[plan.kind]:
        if span is Span.OUTAGE and not goes_on:
            continue  # nothing else could fail
        result, gate = play(world, name, replace(plan, span=span))
        goes_on = gate.went_on
        yield result


def play(world: World, name: str, plan: Plan) -> tuple[Result, Gate]:
    """Play one case."""
    played = _play(world, name, plan)
    assert played.gate.happened, f"{name}: there is no longer a call {plan.number}"
    call = described(played.gate.struck[0], settings.SETTINGS.table_prefix)
    first, last, verdict = played.first, played.last, played.verdict
    return Result(name, plan, call, verdict.outcome, verdict.losses, str(first), str(last)), played.gate


_PATIENCE = 3


@dataclass(frozen=True)
class _Played:
    """first, last: the responses to the request that met the fault and to the last retry, or the first again."""

    gate: Gate
    first: Seen
    last: Seen
    verdict: Verdict


def _play(world: World, name: str, plan: Plan | None) -> _Played:
    made = FLOWS[name]
    with operated(made.operator):
        flow = made(world)
        world.forget_tries()
        gate = Gate(stage.PROXY, plan)
        with gate.stand():
            first = flow.act()
        tries = 0 if flow.is_done(first) else world.tries()
        last = first if flow.is_done(first) else _try_again(flow)
        if stage.PROXY.late:
            stage.PROXY.deliver_late()
        flow.learned = last if flow.is_done(last) else None
        verdict = oracle.judge(flow, first, last, gate)
        was_done = verdict.outcome is Outcome.TOLD  # at the first try, which then counts as one
        if plan and made.takes_tries_back and not was_done and oracle.spent(tries, plan):
            verdict = Verdict(Outcome.LOST, (*verdict.losses, "a try was spent"))
    return _Played(gate, first, last, verdict)


def _try_again(flow: Flow) -> Seen:
    """Do what an honest client does: repeat the request; if that does not help, a person reloads the page."""
    again = _patiently(flow, flow.again)
    if flow.is_done(again) or flow.is_told(again):
        return again
    return flow.reload() or again


def _patiently(flow: Flow, attempt: Callable[[], Seen]) -> Seen:
    """Retry as often as the server asks for it, within reason."""
    answer, waited_seconds = attempt(), 0
    for _ in range(_PATIENCE):
        if answer.status != 503:
            break
        waited_seconds += int(answer.headers["Retry-After"])
        with flow.world.later(waited_seconds):
            answer = attempt()
    return answer


@contextmanager
def operated(changed: Any) -> Iterator[None]:
    """Apply these changes to the operator's settings inside the context."""
    before = settings.SETTINGS
    settings.SETTINGS = replace(before, **changed)
    try:
        yield
    finally:
        settings.SETTINGS = before
