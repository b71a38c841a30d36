"""What came of a plan and of each module in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

PASSED, WARNING, REVIEW, FAILED, SKIPPED = "passed", "warning", "review", "failed", "skipped"
UNFINISHED = "unfinished"  # it did not end in time, or the suite interrupted it without a verdict
RESULTS = (PASSED, WARNING, REVIEW, FAILED, SKIPPED, UNFINISHED)

_OF_THE_SUITE = {
    "PASSED": PASSED,
    "WARNING": WARNING,
    "REVIEW": REVIEW,
    "FAILED": FAILED,
    "SKIPPED": SKIPPED,
}
# The entries of a log that say why, for each result. A failed module may have warnings too, which are not why.
_WHY = {FAILED: ("FAILURE",), WARNING: ("WARNING",), REVIEW: ("REVIEW",), SKIPPED: ("SKIPPED",)}


@dataclass(frozen=True)
class ModuleOutcome:
    """name, variant: of the module. result: one of RESULTS. reasons: the suite's own sentences, each once, in order."""

    name: str
    variant: Mapping[str, str]
    result: str
    reasons: Sequence[str] = ()


@dataclass(frozen=True)
class PlanOutcome:
    """title, name, variant: of the plan. modules: empty if it was not run. not_run: why it was not run."""

    title: str
    name: str
    variant: Mapping[str, str]
    modules: Sequence[ModuleOutcome] = field(default_factory=tuple)
    not_run: str = ""

    def count(self, result: str) -> int:
        return sum(1 for module in self.modules if module.result == result)


def judged(
    name: str,
    variant: Mapping[str, str],
    information: Mapping[str, Any],
    log: Sequence[Mapping[str, Any]],
    names: Mapping[str, str],
) -> ModuleOutcome:
    """The outcome of a module that ended. A result counts only if the suite finished the module or failed it.

    names: addresses of this run, and what stands for each in the reasons: these must not differ from run to run.
    """
    verdict = _OF_THE_SUITE.get(str(information.get("result")), UNFINISHED)
    if information.get("status") != "FINISHED" and verdict != FAILED:
        return ModuleOutcome(name, variant, UNFINISHED, ("The suite interrupted it.",))
    reasons = _reasons(log, _WHY.get(verdict, ()))
    for address, stands in names.items():
        reasons = tuple(reason.replace(address, stands) for reason in reasons)
    return ModuleOutcome(name, variant, verdict, reasons)


def _reasons(log: Sequence[Mapping[str, Any]], kinds: Sequence[str]) -> tuple[str, ...]:
    found = [_sentence(entry) for entry in log if entry.get("result") in kinds and entry.get("msg")]
    return tuple(dict.fromkeys(found))


def _sentence(entry: Mapping[str, Any]) -> str:
    named = entry.get("requirements") or ()
    text = " ".join(str(entry["msg"]).split())
    return f"{text} ({', '.join(sorted(map(str, named)))})" if named else text
