"""What a sweep found, as lines to read and as the table in docs/reliability.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from tests.faults.result import Outcome, Result


def summary(results: Sequence[Result]) -> str:
    counts = Counter(result.outcome for result in results)
    return ", ".join(f"{counts[outcome]} {outcome}" for outcome in Outcome if counts[outcome])


def lines(results: Sequence[Result]) -> Iterator[str]:
    lost = [result for result in results if result.losses]
    yield from map(str, lost)
    yield f"{len(results)} cases: {summary(results)}"


def unexplained(results: Sequence[Result]) -> list[Result]:
    return [result for result in results if result.losses]


def write(results: Sequence[Result]) -> None:
    raise NotImplementedError
