"""Each request's log line carries CloudWatch metrics (Embedded Metric Format)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import requests

from chalicelib import limits, settings, signing_keys
from chalicelib.keys import new_key
from infra.deployment import templates
from tests.actors import Browser, ClientApp
from tests.conftest import Clock


@pytest.fixture(autouse=True)
def _a_deployed_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use a deployed stage, because the local stage writes no metrics."""
    monkeypatch.setattr(settings, "SETTINGS", replace(settings.SETTINGS, stage="dev"))


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    found = (json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{"))
    return [line for line in found if "route" in line]


def metrics(line: dict[str, Any]) -> dict[str, Any]:
    """The metrics by name, as CloudWatch reads them; each must have a value and its dimensions."""
    found: dict[str, Any] = {}
    for directive in line["_aws"]["CloudWatchMetrics"]:
        assert directive["Namespace"] == "Lanyard"
        for metric in directive["Metrics"]:
            found[metric["Name"]] = line[metric["Name"]]
        for dimension in (name for names in directive["Dimensions"] for name in names):
            assert isinstance(line[dimension], str)
    return found


def test_token_request_is_counted_by_route_and_outcome(
    john: Browser, shop: ClientApp, capsys: pytest.CaptureFixture[str]
) -> None:
    code = john.allow(john.open(shop.authorize_path()), "Big Events LLC").code
    lines(capsys)
    shop.exchange(code)
    (line,) = lines(capsys)
    counted = metrics(line)
    assert line["stage"] == "dev"
    assert line["route"] == "/api/v1/oauth/token"
    assert line["outcome"] == "token issued"
    assert line["client_id"] == shop.client_id
    assert counted == {**counted, "Requests": 1, "Faults": 0, "StoreErrors": 0, "Replays": 0, "Outcomes": 1}
    assert counted["store_round_trips"] == 2
    assert counted["milliseconds"] > 0


def test_replay_is_counted_for_its_alarm(john: Browser, shop: ClientApp, capsys: pytest.CaptureFixture[str]) -> None:
    code = john.allow(john.open(shop.authorize_path()), "Big Events LLC").code
    shop.exchange(code)
    lines(capsys)
    shop.exchange(code)
    (line,) = lines(capsys)
    assert metrics(line)["Replays"] == 1
    assert metrics(line)["SecurityEvents"] == 1


def test_client_id_is_never_a_metric_dimension(
    john: Browser, shop: ClientApp, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.connect(john, "Big Events LLC")
    for line in lines(capsys):
        for directive in line["_aws"]["CloudWatchMetrics"]:
            named = {name for names in directive["Dimensions"] for name in names}
            assert named <= {"stage", "route", "outcome", "security_event"}


def test_every_alarm_on_our_own_metrics_names_one_that_is_written(
    john: Browser, shop: ClientApp, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.connect(john, "Big Events LLC")
    written = {*metrics(lines(capsys)[-1]), "signing_key_days"}  # a test of its own shows when that one is written
    resources = templates.read("api")["Resources"].values()
    alarms = [one["Properties"] for one in resources if one["Type"] == "AWS::CloudWatch::Alarm"]
    ours = [alarm["MetricName"] for alarm in alarms if alarm["Namespace"] == "Lanyard"]
    of_lines = {name for name in ours if isinstance(name, str)}
    assert of_lines == {"Faults", "StoreErrors", "Replays", "signing_key_days"}
    assert of_lines <= written
    filters = [one["Properties"] for one in resources if one["Type"] == "AWS::Logs::MetricFilter"]
    counted = [made["MetricName"] for found in filters for made in found["MetricTransformations"]]
    assert counted == [name for name in ours if not isinstance(name, str)]


def test_age_of_the_key_that_signs_is_a_metric_with_an_alarm(
    base_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], clock: Clock
) -> None:
    clock.stop()
    made_at = clock.now() - 366 * limits.DAY_SECONDS
    key = replace(new_key.make("ES256", made_at), status=signing_keys.ACTIVE)
    kept = signing_keys.to_text_with_private((key,))
    monkeypatch.setattr(settings, "SETTINGS", replace(settings.SETTINGS, signing_keys=kept))
    lines(capsys)
    assert requests.get(f"{base_url}/.well-known/jwks.json", timeout=10).status_code == 200
    (line,) = lines(capsys)
    assert metrics(line)["signing_key_days"] == 366
    template = templates.read("api")
    alarm = template["Resources"]["OldSigningKeyAlarm"]["Properties"]
    assert (alarm["MetricName"], alarm["Statistic"]) == ("signing_key_days", "Maximum")
    assert template["Parameters"]["SigningKeyDays"]["Default"] == limits.SIGNING_KEY_OLD_DAYS


def test_request_that_signs_nothing_has_no_metric_of_keys(shop: ClientApp, capsys: pytest.CaptureFixture[str]) -> None:
    lines(capsys)
    shop.exchange("lyac_x")
    (line,) = lines(capsys)
    assert "signing_key_days" not in metrics(line)
