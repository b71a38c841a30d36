"""The result of one case."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tests.faults.kinds import Plan


class Outcome(StrEnum):
    """What a client sees, in the terms of docs/reliability.md."""

    RECOVERS = "recovers"  # the request succeeds as if nothing had failed
    RETRY_WORKS = "retry works"  # the client is asked to retry, and the retry succeeds
    TOLD = "told"  # it was done the first time, or cannot be done, and the client is told what to do
    LOST = "lost"


@dataclass(frozen=True)
class Result:
    """A case that was played. call: the struck call. first, last: what the client saw."""

    flow: str
    plan: Plan
    call: str
    outcome: Outcome
    losses: tuple[str, ...]
    first: str
    last: str

    @property
    def seen(self) -> str:
        return self.first if self.first == self.last else f"{self.first}, then {self.last}"

    def __str__(self) -> str:
        what = f"{self.flow}: call {self.plan.number} ({self.call}) {self.plan.kind} {self.plan.span.value}"
        return f"{what}: {'; '.join(self.losses) or self.outcome} ({self.seen})"
