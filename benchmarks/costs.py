"""Dollars per million of each thing that users and applications do, from counted capacity and list prices.

Prices are list prices for us-east-1 in 2025, without free tiers: check them before you rely on them. Lambda's
milliseconds are assumptions, because only AWS can show the real ones.
"""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks.requests_counted import Counted

READ_UNITS_MILLION = 0.125
WRITE_UNITS_MILLION = 0.625
GATEWAY_REQUESTS_MILLION = 3.50
LAMBDA_REQUESTS_MILLION = 0.20
LAMBDA_GB_SECOND = 0.0000166667
MEMORY_GB = 1769 / 1024
LOG_GB = 0.50
LOG_BYTES = 1100  # of a request's line, with START, END and REPORT
WARM_MILLISECONDS = 20
PASSWORD_MILLISECONDS = 80  # argon2id

# Action -> its requests. All go through API Gateway, except those to the authorizer, which API Gateway calls itself.
DONE = {
    "connects (sign-in, consent, code, first /me)": (
        "sign-in page",
        "sign-in",
        "authorize, GET, signed in",
        "authorize, POST, signed in",
        "token: code",
        "GET /me",
    ),
    "connects, remembered (signed in, code, first /me)": ("authorize, GET, remembered", "token: code", "GET /me"),
    "refreshes": ("token: refresh",),
    "validations by the authorizer": ("validate a token (authorizer)",),
    "validations by introspection": ("introspect a token",),
}


def report(rows: Iterable[Counted]) -> list[str]:
    """Lines of a table in Markdown."""
    by_name = {row.name: row for row in rows}
    lines = ["| per million | DynamoDB | API Gateway | Lambda | logs | total |", "|---|---|---|---|---|---|"]
    for name, names in DONE.items():
        parts = [by_name[one] for one in names]
        dynamodb = sum(
            row.units.read * READ_UNITS_MILLION + row.units.write * WRITE_UNITS_MILLION for row in parts
        )  # fmt: skip
        through_gateway = [one for one in names if "authorizer" not in one]
        gateway = len(through_gateway) * GATEWAY_REQUESTS_MILLION
        seconds = sum(PASSWORD_MILLISECONDS if one == "sign-in" else WARM_MILLISECONDS for one in names) / 1000
        compute = len(names) * LAMBDA_REQUESTS_MILLION + 1e6 * seconds * MEMORY_GB * LAMBDA_GB_SECOND
        logs = len(names) * LOG_BYTES * 1e6 / 1e9 * LOG_GB
        total = dynamodb + gateway + compute + logs
        lines.append(f"| {name} | {dynamodb:.2f} | {gateway:.2f} | {compute:.2f} | {logs:.2f} | {total:.2f} |")
    return lines
