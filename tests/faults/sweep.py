"""Every call of a flow with every kind of fault: which cases there are, and how one is played."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
from tests.faults.result import Outcome, Result
from tests.faults.scene import Seen, World
from tests.store_proxy import Call


@dataclass(frozen=True)
class Usual:
    """What a flow does where nothing fails: the calls of its one request, and how many tries are counted for it."""

    calls: Sequence[Call]
    tries: int


def measure(world: World, name: str) -> Usual:
    """Play a flow without a fault. Raises AssertionError where it does not do even then what it is for."""
    gate, tries, verdict, first, _ = _play(world, name, None)
    assert verdict.outcome is Outcome.RECOVERS, f"{name}: {verdict} {first}"
    return Usual(tuple(gate.calls), tries)


def cases_of(world: World, name: str, kinds: Sequence[Kind]) -> Iterator[Result]:
    """Every call of a flow with each of these kinds, for as long as each may last."""
    usual = measure(world, name)
    for number, call in enumerate(usual.calls, 1):
        for kind in kinds:
            if kind.befalls(call):
                yield from _spans(world, name, Plan(number, kind), usual)


def _spans(world: World, name: str, plan: Plan, usual: Usual) -> Iterator[Result]:
    goes_on = True
    for span in SPANS[plan.kind]:
        if span is Span.OUTAGE and not goes_on:
            continue  # there is nothing else that could fail
        result, gate = play(world, name, replace(plan, span=span), usual)
        goes_on = gate.went_on
        yield result


def play(world: World, name: str, plan: Plan, usual: Usual) -> tuple[Result, Gate]:
    """One case."""
    gate, tries, verdict, first, last = _play(world, name, plan)
    assert gate.happened, f"{name}: there was no call {plan.number} any more"
    losses = verdict.losses
    if FLOWS[name].takes_tries_back and oracle.spent(tries, usual.tries, gate, plan):
        losses += ("a try was spent",)
    outcome = Outcome.LOST if losses else verdict.outcome
    call = described(usual.calls[plan.number - 1], settings.SETTINGS.table_prefix)
    return Result(name, plan, call, outcome, losses, str(first), str(last)), gate


def _play(world: World, name: str, plan: Plan | None) -> tuple[Gate, int, oracle.Verdict, Seen, Seen]:
    world.forget_tries()
    made = FLOWS[name]
    with operated(made.operator):
        flow = made(world)
        before, gate = world.tries(), Gate(stage.PROXY, plan)
        with gate.stand():
            first = flow.act()
        last = first if flow.is_done(first) else _try_again(flow)
        stage.PROXY.land()
        tries = world.tries() - before
        flow.learned = last if flow.is_done(last) else None
        try:
            verdict = oracle.judge(flow, first, last, gate)
        except Exception as error:  # the flow's own check came upon something that it did not expect
            verdict = oracle.Verdict(Outcome.LOST, (f"{type(error).__name__}: {error}"[:200],))
    return gate, tries, verdict, first, last


def _try_again(flow: Flow) -> Seen:
    """What an honest client does: the same once more; and a person, where that did not help, from the page on."""
    again = flow.again()
    if flow.is_done(again) or flow.is_told(again):
        return again
    return flow.reload() or again


@contextmanager
def operated(changed: Any) -> Iterator[None]:
    """While this lasts the operator has set these differently."""
    before = settings.SETTINGS
    settings.SETTINGS = replace(before, **changed)
    try:
        yield
    finally:
        settings.SETTINGS = before
