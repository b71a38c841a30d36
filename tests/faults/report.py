"""What a sweep found, as lines to read and as the tables in docs/reliability.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.faults import known
from tests.faults.kinds import MEANINGS, Kind
from tests.faults.result import Outcome, Result

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- Made by `make faults`: begin -->", "<!-- Made by `make faults`: end -->"
SIGNS = {Outcome.RECOVERS: "✓", Outcome.RETRY_WORKS: "↻", Outcome.TOLD: "✉", Outcome.LOST: "✗"}
SEEN = {
    Outcome.RECOVERS: "the answer, as if nothing had failed",
    Outcome.RETRY_WORKS: "503 or a dropped connection; trying again brings the answer",
    Outcome.TOLD: "likewise; trying again brings a page or an error that says what was done, or what to do",
    Outcome.LOST: "something is lost, as explained below",
}
_WORST_LAST = list(Outcome)


def summary(results: Sequence[Result]) -> str:
    counts = Counter(result.outcome for result in results)
    return ", ".join(f"{counts[outcome]} {outcome}" for outcome in Outcome if counts[outcome])


def lines(results: Sequence[Result], *, is_whole: bool) -> Iterator[str]:
    """Every loss that nothing explains, and the sum."""
    lost = [result for result in results if known.unexplained(result)]
    yield from map(str, lost)
    if is_whole:
        yield from (f"Explained in known.py, and not seen any more: {found.loss}" for found in known.not_seen(results))
    explained = sum(bool(result.losses) for result in results) - len(lost)
    yield f"{len(results)} cases: {summary(results)}. Losses: {len(lost)}, and {explained} that are explained."


def is_clean(results: Sequence[Result]) -> bool:
    return not any(known.unexplained(result) for result in results)


def write(results: Sequence[Result]) -> None:
    """Into docs/reliability.md, between its marks."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    made = "\n".join(_made(results))
    PAGE.write_text(f"{before}{BEGIN}\n\n{made}\n\n{END}{after}", encoding="utf-8")


def _made(results: Sequence[Result]) -> Iterator[str]:
    counts = Counter(result.outcome for result in results)
    yield f"{len(results):,} cases were played:"
    yield ""
    yield "| sign | what the client sees | cases |"
    yield "|---|---|---|"
    yield from (f"| {SIGNS[outcome]} | {SEEN[outcome]} | {counts[outcome]:,} |" for outcome in Outcome)
    yield ""
    yield "Each cell is the worst of all calls and spans; – where the kind cannot happen."
    yield ""
    yield f"| request | calls | {' | '.join(Kind)} |"
    yield f"|---|---|{'---|' * len(Kind)}"
    for flow in dict.fromkeys(result.flow for result in results):
        of_it = [result for result in results if result.flow == flow]
        calls = max(result.plan.number for result in of_it)
        yield f"| {flow} | {calls} | {' | '.join(_cell(of_it, kind) for kind in Kind)} |"


def _cell(of_flow: Sequence[Result], kind: Kind) -> str:
    found = [result.outcome for result in of_flow if result.plan.kind is kind]
    return SIGNS[max(found, key=_WORST_LAST.index)] if found else "–"


def kinds_table() -> Iterator[str]:
    """What each kind means, as the page has it."""
    yield "| kind | what happens |"
    yield "|---|---|"
    yield from (f"| {kind} | {MEANINGS[kind]} |" for kind in Kind)


def known_lines() -> Iterator[str]:
    """The losses that stay, as the page has them."""
    for one in known.KNOWN:
        yield f"- {', '.join(one.flows)} ({', '.join(one.kinds)}): {one.reason}"
