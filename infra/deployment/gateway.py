"""Settings of API Gateway that `chalice deploy` does not know: its own answers, and how many requests it takes.

The same answers stand in the template of `make package`, as OpenAPI's extension; both come from infra/api.yaml.
"""

from __future__ import annotations

from typing import Any

from infra.deployment import templates
from infra.deployment.templates import API_STAGE


def put_responses(client: Any, api: str) -> None:
    """Make the gateway's own answers those of infra/api.yaml, from the next deployment of the API on."""
    for kind, response in templates.gateway_responses().items():
        code = {"statusCode": response["statusCode"]} if "statusCode" in response else {}
        client.put_gateway_response(
            restApiId=api,
            responseType=kind,
            responseParameters=response["responseParameters"],
            responseTemplates=response["responseTemplates"],
            **code,
        )


def put_name(client: Any, api: str, stage: str) -> None:
    """Name the API after its stage, as CloudWatch's metrics do then: Chalice calls every stage's API the same."""
    name = f"lanyard-{stage}"
    client.update_rest_api(restApiId=api, patchOperations=[{"op": "replace", "path": "/name", "value": name}])


def put_throttling(client: Any, api: str, *, rate: str, burst: str) -> None:
    """rate: requests a second that each method takes. burst: requests at once. Both as text."""
    settings = {"throttling/rateLimit": rate, "throttling/burstLimit": burst, "metrics/enabled": "false"}
    operations = [{"op": "replace", "path": f"/*/*/{name}", "value": value} for name, value in settings.items()]
    client.update_stage(restApiId=api, stageName=API_STAGE, patchOperations=operations)


def deploy(client: Any, api: str) -> None:
    """Put what was changed in front of callers."""
    client.create_deployment(restApiId=api, stageName=API_STAGE, description="gateway responses")
