"""The CloudFormation templates, read from infra/*.yaml and combined for each of the two ways to deploy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from chalice.package import TemplateDeepMerger, YAMLTemplateSerializer

from chalicelib import identity_providers, permissions

INFRA = Path(__file__).resolve().parent.parent
ROOT = INFRA.parent
CONFIG = ROOT / ".chalice" / "config.json"
API_STAGE = "api"
# The names of Chalice's own resources, which infra/api.yaml refers to.
CHALICE_RESOURCES = ("RestAPI", "APIHandler", "Authorizer")
GATEWAY_RESPONSES = "x-amazon-apigateway-gateway-responses"

Template = dict[str, Any]


class NotDeployable(ValueError):
    """The stage cannot be deployed. The message is one line for the operator."""


def read(name: str) -> Template:
    """infra/NAME.yaml, with intrinsic functions in their long form (Ref instead of !Ref)."""
    text = (INFRA / f"{name}.yaml").read_text(encoding="utf-8")
    template: Template = YAMLTemplateSerializer().load_template(text, f"{name}.yaml")
    return template


def whole(stage: str | None = None) -> Template:
    """The tables and everything that surrounds the API, for `chalice package --merge-template`. stage: None for one
    without a queue of logout tokens."""
    tables = read("tables")
    merged: Template = TemplateDeepMerger().merge(read("api"), tables)
    # CloudFormation sees no reference from the functions to the tables, because their names are plain text.
    after_tables = {"DependsOn": [*tables["Resources"]]}
    of_functions: Template = {"Resources": {"APIHandler": after_tables, "Authorizer": after_tables}}
    if stage and logout_queue(stage):
        merged = TemplateDeepMerger().merge(merged, read("logouts"))
        of_functions["Resources"]["SendLogout"] = {"DependsOn": [*tables["Resources"], "Logouts"]}
    return TemplateDeepMerger().merge(merged, of_functions)


def logouts(stage: str) -> Template | None:
    """The queue of logout tokens, and the log of the function that `chalice deploy` will let take from it; None if the
    stage has none."""
    if not logout_queue(stage):
        return None
    template = read("logouts")
    template["Parameters"]["SendLogout"] = {"Type": "String", "Description": "The name of Chalice's function."}
    return template


def surroundings() -> Template:
    """Everything that surrounds an API created by `chalice deploy`. Chalice's resources are parameters here."""
    template: Template = _with_stage_named(read("api"))
    del template["Resources"]["RestAPI"]
    for name in CHALICE_RESOURCES:
        template["Parameters"][name] = {"Type": "String", "Description": f"The id or name of Chalice's {name}."}
    for name in ("ThrottleRate", "ThrottleBurst"):  # `infra.deployment.gateway` sets these on the API's stage
        del template["Parameters"][name]
    return template


def gateway_responses() -> dict[str, dict[str, Any]]:
    """Each gateway response by its type, in the form of the OpenAPI extension."""
    api = read("api")["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]
    found: dict[str, dict[str, Any]] = api[GATEWAY_RESPONSES]
    return found


def parameters(stage: str, template: Template) -> dict[str, str]:
    """The template's parameters that infra/parameters/STAGE.json or the stage itself sets.

    Raises NotDeployable for a stage that cannot be deployed, and for a parameter that no template has.
    """
    names = stages()
    if stage not in names or stage == "local":
        able = ", ".join(name for name in names if name != "local")
        raise NotDeployable(f"STAGE must be a stage of .chalice/config.json other than local ({able}), not {stage!r}.")
    file = INFRA / "parameters" / f"{stage}.json"
    chosen = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    unknown = set(chosen) - set(whole(stage)["Parameters"])
    if unknown:
        raise NotDeployable(f"{file.relative_to(ROOT)}: there is no parameter {sorted(unknown)[0]}. Remove it.")
    values = {
        "Stage": stage,
        "TablePrefix": table_prefix(stage),
        **_of_queue(stage),
        **{name: str(chosen[name]) for name in chosen},
    }
    return {name: value for name, value in values.items() if name in template["Parameters"]}


def check_permissions(stage: str) -> None:
    """Raises NotDeployable for a permission catalogue with which the stage's functions would not start."""
    try:
        permissions.load(variables(stage).get("PERMISSIONS") or permissions.DEFAULT)
    except permissions.CatalogueError as error:
        raise NotDeployable(f"PERMISSIONS: {error}.") from error


def check_providers(stage: str) -> None:
    """Raises NotDeployable for a file of identity providers that the functions could not start with."""
    try:
        identity_providers.load(variables(stage).get("IDENTITY_PROVIDERS", ""), is_local=False)
    except identity_providers.ProvidersError as error:
        raise NotDeployable(f"IDENTITY_PROVIDERS: {error}.") from error


def stages() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(CONFIG.read_text(encoding="utf-8"))["stages"]
    return found


def variables(stage: str) -> dict[str, str]:
    """The environment variables of the stage's functions."""
    found: dict[str, str] = stages()[stage].get("environment_variables", {})
    return found


def logout_queue(stage: str) -> str | None:
    """The name of the stage's queue of logout tokens; None if it has none. A stage that is unknown has none."""
    return variables(stage).get("LOGOUT_QUEUE") or None if stage in stages() else None


def _of_queue(stage: str) -> dict[str, str]:
    queue = logout_queue(stage)
    return {"LogoutQueue": queue, "SendLogout": f"lanyard-{stage}-send_logout"} if queue else {}


def table_prefix(stage: str) -> str:
    """The prefix of the stage's tables, the same as in chalicelib.settings."""
    return variables(stage).get("TABLE_PREFIX") or f"lanyard-{stage}-"


def _with_stage_named(value: Any) -> Any:
    """The template with API Gateway's stage by name. Only a template that SAM transforms can refer to the stage."""
    if value == {"Ref": "RestAPI.Stage"}:
        return API_STAGE
    if isinstance(value, dict):
        return {name: _with_stage_named(part) for name, part in value.items()}
    return [_with_stage_named(part) for part in value] if isinstance(value, list) else value
