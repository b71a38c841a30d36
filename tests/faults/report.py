"""The results of a sweep, as lines to read and as the tables in docs/reliability.md."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults import known
from tests.faults.kinds import MEANINGS, Kind
from tests.faults.result import Outcome, Result

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
FOUND, REMAINS = "found", "remains"  # the two generated parts of the page
SIGNS = {Outcome.RECOVERS: "✓", Outcome.RETRY_WORKS: "↻", Outcome.TOLD: "✉", Outcome.LOST: "✗"}
SEEN = {
    Outcome.RECOVERS: "the normal response, as if nothing had failed",
    Outcome.RETRY_WORKS: "503 or a dropped connection; a retry gets the normal response",
    Outcome.TOLD: "503 or a dropped connection; a retry gets a page or an error that says what was done, or what to do",
    Outcome.LOST: "something is lost; the reason is below",
}
HEADER = f"| request | calls | {' | '.join(Kind)} |"
_WORST_LAST = list(Outcome)


def summary(results: Sequence[Result]) -> str:
    counts = Counter(result.outcome for result in results)
    return ", ".join(f"{counts[outcome]} {outcome}" for outcome in Outcome if counts[outcome])


def losses(results: Sequence[Result]) -> list[str]:
    """The unexplained losses. Cases that differ only in their kind share one line."""
    alike = defaultdict[tuple[str, str, str], list[str]](list)
    for result in results:
        if lost := known.unexplained(result):
            where = f"{result.flow}: call {result.plan.number} ({result.call})"
            alike[where, "; ".join(lost), result.seen].append(f"{result.plan.kind} {result.plan.span.value}")
    return [f"{where}: {lost} ({seen}): {', '.join(befell)}" for (where, lost, seen), befell in alike.items()]


def total(results: Sequence[Result], *, is_whole: bool) -> Iterator[str]:
    if is_whole:
        yield from (f"Explained in known.py but no longer seen: {one.loss}" for one in known.not_seen(results))
    lost = sum(bool(known.unexplained(result)) for result in results)
    explained = sum(bool(result.losses) for result in results)
    yield f"{len(results)} cases: {summary(results)}. {lost} losses, and {explained - lost} that are explained."


def write(results: Sequence[Result], every_flow: Sequence[str]) -> None:
    """Write the results to docs/reliability.md, between its marks: the rows of the flows that were played with every
    kind. The others keep their rows. The totals are those of all rows."""
    text = PAGE.read_text(encoding="utf-8")
    known_rows = {row.flow: row for row in rows(text)}
    for flow in {result.flow for result in results}:
        known_rows[flow] = _made(flow, [result for result in results if result.flow == flow])
    found = found_lines([known_rows[flow] for flow in every_flow if flow in known_rows])
    for part, lines in ((FOUND, found), (REMAINS, known_lines())):
        before, _, after = part_of(text, part)
        text = before + "\n" + "\n".join(lines) + "\n" + after
    PAGE.write_text(text, encoding="utf-8")


def part_of(text: str, part: str) -> tuple[str, str, str]:
    """The text before a generated part with its mark, the part itself, and the rest."""
    begin, end = (f"<!-- made by `make faults`: {part} {word} -->\n" for word in ("begins", "ends"))
    before, _, rest = text.partition(begin)
    inside, _, after = rest.partition(end)
    return before + begin, inside, end + after


@dataclass(frozen=True)
class Row:
    """What the page says about a flow. cells: the sign of each kind's worst case, in the order of Kind."""

    flow: str
    calls: int
    cells: Sequence[str]

    def __str__(self) -> str:
        return f"| {self.flow} | {self.calls} | {' | '.join(self.cells)} |"


def rows(text: str) -> list[Row]:
    """The rows of the page's generated table."""
    lines = [line for line in part_of(text, FOUND)[1].splitlines() if line.count(" | ") >= len(Kind)]
    return [_read(*line.strip("| ").split(" | ")) for line in lines if line.split("|")[1] != " request "]


def found_lines(made: Sequence[Row]) -> Iterator[str]:
    """The totals and the table, as shown on the page."""
    counts = Counter(cell for row in made for cell in row.cells)
    pairs = sum(counts[sign] for sign in SIGNS.values())
    yield f"{len(made)} requests were played with each kind of fault at each of their calls. Of {pairs:,} such pairs of"
    yield "a request and a kind, this is the worst that the client sees:"
    yield ""
    yield "| sign | what the client sees | pairs |"
    yield "|---|---|---|"
    yield from (f"| {SIGNS[outcome]} | {SEEN[outcome]} | {counts[SIGNS[outcome]]:,} |" for outcome in Outcome)
    yield ""
    yield "Each cell is the worst result of all calls and spans. – means that the fault cannot happen there."
    yield ""
    yield HEADER
    yield f"|---|---|{'---|' * len(Kind)}"
    yield from map(str, made)


def _read(flow: str, calls: str, *cells: str) -> Row:
    return Row(flow, int(calls), cells)


def _made(flow: str, results: Sequence[Result]) -> Row:
    calls = max(result.plan.number for result in results)
    return Row(flow, calls, [_cell(results, kind) for kind in Kind])


def _cell(of_flow: Sequence[Result], kind: Kind) -> str:
    found = [result.outcome for result in of_flow if result.plan.kind is kind]
    return SIGNS[max(found, key=_WORST_LAST.index)] if found else "–"


def kinds_table() -> Iterator[str]:
    """What each kind means, as shown on the page."""
    yield "| kind | what happens |"
    yield "|---|---|"
    yield from (f"| {kind} | {MEANINGS[kind]} |" for kind in Kind)


def known_lines() -> Iterator[str]:
    """The losses that stay, as shown on the page."""
    yield from (f"- {'; '.join(one.flows)} ({', '.join(one.kinds)}): {one.reason}" for one in known.KNOWN)
    if not known.KNOWN:
        yield "Nothing."
