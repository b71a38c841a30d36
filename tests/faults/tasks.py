"""What a sweep asks its processes to do. Importing `worker` starts a store, so it is imported there alone."""

from __future__ import annotations

from collections.abc import Sequence

from tests.faults.kinds import Kind
from tests.faults.result import Result


def names() -> list[str]:
    from tests.faults import worker

    return worker.names()


def play(name: str, kinds: Sequence[Kind]) -> list[Result]:
    """Every case of a flow with these kinds."""
    from tests.faults import worker

    return worker.play(name, kinds)
