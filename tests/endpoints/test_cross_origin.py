"""Scripts of other sites may call the endpoints for applications, and no page."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from chalice.deploy.swagger import SwaggerGenerator

SHARED = [
    "/api/v1/oauth/token",
    "/api/v1/oauth/revoke_token",
    "/api/v1/oauth/register",
    "/api/v1/oauth/par",
    "/api/v1/oauth/device_authorization",
    "/api/v1/openapi.json",
    "/api/v1/me",
    "/api/v1/userinfo",
    "/api/v1/organizers",
    "/api/v1/organizers/{slug}",
    "/.well-known/oauth-authorization-server",
    "/.well-known/oauth-authorization-server/{path+}",
    "/.well-known/openid-configuration",
    "/.well-known/openid-configuration/{path+}",
    "/.well-known/jwks.json",
    "/.well-known/ended-tokens",
    "/.well-known/oauth-protected-resource",
    "/.well-known/oauth-protected-resource/{path+}",
]
PREFLIGHT = {
    "Origin": "https://spa.example.com",
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type",
}
# What browsers ask leave for: MCP hosts send MCP-Protocol-Version with every request, some clients a DPoP proof too.
SENT_BY_CLIENTS = {"Authorization", "Content-Type", "MCP-Protocol-Version", "DPoP"}

pytestmark = pytest.mark.spec("docs/architecture.md", "RFC 9700 §2.6")


@pytest.mark.parametrize("path", SHARED)
def test_preflight_for_a_shared_endpoint_is_allowed(base_url: str, path: str) -> None:
    answer = requests.options(base_url + path.replace("{slug}", "x").replace("{path+}", "x/y"), headers=PREFLIGHT)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert set(answer.headers["Access-Control-Allow-Headers"].split(",")) >= SENT_BY_CLIENTS
    assert {"GET", "POST", "PATCH"} <= set(answer.headers["Access-Control-Allow-Methods"].split(","))
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("path", SHARED)
def test_script_may_read_responses_of_shared_endpoints_including_errors(base_url: str, path: str) -> None:
    url = base_url + path.replace("{slug}", "x").replace("{path+}", "x/y")
    for method in ("GET", "POST"):
        answer = requests.request(method, url, headers={"Origin": "https://spa.example.com"})
        assert answer.headers["Access-Control-Allow-Origin"] == "*", (method, answer.status_code)
        assert {"WWW-Authenticate", "DPoP-Nonce"} <= set(answer.headers["Access-Control-Expose-Headers"].split(","))


def test_no_other_path_is_shared_across_origins(base_url: str, application: Any) -> None:
    # Every site may read the 404 of an unknown API path: it is the same for everyone.
    others = [path for path in application.routes if path not in SHARED and path != "/{proxy+}"]
    assert "/api/v1/oauth/authorize" in others
    assert "/login" in others
    for path in others:
        url = base_url + path.replace("{", "").replace("}", "")
        for answer in (
            requests.options(url, headers=PREFLIGHT),
            requests.get(url, headers={"Origin": "https://spa.example.com"}, allow_redirects=False),
        ):
            assert not [name for name in answer.headers if name.startswith("Access-Control-Allow-Origin")], path


def test_api_gateway_answers_preflights_only_for_shared_endpoints(application: Any) -> None:
    """What Chalice configures in API Gateway, which no local gateway does."""
    deployed = {"api_handler_arn": "arn:aws:lambda:us-east-1:123456789012:function:lanyard"}
    described = SwaggerGenerator("us-east-1", deployed).generate_swagger(application)
    answered = {path: methods["options"] for path, methods in described["paths"].items() if "options" in methods}
    assert set(answered) == set(SHARED)
    for path, options in answered.items():
        responses = options["x-amazon-apigateway-integration"]["responses"]["default"]["responseParameters"]
        assert responses["method.response.header.Access-Control-Allow-Origin"] == "'*'", path
        allowed = responses["method.response.header.Access-Control-Allow-Headers"].strip("'").split(",")
        assert set(allowed) >= SENT_BY_CLIENTS, path
        assert "method.response.header.Access-Control-Allow-Credentials" not in responses
