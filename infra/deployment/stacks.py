"""CloudFormation stacks, created and updated through change sets, so a dry run prints exactly what would change."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from infra.deployment.templates import Template

_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
# CloudFormation accepts no update of a stack in these states, only its deletion.
_NEVER_CREATED = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"}
_POLL = {"Delay": 2, "MaxAttempts": 900}


class StackFailed(Exception):
    """CloudFormation failed. The message is one line that says what failed and why."""


@dataclass(frozen=True)
class Plan:
    """What a change set would do. changes: lines such as "Add AWS::DynamoDB::Table Users"; empty if nothing changes."""

    stack: str
    change_set: str
    is_new: bool
    changes: tuple[str, ...]


def plan(client: Any, stack: str, parameters: dict[str, str], **template: str) -> Plan:
    """Ask CloudFormation what would change. template: TemplateBody or TemplateURL. Raises StackFailed."""
    status = _status(client, stack)
    if status in _NEVER_CREATED:
        raise StackFailed(
            f"The stack {stack} was never created ({status}). See docs/deploy/first-deployment.md, If the first "
            f"deployment fails. Then run: aws cloudformation delete-stack --stack-name {stack}"
        )
    is_new = status in (None, "REVIEW_IN_PROGRESS")
    name = f"lanyard-{uuid.uuid4().hex}"
    client.create_change_set(
        StackName=stack,
        ChangeSetName=name,
        ChangeSetType="CREATE" if is_new else "UPDATE",
        Capabilities=_CAPABILITIES,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        **template,
    )
    try:
        client.get_waiter("change_set_create_complete").wait(StackName=stack, ChangeSetName=name, WaiterConfig=_POLL)
    except WaiterError as error:
        reason = client.describe_change_set(StackName=stack, ChangeSetName=name).get("StatusReason", "")
        forget(client, Plan(stack, name, is_new, ()))
        if "didn't contain changes" in reason or "No updates" in reason:
            return Plan(stack, name, is_new, ())
        raise StackFailed(f"The stack {stack} cannot be changed: {reason}") from error
    return Plan(stack, name, is_new, tuple(_changes(client, stack, name)))


def forget(client: Any, planned: Plan) -> None:
    """Delete a plan: its change set, and the empty stack that it may have created."""
    client.delete_change_set(StackName=planned.stack, ChangeSetName=planned.change_set)
    if planned.is_new:
        client.delete_stack(StackName=planned.stack)


def carry_out(client: Any, planned: Plan) -> None:
    """Make the changes and wait until they are done. Raises StackFailed with the first resource that failed."""
    client.execute_change_set(StackName=planned.stack, ChangeSetName=planned.change_set)
    waiter = "stack_create_complete" if planned.is_new else "stack_update_complete"
    try:
        client.get_waiter(waiter).wait(StackName=planned.stack, WaiterConfig=_POLL)
    except WaiterError as error:
        raise StackFailed(f"The stack {planned.stack} failed: {_first_failure(client, planned.stack)}") from error


def outputs(client: Any, stack: str) -> dict[str, str]:
    found = client.describe_stacks(StackName=stack)["Stacks"][0].get("Outputs", [])
    return {output["OutputKey"]: output["OutputValue"] for output in found}


def body(template: Template) -> str:
    return json.dumps(template, separators=(",", ":"))


def _status(client: Any, stack: str) -> str | None:
    """The stack's status, or None if there is no such stack."""
    try:
        found = client.describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        return None
    return str(found[0]["StackStatus"]) if found else None


def _changes(client: Any, stack: str, name: str) -> list[str]:
    lines = []
    for page in client.get_paginator("describe_change_set").paginate(StackName=stack, ChangeSetName=name):
        for change in (found["ResourceChange"] for found in page["Changes"]):
            replaced = " (replaced)" if change.get("Replacement") == "True" else ""
            lines.append(f"{change['Action']} {change['ResourceType']} {change['LogicalResourceId']}{replaced}")
    return lines


def _first_failure(client: Any, stack: str) -> str:
    events = client.describe_stack_events(StackName=stack)["StackEvents"]
    failed = [event for event in reversed(events) if event["ResourceStatus"].endswith("FAILED")]
    if not failed:
        return "see the stack's events"
    return f"{failed[0]['LogicalResourceId']}: {failed[0].get('ResourceStatusReason', 'no reason given')}"
