"""The OpenAPI description is valid, complete and correct at every address of the provider."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
import requests
from openapi_spec_validator import validate

from chalicelib import limits, settings
from chalicelib.endpoints.api.openapi import PATH, SOURCE
from chalicelib.endpoints.api.resources import PAGE_SIZE_LIMIT
from chalicelib.protocol.grants import token_endpoint
from chalicelib.protocol.rules import openid_parameters, scopes
from chalicelib.protocol.rules import request_parameters as parameters
from tests.gateway import Gateway

METHODS = {"get", "post", "put", "patch", "delete"}
DESCRIPTION = json.loads(SOURCE)
SCHEMAS = DESCRIPTION["components"]["schemas"]

pytestmark = pytest.mark.spec("OpenAPI 3.1")


def form_fields(path: str) -> set[str]:
    """The fields that the description allows in this endpoint's form."""
    schema = DESCRIPTION["paths"][path]["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
    shapes = [SCHEMAS[found["$ref"].rpartition("/")[2]] for found in schema.get("oneOf", ())] or [schema]
    return {name for shape in shapes for name in shape["properties"]}


def test_openapi_description_is_valid() -> None:
    validate(DESCRIPTION)


def test_every_api_path_is_described_and_no_other(application: Any) -> None:
    served = {path for path in application.routes if path.startswith(("/api/", "/.well-known/"))}
    # OpenAPI has no greedy parts such as {path+}.
    assert {path.rstrip("/") for path in DESCRIPTION["paths"]} == {path.replace("+}", "}") for path in served}


@pytest.mark.parametrize("path", DESCRIPTION["paths"])
def test_every_method_is_described_and_no_other(base_url: str, path: str) -> None:
    url = base_url + path.replace("{", "").replace("}", "")
    taken = {
        method
        for method in METHODS
        if requests.request(method, url, allow_redirects=False, timeout=30).status_code != 405
    }
    assert taken == METHODS & set(DESCRIPTION["paths"][path])


def test_described_parameters_are_those_that_the_code_reads() -> None:
    asked = {found["name"] for found in DESCRIPTION["paths"]["/api/v1/oauth/authorize"]["get"]["parameters"]}
    assert asked == {*parameters.AUTHORIZATION, *openid_parameters.NAMES}
    assert form_fields("/api/v1/oauth/token") == set(parameters.TOKEN)
    assert form_fields("/api/v1/oauth/device_authorization") == set(parameters.DEVICE_AUTHORIZATION)
    assert form_fields("/api/v1/oauth/revoke_token") == set(parameters.REVOCATION)
    assert form_fields("/api/v1/oauth/introspect") == set(parameters.INTROSPECTION)
    assert form_fields("/api/v1/oauth/par") == {
        *parameters.AUTHORIZATION,
        *parameters.CLIENT,
        *openid_parameters.NAMES,
    } - {"request_uri"}


def test_described_grants_scopes_and_limits_match_the_code() -> None:
    token = DESCRIPTION["paths"]["/api/v1/oauth/token"]["post"]["requestBody"]["content"]
    shapes = [found["$ref"].rpartition("/")[2] for found in next(iter(token.values()))["schema"]["oneOf"]]
    assert {SCHEMAS[name]["properties"]["grant_type"]["const"] for name in shapes} == set(token_endpoint.GRANT_TYPES)
    flows = DESCRIPTION["components"]["securitySchemes"]["oauth2"]["flows"]
    assert set(flows["authorizationCode"]["scopes"]) == set(scopes.supported())
    assert SCHEMAS["Tokens"]["properties"]["expires_in"]["maximum"] == limits.ACCESS_TOKEN_LIFETIME_SECONDS
    assert SCHEMAS["PushedRequest"]["properties"]["expires_in"]["const"] == limits.PUSHED_REQUEST_LIFETIME_SECONDS
    codes = SCHEMAS["DeviceCodes"]["properties"]
    assert codes["expires_in"]["const"] == limits.DEVICE_CODE_LIFETIME_SECONDS
    assert codes["interval"]["const"] == limits.DEVICE_POLL_SECONDS
    assert SCHEMAS["ClientMetadata"]["properties"]["redirect_uris"]["maxItems"] == limits.REDIRECT_URIS_LIMIT
    assert SCHEMAS["Organizers"]["properties"]["results"]["maxItems"] == PAGE_SIZE_LIMIT
    assert SCHEMAS["Name"]["maxLength"] == limits.NAME_LIMIT_CHARACTERS
    responses = DESCRIPTION["components"]["responses"]
    assert f"{limits.BODY_LIMIT_BYTES:,} bytes" in responses["TooLarge"]["description"]
    assert f"{limits.CONSENT_FORM_LIMIT_BYTES:,} bytes" in responses["PageTooLarge"]["description"]


def test_openapi_description_names_the_providers_own_addresses(base_url: str) -> None:
    found = requests.get(base_url + PATH, timeout=30)
    assert found.headers["Content-Type"] == "application/json"
    assert found.json()["servers"] == [{"url": base_url}]
    assert "connect.example.com" not in found.text


@pytest.mark.parametrize("base_path", ["/api", "/connect", ""])
def test_openapi_description_is_correct_under_a_stage_and_a_custom_base_path(
    application: Any, signing_key: Any, monkeypatch: pytest.MonkeyPatch, base_path: str
) -> None:
    monkeypatch.setattr(settings, "SETTINGS", replace(settings.SETTINGS, public_url=None))
    session = requests.Session()
    session.mount("https://", Gateway(application, base_path))
    issuer = f"https://abc123.execute-api.eu-central-1.amazonaws.com{base_path}"
    found = session.get(issuer + PATH).json()
    assert found["servers"] == [{"url": issuer}]
    for flow in found["components"]["securitySchemes"]["oauth2"]["flows"].values():
        assert flow["tokenUrl"] == f"{issuer}/api/v1/oauth/token"
        session.post(flow["tokenUrl"]).json()
    for path in found["paths"]:
        if path.endswith("/{path}"):
            continue  # metadata of a path exists only for the issuer's own path, see test_discovery.py
        answered = session.get(issuer + re.sub(r"{\w+}", "nobodys", path), allow_redirects=False)
        assert answered.status_code != 404 or "signs no tokens" in answered.text, path


def test_scripts_of_any_site_may_read_the_openapi_description(base_url: str) -> None:
    found = requests.get(base_url + PATH, headers={"Origin": "https://viewer.example"}, timeout=30)
    assert found.headers["Access-Control-Allow-Origin"] == "*"
