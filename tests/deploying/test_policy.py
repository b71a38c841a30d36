"""The IAM policies allow each function only named actions on named tables; `tests/whole_run.py` checks each is used."""

from __future__ import annotations

import json

import pytest

from infra.deployment import policy, templates

STAGES = policy.deployed_stages()


@pytest.mark.parametrize("function", policy.FUNCTIONS)
@pytest.mark.parametrize("stage", STAGES)
def test_policy_files_match_the_lists(stage: str, function: str) -> None:
    file = templates.CONFIG.parent / policy.file_name(stage, function)
    assert json.loads(file.read_text(encoding="utf-8")) == policy.document(stage, function), "run: make policies"


@pytest.mark.parametrize("function", policy.FUNCTIONS)
@pytest.mark.parametrize("stage", STAGES)
def test_no_policy_has_a_wildcard_action(stage: str, function: str) -> None:
    for statement in policy.document(stage, function)["Statement"]:
        assert not [action for action in statement["Action"] if "*" in action]
        anything = "*" in [resource.rpartition(":")[2] for resource in statement["Resource"]]
        assert not anything or statement["Action"][0].startswith(
            ("logs:", "xray:")
        )  # these services have no narrower resources
        assert not [
            name for name in statement["Resource"] if name.startswith("arn:aws:dynamodb") and name.endswith("*")
        ]


def test_only_the_list_of_users_and_organizers_may_scan() -> None:
    scanned = {function: actions.get("Scan", ()) for function, actions in policy.FUNCTIONS.items()}
    assert scanned == {"api": ("organizers", "users"), "authorizer": (), "send_logout": ()}


def test_email_may_be_sent_only_from_the_stages_sender(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templates, "variables", lambda _: {})
    assert "ses:" not in json.dumps(policy.document("prod", "api"))
    monkeypatch.setattr(templates, "variables", lambda _: {"MAIL_SENDER": "no-reply@example.com"})
    (statement,) = [one for one in policy.document("prod", "api")["Statement"] if "ses:SendEmail" in one["Action"]]
    assert statement["Condition"] == {"StringEquals": {"ses:FromAddress": "no-reply@example.com"}}
    assert "ses:" not in json.dumps(policy.document("prod", "authorizer"))


@pytest.mark.parametrize("function", policy.FUNCTIONS)
def test_traces_may_be_written_only_if_the_stage_enables_them(monkeypatch: pytest.MonkeyPatch, function: str) -> None:
    stage = {**templates.stages()["prod"], "xray": True}
    monkeypatch.setattr(templates, "stages", lambda: {"prod": {**stage, "xray": False}})
    assert "xray:" not in json.dumps(policy.document("prod", function))
    monkeypatch.setattr(templates, "stages", lambda: {"prod": stage})
    assert "xray:PutTraceSegments" in json.dumps(policy.document("prod", function))


def test_api_may_read_its_signing_keys_and_use_its_kms_keys_and_the_authorizer_neither(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arn = "arn:aws:kms:eu-central-1:111122223333:key/0a1b2c3d"
    stages = templates.stages()
    stages["prod"]["environment_variables"] |= {
        "SIGNING_KEYS_PARAMETER": "/lanyard/prod/signing-keys",
        "SIGNING_KMS_KEYS": arn,
    }
    monkeypatch.setattr(templates, "stages", lambda: stages)
    statements = policy.document("prod", "api")["Statement"]
    (reads,) = [one for one in statements if one["Action"] == ["ssm:GetParameter"]]
    parameter = "arn:aws:ssm:*:*:parameter/lanyard/prod/signing-keys"
    assert {parameter, f"{parameter}/*"} <= set(reads["Resource"])
    (signs,) = [one for one in statements if "kms:" in json.dumps(one["Action"])]
    assert (signs["Action"], signs["Resource"]) == (["kms:Sign"], [arn])
    assert signs["Condition"]["StringEquals"]["kms:MessageType"] == "DIGEST"
    assert not any(word in json.dumps(policy.document("prod", "authorizer")) for word in ("kms:", "ssm:"))
