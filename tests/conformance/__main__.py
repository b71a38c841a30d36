"""`make conformance SUITE=https://localhost:8443`: runs every plan and writes docs/conformance.md."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import tempfile
import warnings
from pathlib import Path

from urllib3.exceptions import InsecureRequestWarning

from tests.conformance import report, running
from tests.conformance.outcome import PlanOutcome
from tests.conformance.plans import PLANS, Plan
from tests.conformance.provider import Provider, ProviderProblem
from tests.conformance.suite import Suite, SuiteProblem

LOGS = Path(".local") / "conformance"


def main() -> int:
    chosen = _arguments()
    if not chosen.suite.startswith("https://"):
        print(
            "make conformance needs the address of a conformance suite that is running, for example "
            "SUITE=https://localhost:8443: see docs/conformance.md.",
            file=sys.stderr,
        )
        return 2
    plans = [plan for plan in PLANS if chosen.plan in ("", plan.alias)]
    if not plans:
        print(f"PLAN must be one of {', '.join(plan.alias for plan in PLANS)}.", file=sys.stderr)
        return 2
    warnings.simplefilter("ignore", InsecureRequestWarning)  # both certificates were made for the run
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # the front's access log, which would have codes in it
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    suite = Suite(chosen.suite, token=os.environ.get("SUITE_TOKEN"))
    try:
        version = suite.version()
        results = _run(plans, suite, chosen.url or None)
    except (SuiteProblem, ProviderProblem) as error:
        print(error, file=sys.stderr)
        return 2
    print(*report.summary(results), sep="\n")
    if len(plans) == len(PLANS):
        report.write(results, version)
    else:
        print("docs/conformance.md is written only when every plan is run.")
    return 1 if report.has_failures(results) else 0


def _stop(number: int, _: object) -> None:
    """Exit, and stop what was started. Once: make passes a signal on that the whole group got anyway."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)


def _run(plans: list[Plan], suite: Suite, url: str | None) -> list[PlanOutcome]:
    return [_run_one(plan, suite, url) for plan in plans]


def _run_one(plan: Plan, suite: Suite, url: str | None) -> PlanOutcome:
    """Each plan has a provider of its own: only so many applications may register in an hour."""
    with tempfile.TemporaryDirectory() as folder, Provider(Path(folder) / "lanyard", suite.url, url) as provider:
        return running.run(plan, suite, provider, logs=LOGS, say=lambda line: print(line, flush=True))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make conformance", description=__doc__)
    parser.add_argument("--suite", default="", help="where the suite is")
    parser.add_argument("--url", default="", help="where the suite reaches this machine; a free port of localhost")
    parser.add_argument("--plan", default="", help="only this plan; then no document is written")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
