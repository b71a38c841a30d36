"""API Gateway settings that `chalice deploy` does not support: gateway responses and throttling.

The template of `make package` has the same gateway responses, as an OpenAPI extension. Both come from infra/api.yaml.
"""

from __future__ import annotations

from typing import Any

from infra.deployment import templates
from infra.deployment.templates import API_STAGE


def put_responses(client: Any, api: str) -> None:
    """Set the gateway responses of infra/api.yaml. They take effect with the next deployment of the API."""
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
    """Name the API after its stage, for CloudWatch's metrics. Chalice gives every stage's API the same name."""
    name = f"lanyard-{stage}"
    client.update_rest_api(restApiId=api, patchOperations=[{"op": "replace", "path": "/name", "value": name}])


def put_throttling(client: Any, api: str, *, rate: str, burst: str) -> None:
    """Throttle each method. rate: requests per second. burst: requests at once. Both as text."""
    settings = {"throttling/rateLimit": rate, "throttling/burstLimit": burst, "metrics/enabled": "false"}
    operations = [{"op": "replace", "path": f"/*/*/{name}", "value": value} for name, value in settings.items()]
    client.update_stage(restApiId=api, stageName=API_STAGE, patchOperations=operations)


def deploy(client: Any, api: str) -> None:
    """Deploy the API, so that changes take effect."""
    client.create_deployment(restApiId=api, stageName=API_STAGE, description="gateway responses")
