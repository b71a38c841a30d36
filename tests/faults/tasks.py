"""The tasks of a sweep's processes. Importing `worker` starts a store, so only they import it."""

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
