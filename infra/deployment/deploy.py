"""`make deploy STAGE=...`: the stack of the tables and that of the queue, if there is one, then `chalice deploy`, then
the stack that surrounds its API.

    python -m infra.deployment.deploy STAGE [--dry-run]

A dry run asks AWS what would be created and changed, prints it, and changes nothing.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.deployment import bytecode, gateway, package, stacks, templates
from infra.deployment.stacks import StackFailed
from infra.deployment.templates import ROOT, NotDeployable, Template

# For the output of `chalice dev plan`, where each step is a paragraph of names and values.
_CALLED = re.compile(r"API_CALL\s+│\s+method_name: (\S+)")
_NAMED = re.compile(r"│\s+(?:name|function_name|role_name|rest_api_id): (\S+)")
USAGE = "Name a stage: make deploy STAGE=prod (with DRY_RUN=yes, it only prints the changes)"


def main() -> int:
    arguments = [argument for argument in sys.argv[1:] if argument != "--dry-run"]
    is_dry = "--dry-run" in sys.argv
    try:
        if len(arguments) != 1:
            raise NotDeployable(USAGE)
        templates.parameters(arguments[0], templates.whole(arguments[0]))
        templates.check_permissions(arguments[0])
        templates.check_providers(arguments[0])
        deploy(arguments[0], boto3.Session(), is_dry=is_dry)
    except (NotDeployable, StackFailed, ClientError, BotoCoreError) as error:
        print(str(error).splitlines()[0], file=sys.stderr)
        return 2
    return 0


def deploy(stage: str, session: Any, *, is_dry: bool) -> None:
    """Deploy the stage. Raises NotDeployable, StackFailed and boto3's errors."""
    formation = session.client("cloudformation")
    _stack(formation, f"lanyard-{stage}-tables", stage, templates.read("tables"), {}, is_dry=is_dry)
    logouts = templates.logouts(stage)
    if logouts is not None:
        _stack(formation, f"lanyard-{stage}-logouts", stage, logouts, {}, is_dry=is_dry)
    with tempfile.TemporaryDirectory() as folder:
        # Creates the package in .chalice/deployments/. `chalice deploy` then reuses it, with the byte code.
        package.chalice("package", "--stage", stage, folder)
        packaged = json.loads((Path(folder) / "sam.json").read_text(encoding="utf-8"))["Resources"]
    for made in (ROOT / ".chalice" / "deployments").glob("*.zip"):
        bytecode.add(made)
    if is_dry:
        _print_plan(package.chalice("dev", "plan", "--stage", stage))
    else:
        package.chalice("deploy", "--stage", stage)
    names = deployed_names(stage)
    if names is None:
        print(f"The stack lanyard-{stage}-surroundings can be planned once the API exists.")
        return
    if not is_dry:  # at once: until then, a function whose handler has moved cannot start
        _set_handlers(session.client("lambda"), packaged, names)
    _stack(formation, f"lanyard-{stage}-surroundings", stage, templates.surroundings(), names, is_dry=is_dry)
    if not is_dry:
        _finish(session.client("apigateway"), names["RestAPI"], stage)


def deployed_names(stage: str) -> dict[str, str] | None:
    """The API's id and the functions' names, as `chalice deploy` recorded them. None if it has created nothing yet."""
    record = ROOT / ".chalice" / "deployed" / f"{stage}.json"
    if not record.exists():
        return None
    resources = {one["name"]: one for one in json.loads(record.read_text(encoding="utf-8"))["resources"]}
    if "rest_api" not in resources:
        return None
    function = {name: resources[name]["lambda_arn"].rpartition(":")[2] for name in ("api_handler", "authorizer")}
    return {
        "RestAPI": resources["rest_api"]["rest_api_id"],
        "APIHandler": function["api_handler"],
        "Authorizer": function["authorizer"],
    }


def _print_plan(plan: str) -> None:
    """Print the calls that Chalice would make, from the plan that it prints."""
    print("chalice deploy would call:", flush=True)
    for step in plan.split("\n\n"):
        called = _CALLED.match(step)
        if called:
            named = _NAMED.search(step)
            print(f"  {called[1]}{f' {named[1]}' if named else ''}", flush=True)


def _stack(
    client: Any, name: str, stage: str, template: Template, more: dict[str, str], *, is_dry: bool
) -> None:  # fmt: skip
    planned = stacks.plan(
        client, name, {**templates.parameters(stage, template), **more}, TemplateBody=stacks.body(template)
    )
    if not planned.changes:
        print(f"The stack {name} has no changes.", flush=True)
        return
    print(f"The stack {name}{' would change' if is_dry else ''}:", flush=True)
    for change in planned.changes:
        print(f"  {change}", flush=True)
    if is_dry:
        stacks.forget(client, planned)
    else:
        stacks.carry_out(client, planned)


def _set_handlers(client: Any, packaged: dict[str, Any], names: dict[str, str]) -> None:
    """Chalice never changes the handler of a function that exists, even where the handler's module has moved since."""
    for function in ("APIHandler", "Authorizer"):
        handler = packaged[function]["Properties"]["Handler"]
        if client.get_function_configuration(FunctionName=names[function])["Handler"] != handler:
            client.update_function_configuration(FunctionName=names[function], Handler=handler)
            print(f"Handler of {names[function]}: {handler}", flush=True)


def _finish(client: Any, api: str, stage: str) -> None:
    known = templates.whole()["Parameters"]
    chosen = templates.parameters(stage, templates.whole())
    rate, burst = (chosen.get(name, str(known[name]["Default"])) for name in ("ThrottleRate", "ThrottleBurst"))
    gateway.put_name(client, api, stage)
    gateway.put_responses(client, api)
    gateway.deploy(client, api)
    gateway.put_throttling(client, api, rate=rate, burst=burst)
    print(f"Deployed: https://{api}.execute-api.{client.meta.region_name}.amazonaws.com/{templates.API_STAGE}/")


if __name__ == "__main__":
    sys.exit(main())
