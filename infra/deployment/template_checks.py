"""Checks of the generated template, for what no local AWS acts on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chalicelib.protocol.rules import paths
from infra.deployment.tables import MODELS
from infra.deployment.templates import GATEWAY_RESPONSES, Template

_STATUS_OF = {
    "UNAUTHORIZED": "401",
    "ACCESS_DENIED": "403",
    "MISSING_AUTHENTICATION_TOKEN": "404",
    "INVALID_SIGNATURE": "404",
    "THROTTLED": "429",
}

_CORS = "method.response.header.Access-Control-Allow-"
_SENT_BY_SCRIPTS = {"Authorization", "Content-Type", "MCP-Protocol-Version", "DPoP"}
_FOR_SCRIPTS = ("/api/v1/", "/.well-known/")
_CALLED_BY_SCRIPTS = (
    paths.TOKEN,
    paths.REVOCATION,
    paths.REGISTRATION,
    paths.PUSHED_REQUEST,
    paths.DEVICE_AUTHORIZATION,
    paths.SERVER_METADATA,
    paths.RESOURCE_METADATA,
    "/api/v1/me",
)
_GATEWAY_CORS = {
    "gatewayresponse.header.Access-Control-Allow-Origin": "'*'",
    "gatewayresponse.header.Access-Control-Expose-Headers": "'WWW-Authenticate,Retry-After'",
}


def problems(template: Template) -> list[str]:
    """One line for each problem; empty if the template is correct. template: the output of `make package`."""
    return [*_check_tables(template), *_check_api(template), *_check_functions(template)]


def _check_tables(template: Template) -> Iterator[str]:
    tables = _of_type(template, "AWS::DynamoDB::Table")
    with_ttl = {name for name, one in tables.items() if "TimeToLiveSpecification" in one["Properties"]}
    expected = len([model for model in MODELS if model.ttl_name()])
    if (len(tables), len(with_ttl)) != (len(MODELS), expected):
        yield f"{len(tables)} tables and {len(with_ttl)} TTLs, not {len(MODELS)} and {expected}"
    for name, table in tables.items():
        properties = table["Properties"]
        wanted = {
            "BillingMode": "PAY_PER_REQUEST",
            "DeletionProtectionEnabled": {"Ref": "DeletionProtection"},
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
            "SSESpecification": {"SSEEnabled": True},
        }
        for key, value in wanted.items():
            if properties.get(key) != value:
                yield f"{name}: {key} is not {value}"
        if (table.get("DeletionPolicy"), table.get("UpdateReplacePolicy")) != ("Retain", "Retain"):
            yield f"{name} would be deleted with its stack"
        if name in with_ttl and not properties["TimeToLiveSpecification"]["Enabled"]:
            yield f"{name}: its TTL is off"


def _check_api(template: Template) -> Iterator[str]:
    api = template["Resources"]["RestAPI"]["Properties"]
    if api.get("EndpointConfiguration") != "REGIONAL":
        yield "the API is not regional"
    throttled = [
        one for one in api.get("MethodSettings", []) if one["ResourcePath"] == "/*" and one["HttpMethod"] == "*"
    ]
    if not throttled or not {"ThrottlingRateLimit", "ThrottlingBurstLimit"} <= set(throttled[0]):
        yield "the API's methods are not throttled"
    if "OpenApiVersion" not in api:
        yield "SAM would add a second stage, which is not throttled"
    body = api["DefinitionBody"]
    for kind, status in _STATUS_OF.items():
        if body[GATEWAY_RESPONSES].get(kind, {}).get("statusCode") != status:
            yield f"the gateway response {kind} is not {status}"
    if "'Bearer " not in str(body[GATEWAY_RESPONSES]["UNAUTHORIZED"]["responseParameters"]):
        yield "the gateway's own 401 has no challenge"
    for kind, response in body[GATEWAY_RESPONSES].items():
        if not _GATEWAY_CORS.items() <= response["responseParameters"].items():
            yield f"scripts of other sites cannot read the gateway response {kind}"
    if "*/*" in body.get("x-amazon-apigateway-binary-media-types", []):
        yield "every body would be treated as binary"
    if "/{proxy+}" not in body["paths"]:
        yield "unknown URLs do not reach the application's own 404 page"
    yield from _check_preflights(body["paths"])


def _check_preflights(routes: dict[str, Any]) -> Iterator[str]:
    """Scripts of other sites may call only what applications call, from anywhere and without cookies; never a page."""
    for path in _CALLED_BY_SCRIPTS:
        if "options" not in routes[path]:
            yield f"scripts of other sites cannot call {path}: it answers no preflight"
    for path, methods in routes.items():
        if "options" not in methods:
            continue
        integration = methods["options"]["x-amazon-apigateway-integration"]
        headers = integration.get("responses", {}).get("default", {}).get("responseParameters", {})
        allowed = {name.removeprefix(_CORS): value for name, value in headers.items()}
        if not path.startswith(_FOR_SCRIPTS) or path == "/api/v1/oauth/authorize":
            yield f"other sites' scripts may call {path}: its preflight allows it"
        if (
            allowed.get("Origin") != "'*'"
            or "Credentials" in allowed
            or _SENT_BY_SCRIPTS - set(allowed.get("Headers", "").strip("'").split(","))
        ):
            yield f"the preflight of {path} has the wrong headers"


def _check_functions(template: Template) -> Iterator[str]:
    functions = _of_type(template, "AWS::Serverless::Function")
    tables = set(_of_type(template, "AWS::DynamoDB::Table"))
    for name, function in functions.items():
        if not tables <= set(function.get("DependsOn", ())):
            yield f"{name} may be created before its tables"
        if function["Properties"]["Timeout"] >= 29:
            yield f"{name} may run longer than API Gateway waits"
    groups = [str(one["Properties"]["LogGroupName"]) for one in _of_type(template, "AWS::Logs::LogGroup").values()]
    for name in functions:
        if not any(f"${{{name}}}" in group for group in groups):
            yield f"{name} has no log group with a retention period"


def _of_type(template: Template, kind: str) -> dict[str, Any]:
    return {name: one for name, one in template["Resources"].items() if one["Type"] == kind}
