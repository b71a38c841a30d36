"""`make faults`: every store call of every flow with every kind of fault, followed by the client's retry."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed

from tests.faults import report, tasks
from tests.faults.kinds import Kind
from tests.faults.result import Result


def main() -> int:
    chosen = _arguments()
    if chosen.document and chosen.kind:
        print("--document needs every kind of fault: leave --kind out.", file=sys.stderr)
        return 2
    kinds = [kind for kind in Kind if chosen.kind in kind]
    # Spawned, because a store that this process started could not be stopped by another.
    with ProcessPoolExecutor(chosen.workers, multiprocessing.get_context("spawn")) as pool:
        every_flow = pool.submit(tasks.names).result()
        names = [name for name in every_flow if chosen.flow in name]
        if not (kinds and names):
            print(f"Kinds: {', '.join(Kind)}.\nFlows: {', '.join(every_flow)}.", file=sys.stderr)
            return 2
        try:
            results = _swept(pool, names, kinds)
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            return 130
    is_whole = names == every_flow and kinds == list(Kind)
    print(*report.total(results, is_whole=is_whole), sep="\n")
    if chosen.document:
        report.write(results, every_flow)
    return 1 if report.losses(results) else 0


def _swept(pool: ProcessPoolExecutor, names: Sequence[str], kinds: Sequence[Kind]) -> list[Result]:
    started, results = time.monotonic(), list[Result]()
    under_way = {pool.submit(tasks.play, name, kinds): name for name in names}
    for done, future in enumerate(as_completed(under_way), 1):
        found = future.result()
        results += found
        minutes = (time.monotonic() - started) / 60
        print(f"{done}/{len(names)} {minutes:.1f} min  {under_way[future]}: {report.summary(found)}", flush=True)
        print(*(f"  {loss}\n" for loss in report.losses(found)), sep="", end="", flush=True)
    return sorted(results, key=lambda result: names.index(result.flow))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--flow", default="", help="only flows whose name contains this")
    parser.add_argument("--kind", default="", help="only kinds whose name contains this")
    parser.add_argument("--workers", type=int, default=2, help="how many processes to run, each with its own store")
    parser.add_argument(
        "--document", action="store_true", help="write the rows of the played flows to docs/reliability.md"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
