"""What the commands that import a file share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from infra.commands.operator import Operator
from infra.commands.output import say
from infra.imports.records import Record
from infra.imports.report import Outcome, Report

_AT_ONCE = 100  # records for which the store is asked together what it has
WRITERS = 8


def batches(found: Iterable[Record]) -> Iterator[list[Record]]:
    """Records that are checked together, in the file's order."""
    rest = iter(found)
    while batch := list(islice(rest, _AT_ONCE)):
        yield batch


def conclude(operator: Operator, noted: Report, what: str) -> None:
    """Print the sums, and on stderr the first lines of the report. what: the things imported, in the plural."""
    counts: dict[str, Any] = {str(name).replace(" ", "_"): noted.counts[name] for name in (*Outcome, "changed")}
    for line in noted.shown:
        say(line, to_stderr=True)
    done = "Would import" if operator.is_dry else "Imported"
    sentence = (
        f"{done} {counts['imported']} {what}, {counts['changed']} of them with changes. "
        f"{counts['there_already']} were there already; {counts['left_out']} were left out."
    )
    operator.show({"dry_run": operator.is_dry, **counts}, sentence=sentence)
