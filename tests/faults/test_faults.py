"""A part of `make faults` that takes seconds: every flow with lost answers, and each of its calls with one other kind."""

from __future__ import annotations

import itertools

import pytest

from tests.faults import sweep
from tests.faults.flows import FLOWS
from tests.faults.kinds import Kind, Plan, Span, is_write
from tests.faults.scene import World

pytestmark = pytest.mark.spec("platform: lost answers")
_TURN = itertools.count()


@pytest.fixture(scope="module")
def world(base_url: str) -> World:
    return World(base_url)


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("name", FLOWS)
def test_no_flow_loses_anything_when_the_store_fails(world: World, name: str) -> None:
    usual = sweep.measure(world, name)
    plans = []
    for number, call in enumerate(usual.calls, 1):
        if is_write(call):
            lost = Plan(number, Kind.HUNG_AFTER, Span.EVERY_TRY)
            plans.append(lost)
    results = [sweep.play(world, name, plan, usual)[0] for plan in plans[-1:]]
    kinds = [Kind.KILLED_BEFORE]
    for number, call in enumerate(usual.calls, 1):
        results.append(sweep.play(world, name, Plan(number, kinds[0]), usual)[0])
    assert [str(r) for r in results if r.losses] == []
