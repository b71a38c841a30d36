"""Losses that are known and stay, each with the reason that docs/reliability.md gives. All others are defects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.faults.kinds import Kind
from tests.faults.result import Result


@dataclass(frozen=True)
class Known:
    """flows: those that it happens in. call: a part of the struck call's description. loss: a part of its words.

    reason: why it stays, as people read it: a sentence or two.
    """

    flows: Sequence[str]
    call: str
    kinds: Sequence[Kind]
    loss: str
    reason: str

    def explains(self, result: Result, loss: str) -> bool:
        is_there = result.flow in self.flows and self.call in result.call
        return is_there and result.plan.kind in self.kinds and self.loss in loss


KNOWN: Sequence[Known] = ()


def unexplained(result: Result) -> list[str]:
    """The losses of a case that no entry explains."""
    return [loss for loss in result.losses if not any(known.explains(result, loss) for known in KNOWN)]


def not_seen(results: Sequence[Result]) -> list[Known]:
    """What a whole sweep did not find any more: it can be struck off the list."""
    return [
        known
        for known in KNOWN
        if not any(known.explains(result, loss) for result in results for loss in result.losses)
    ]
