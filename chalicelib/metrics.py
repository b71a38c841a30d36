"""What CloudWatch counts: the log line of a request, described in its Embedded Metric Format.

CloudWatch reads the `_aws` member of a line and makes metrics of the members it names; nothing is called and nothing
waits. Dimensions take few values, since each combination is a metric with a price: a client id stays a plain member of
the line, which Logs Insights can group by. docs/operations.md says what each metric means, and why this is not
aws-lambda-powertools.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib import clock, settings

NAMESPACE = "Lanyard"
_COUNT, _MILLISECONDS = "Count", "Milliseconds"


def describe(line: Mapping[str, Any]) -> dict[str, Any]:
    """The members that make metrics of `line`, which are to be added to it; none in the local stage.

    line: what logs.write writes: route, status, milliseconds, store_round_trips, and where noted outcome,
    security_event and store_error.
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
    return {**values, "_aws": {"Timestamp": clock.now() * 1000, "CloudWatchMetrics": directives}}


def _directive(dimensions: list[list[str]], units: Mapping[str, str]) -> dict[str, Any]:
    metrics = [{"Name": name, "Unit": unit} for name, unit in units.items()]
    return {"Namespace": NAMESPACE, "Dimensions": dimensions, "Metrics": metrics}
