"""The functions' IAM policies: writes .chalice/policy-STAGE.json and policy-STAGE-FUNCTION.json from the lists below.

    python -m infra.deployment.policy

Each action is named, with its tables and indexes; no wildcard action. `Scan` is for one request only: the list of all
users or organizers that the platform's server asks for (SCIM). At the end of the whole suite,
tests/whole_run.py compares the lists with the calls that the functions made.
"""

from __future__ import annotations

import json
from typing import Any

from chalicelib import identity_providers
from chalicelib.keys import kms
from infra.deployment import templates

# action -> the tables it is allowed on, and indexes as TABLE/index/INDEX
API: dict[str, tuple[str, ...]] = {
    "BatchGetItem": (
        "access_tokens",
        "applications",
        "authorization_codes",
        "consents",
        "device_requests",
        "email_addresses",
        "grants",
        "invitations",
        "linked_identities",
        "logos",
        "memberships",
        "organizers",
        "pushed_requests",
        "sessions",
        "throttles",
        "users",
    ),
    "BatchWriteItem": (
        "access_tokens",
        "consents",
        "grants",
        "memberships",
        "registration_forms",
        "security_events",
        "sessions",
        "throttles",
    ),
    "ConditionCheckItem": ("consents", "users"),
    "DeleteItem": (
        "access_tokens",
        "consents",
        "email_addresses",
        "grants",
        "invitations",
        "linked_identities",
        "logos",
        "memberships",
        "organizer_external_ids",
        "sessions",
        "users",
    ),
    "GetItem": (
        "applications",
        "authorization_codes",
        "consents",
        "device_requests",
        "document_fetches",
        "email_addresses",
        "grants",
        "linked_identities",
        "mail_links",
        "memberships",
        "organizer_external_ids",
        "organizers",
        "pushed_requests",
        "registration_forms",
        "sectors",
        "sessions",
        "sign_in_requests",
        "used_assertions",
        "users",
    ),
    "PutItem": (
        "access_tokens",
        "applications",
        "authorization_codes",
        "device_requests",
        "document_fetches",
        "email_addresses",
        "ended_tokens",
        "grants",
        "invitations",
        "linked_identities",
        "mail_links",
        "memberships",
        "organizer_external_ids",
        "organizers",
        "pushed_requests",
        "recent_requests",
        "registration_forms",
        "sectors",
        "security_events",
        "sessions",
        "sign_in_requests",
        "used_assertions",
        "users",
    ),
    "Query": (
        "applications/index/owner",
        "consents",
        "ended_tokens",
        "grants",
        "grants/index/client",
        "invitations",
        "memberships",
        "organizers",
        "recent_requests",
        "registration_forms",
        "security_events",
        "sessions",
    ),
    "Scan": ("organizers", "users"),
    "UpdateItem": (
        "applications",
        "authorization_codes",
        "consents",
        "device_requests",
        "document_fetches",
        "grants",
        "mail_links",
        "memberships",
        "organizers",
        "pushed_requests",
        "sessions",
        "sign_in_requests",
        "throttles",
        "used_assertions",
        "users",
    ),
}
AUTHORIZER: dict[str, tuple[str, ...]] = {
    "BatchGetItem": ("access_tokens", "applications", "consents", "grants", "memberships", "users"),
    "GetItem": ("memberships",),
    "PutItem": ("used_assertions",),
    "UpdateItem": ("grants",),
}
SEND_LOGOUT: dict[str, tuple[str, ...]] = {"GetItem": ("applications",)}  # exists on a stage with a LOGOUT_QUEUE
FUNCTIONS = {"api": API, "authorizer": AUTHORIZER, "send_logout": SEND_LOGOUT}
_QUEUE_ACTIONS = {
    "api": ["sqs:GetQueueUrl", "sqs:SendMessage"],
    "send_logout": ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"],
}
LOG_ACTIONS = ["logs:CreateLogStream", "logs:PutLogEvents"]


def document(stage: str, function: str) -> dict[str, Any]:
    """The IAM policy of a stage's function."""
    prefix = templates.table_prefix(stage)
    # One statement for all tables with the same actions, so that the policy stays small and readable.
    actions_on: dict[str, list[str]] = {}
    for action, names in sorted(FUNCTIONS[function].items()):
        for name in names:
            actions_on.setdefault(name, []).append(f"dynamodb:{action}")
    alike: dict[tuple[str, ...], list[str]] = {}
    for name, actions in sorted(actions_on.items()):
        alike.setdefault(tuple(actions), []).append(f"arn:aws:dynamodb:*:*:table/{prefix}{name}")
    statements: list[dict[str, Any]] = [
        {"Effect": "Allow", "Action": list(actions), "Resource": resources} for actions, resources in alike.items()
    ]
    sender = templates.variables(stage).get("MAIL_SENDER")
    if sender and function == "api":
        statements.append(may_send_mail(sender))
    queue = templates.logout_queue(stage)
    if queue and function in _QUEUE_ACTIONS:
        resources = [f"arn:aws:sqs:*:*:{queue}"]
        statements.append({"Effect": "Allow", "Action": _QUEUE_ACTIONS[function], "Resource": resources})
    parameters = {"api": _parameters, "send_logout": _signing_parameters}.get(function, lambda _: [])(stage)
    if parameters:
        resources = [f"arn:aws:ssm:*:*:parameter/{name.lstrip('/')}" for name in parameters]
        statements.append({"Effect": "Allow", "Action": ["ssm:GetParameter"], "Resource": resources})
    kms_keys = templates.variables(stage).get("SIGNING_KMS_KEYS", "").split() if function != "authorizer" else []
    if kms_keys:
        statements.append(may_sign(kms_keys))
    if templates.stages()[stage].get("xray"):  # X-Ray has no resource-level permissions
        actions = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
        statements.append({"Effect": "Allow", "Action": actions, "Resource": ["*"]})
    # The log group already exists. Both ways to deploy name it after the function, and the function after the stage.
    groups = [f"arn:aws:logs:*:*:log-group:/aws/lambda/lanyard-{stage}{end}:*" for end in ("", "-*")]
    statements.append({"Effect": "Allow", "Action": LOG_ACTIONS, "Resource": groups})
    return {"Version": "2012-10-17", "Statement": statements}


def _parameters(stage: str) -> list[str]:
    """The SSM parameters with the stage's server key, its signing keys and its secrets at identity providers."""
    variables = templates.variables(stage)
    providers = identity_providers.load(variables.get("IDENTITY_PROVIDERS", ""), is_local=False)
    others = (variables.get("SERVER_KEY_PARAMETER"), *_signing_parameters(stage), *providers.secret_parameters)
    return [name for name in others if name]


def _signing_parameters(stage: str) -> list[str]:
    name = templates.variables(stage).get("SIGNING_KEYS_PARAMETER")
    return [name, f"{name}/*"] if name else []  # each private key is below the list


def may_sign(kms_keys: list[str]) -> dict[str, Any]:
    """The policy statement that lets a function sign digests with these KMS keys, and do nothing else with them."""
    algorithms = sorted(kms.SIGNING_ALGORITHMS.values())
    condition = {"StringEquals": {"kms:MessageType": "DIGEST", "kms:SigningAlgorithm": algorithms}}
    return {"Effect": "Allow", "Action": ["kms:Sign"], "Resource": kms_keys, "Condition": condition}


def may_send_mail(sender: str) -> dict[str, Any]:
    """The policy statement that lets a function send email from this address."""
    return {
        "Effect": "Allow",
        "Action": ["ses:SendEmail"],
        # An identity may have a default configuration set, for which SES checks the permission too.
        "Resource": ["arn:aws:ses:*:*:configuration-set/*", "arn:aws:ses:*:*:identity/*"],
        "Condition": {"StringEquals": {"ses:FromAddress": sender}},
    }


def file_name(stage: str, function: str) -> str:
    return f"policy-{stage}.json" if function == "api" else f"policy-{stage}-{function}.json"


def deployed_stages() -> list[str]:
    return [stage for stage in templates.stages() if stage != "local"]


def main() -> None:
    for stage in deployed_stages():
        for function in FUNCTIONS:
            path = templates.CONFIG.parent / file_name(stage, function)
            path.write_text(json.dumps(document(stage, function), indent=2) + "\n", encoding="utf-8")
            print(f"Wrote {path.relative_to(templates.ROOT)}")


if __name__ == "__main__":
    main()
