"""CloudWatch metrics: a request's log line, described in CloudWatch's Embedded Metric Format.

CloudWatch reads a line's `_aws` member and makes metrics of the members that it names, so no call is made and nothing
waits. Dimensions have few values, since each combination is a metric with a price. A client id stays a plain member of
the line, which Logs Insights can group by. docs/operations.md says what each metric means, and why this does not use
aws-lambda-powertools.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib import clock, settings

NAMESPACE = "Lanyard"
_COUNT, _MILLISECONDS = "Count", "Milliseconds"


def describe(line: Mapping[str, Any]) -> dict[str, Any]:
    """The members to add to `line` that make metrics of it; empty in the local stage.

    line: what logs.write writes: route, status, milliseconds, store_round_trips, and outcome, security_event,
    store_error and signing_key_days if they were noted.
    """
    if settings.SETTINGS.is_local:
        return {}
    values: dict[str, Any] = {"stage": settings.SETTINGS.stage, "Requests": 1}
    values["Faults"] = int(int(line.get("status", 200)) >= 500)
    values["StoreErrors"] = int("store_error" in line)
    values["Replays"] = int(str(line.get("security_event", "")).endswith("replayed"))
    directives = [
        _directive(
            [["stage"], ["stage", "route"]],
            {
                "Requests": _COUNT,
                "Faults": _COUNT,
                "StoreErrors": _COUNT,
                "milliseconds": _MILLISECONDS,
                "store_round_trips": _COUNT,
            },
        ),
        _directive([["stage"]], {"Replays": _COUNT}),
    ]
    if "outcome" in line:
        values["Outcomes"] = 1
        directives.append(_directive([["stage", "outcome"]], {"Outcomes": _COUNT}))
    if "security_event" in line:
        values["SecurityEvents"] = 1
        directives.append(_directive([["stage", "security_event"]], {"SecurityEvents": _COUNT}))
    if "signing_key_days" in line:
        directives.append(_directive([["stage"]], {"signing_key_days": _COUNT}))
    return {**values, "_aws": {"Timestamp": clock.now() * 1000, "CloudWatchMetrics": directives}}


def _directive(dimensions: list[list[str]], units: Mapping[str, str]) -> dict[str, Any]:
    metrics = [{"Name": name, "Unit": unit} for name, unit in units.items()]
    return {"Namespace": NAMESPACE, "Dimensions": dimensions, "Metrics": metrics}
