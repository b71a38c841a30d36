"""`make benchmarks`: prints the numbers behind the costs in docs/operations.md. Exit code 1 if a budget is exceeded."""

from __future__ import annotations

import os
import sys

from benchmarks import cold_start, costs, requests_counted


def main() -> int:
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")  # packaging needs one
    rows = requests_counted.run()
    print("## Requests, counted\n", *requests_counted.report(rows), sep="\n")
    print("\n## Dollars per million, from these counts\n", *costs.report(rows), sep="\n")
    print("\n## Cold start: importing the functions from the zip\n", *cold_start.run(), sep="\n", flush=True)
    over = requests_counted.over_budget(rows)
    if over:
        print(f"Over budget: {', '.join(over)}", file=sys.stderr)
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
