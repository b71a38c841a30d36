"""What an import did with each record: the sums, and a line for each record that did not go in as it was."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TextIO

from infra.imports.records import FileProblem

SHOWN = 10


class Outcome(StrEnum):
    IMPORTED = "imported"
    THERE = "there already"
    LEFT_OUT = "left out"


class Report:
    """counts: how many records had each outcome, and how many went in `changed`. shown: the first lines for people."""

    def __init__(self, file: TextIO | None) -> None:
        self.counts: Counter[str] = Counter()
        self.shown: list[str] = []
        self._file = file

    def note(self, outcome: Outcome, where: str, *reasons: str) -> None:
        """where: the record. reasons: why it was left out, or what was changed in it."""
        self.counts[outcome] += 1
        changed = outcome is Outcome.IMPORTED and bool(reasons)
        self.counts["changed"] += changed
        if outcome is Outcome.IMPORTED and not changed:
            return
        said = f"{where} {' '.join(reasons)}" if outcome is Outcome.LEFT_OUT else f"{where}: {' '.join(reasons)}"
        if reasons and len(self.shown) < SHOWN:
            self.shown.append(said)
        if self._file:
            line = {"record": where, "outcome": "changed" if changed else outcome, "reasons": reasons}
            print(json.dumps(line, ensure_ascii=False), file=self._file)


@contextmanager
def writing(path: Path | None) -> Iterator[Report]:
    """A report that goes into this new file, which only the operator can read. Raises FileProblem."""
    if path is None:
        yield Report(None)
        return
    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise FileProblem(f"--report: {path} cannot be written: {error.strerror}.") from error
    # A lone surrogate, which JSON can name and UTF-8 cannot, stays as JSON writes it.
    with os.fdopen(number, "w", encoding="utf-8", errors="backslashreplace") as file:
        yield Report(file)
