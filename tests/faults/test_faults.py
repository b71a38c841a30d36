"""A part of `make faults` that takes seconds: for every flow a lost response, and one more kind of fault in turn."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest

from tests.faults import known, report, sweep
from tests.faults.flows import FLOWS
from tests.faults.kinds import SPANS, Kind, Plan, Span, is_write
from tests.faults.scene import World
from tests.store_proxy import Call, StoreProxy

pytestmark = pytest.mark.spec("docs/reliability.md")
CALLS = {row.flow: row.calls for row in report.rows(report.PAGE.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("name", FLOWS)
def test_flow_loses_nothing_if_the_store_fails(world: World, store: StoreProxy, name: str) -> None:
    calls = sweep.measure(world, name)
    assert len(calls) == CALLS.get(name), f"play it again: make faults FLOW='{name}' ARGS=--document"
    results = [sweep.play(world, name, plan)[0] for plan in plans(calls, turn=list(FLOWS).index(name))]
    assert [str(result) for result in results if known.unexplained(result)] == []


def plans(made: Sequence[Call], *, turn: int) -> list[Plan]:
    """Lose the response to the last write on every try, and play one other case of the kind whose turn it is."""
    calls = list(enumerate(made, 1))
    lost = [Plan(number, Kind.HUNG_AFTER, Span.EVERY_TRY) for number, call in calls if is_write(call)]
    in_turn = itertools.islice(itertools.cycle(Kind), turn % len(Kind), None)
    kind = next(kind for kind in in_turn if any(kind.befalls(call) for call in made))
    numbers = [number for number, call in calls if kind.befalls(call)]
    spans = SPANS[kind]
    return [*lost[-1:], Plan(numbers[turn % len(numbers)], kind, spans[turn // len(Kind) % len(spans)])]


def test_turns_reach_every_kind_and_span() -> None:
    operations = ("BatchGetItem", "TransactWriteItems", "PutItem", "BatchWriteItem", "GetItem")
    calls = [Call(operation, ("test-grants",), {}) for operation in operations]
    played = {(plan.kind, plan.span) for turn in range(len(FLOWS)) for plan in plans(calls, turn=turn)}
    assert {kind for kind, _ in played} == set(Kind)
    assert {span for _, span in played} == set(Span)
