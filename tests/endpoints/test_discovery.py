"""Clients can discover the endpoints and what they support (RFC 8414, RFC 9728)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import requests

from chalicelib import settings
from tests.gateway import Gateway

SERVER = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"  # the name under which OpenID clients look for the same (RFC 8414 §5)
RESOURCE = "/.well-known/oauth-protected-resource"


def get(url: str) -> requests.Response:
    return requests.get(url, timeout=30)


def at_gateway(application: Any, base_path: str) -> requests.Session:
    session = requests.Session()
    session.mount("https://", Gateway(application, base_path))
    return session


@pytest.fixture
def no_public_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "SETTINGS", replace(settings.SETTINGS, public_url=None))


@pytest.mark.spec("RFC 8414 §2", "RFC 8414 §3")
def test_issuer_is_exact_and_every_named_endpoint_exists(base_url: str) -> None:
    found = get(base_url + SERVER).json()
    assert found["issuer"] == base_url
    assert found["response_types_supported"] == ["code"]
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert found["authorization_response_iss_parameter_supported"] is True
    endpoints = {name: url for name, url in found.items() if name.endswith("_endpoint")}
    assert {"authorization_endpoint", "token_endpoint", "revocation_endpoint", "introspection_endpoint"} <= set(
        endpoints
    )
    for name, url in endpoints.items():
        assert url.startswith(base_url + "/api/v1/oauth/"), name
        # An existing endpoint complains about missing parameters.
        answer = requests.post(url, data={"decision": "deny"}, timeout=30, allow_redirects=False)
        assert answer.status_code in (400, 401), (name, answer.status_code, answer.text)


@pytest.mark.spec("RFC 8414 §2", "RFC 9101 §10.5", "RFC 9126 §5", "OpenID Connect Discovery §3")
def test_metadata_says_that_requests_are_sent_and_answered_by_query(base_url: str) -> None:
    found = get(base_url + SERVER).json()
    assert found["response_modes_supported"] == ["query"]
    assert found["request_parameter_supported"] is False
    assert found["request_uri_parameter_supported"] is False, "pushed requests have an endpoint of their own"


@pytest.mark.spec("RFC 8414 §2")
def test_only_the_advertised_grant_types_are_known(base_url: str) -> None:
    found = get(base_url + SERVER).json()
    for grant_type in (*found["grant_types_supported"], "password", "implicit"):
        answer = requests.post(found["token_endpoint"], data={"grant_type": grant_type}, timeout=30)
        is_unknown = answer.json()["error"] == "unsupported_grant_type"
        assert is_unknown == (grant_type not in found["grant_types_supported"]), grant_type
    assert {"client_credentials", "urn:ietf:params:oauth:grant-type:device_code"} < set(found["grant_types_supported"])
    assert "password" not in found["grant_types_supported"]


@pytest.mark.spec("RFC 9728 §2", "RFC 9728 §3")
def test_api_names_its_authorization_server(base_url: str) -> None:
    found = get(base_url + RESOURCE).json()
    assert found["resource"] == base_url
    assert found["authorization_servers"] == [base_url]
    assert found["bearer_methods_supported"] == ["header"]


@pytest.mark.spec("RFC 8414 §2", "RFC 8414 §3.1", "RFC 9728 §3.1")
@pytest.mark.parametrize("well_known", [SERVER, OPENID, RESOURCE])
@pytest.mark.parametrize("base_path", ["/api", "/connect", ""])
def test_metadata_is_correct_under_a_stage_and_a_custom_base_path(
    application: Any, no_public_url: None, well_known: str, base_path: str
) -> None:
    issuer = f"https://abc123.execute-api.eu-central-1.amazonaws.com{base_path}"
    found = at_gateway(application, base_path).get(issuer + well_known).json()
    assert found.get("issuer", found.get("resource")) == issuer
    for name, value in found.items():
        if name.endswith("_endpoint"):
            assert value.startswith(issuer + "/api/v1/oauth/")


@pytest.mark.spec("RFC 8414 §3.1", "RFC 8414 §5", "RFC 9728 §3.1")
@pytest.mark.parametrize("well_known", [SERVER, OPENID, RESOURCE])
@pytest.mark.parametrize("path", ["/oauth", "/a/b", "/a/b/c.d"])
def test_metadata_is_at_the_root_of_the_domain_for_an_issuer_with_a_path(
    application: Any, monkeypatch: pytest.MonkeyPatch, well_known: str, path: str
) -> None:
    issuer = f"https://connect.example.com{path}"
    monkeypatch.setattr(settings, "SETTINGS", replace(settings.SETTINGS, public_url=issuer))
    root = at_gateway(application, "")
    for end in ("", "/"):
        found = root.get(f"https://connect.example.com{well_known}{path}{end}").json()
        assert found.get("issuer", found.get("resource")) == issuer
    for other in ("/other", f"{path}/other", f"/other{path}", f"/{path}", path.upper(), f"{path}%2F"):
        answer = root.get(f"https://connect.example.com{well_known}{other}")
        assert (other, answer.status_code) == (other, 404)


@pytest.mark.spec("RFC 8414 §3.3")
def test_metadata_of_another_issuer_is_not_found(base_url: str) -> None:
    assert get(f"{base_url}{SERVER}/other").status_code == 404
    assert get(f"{base_url}{OPENID}/other").status_code == 404
    assert get(f"{base_url}{RESOURCE}/api").status_code == 404


@pytest.mark.spec("RFC 8414 §5")
def test_openid_configuration_is_the_same_metadata_and_claims_no_openid_provider(base_url: str) -> None:
    found = get(base_url + OPENID).json()
    assert found == get(base_url + SERVER).json()
    of_openid = ("id_token", "userinfo", "subject_types", "claim", "acr", "jwks", "end_session", "request_object")
    assert not [name for name in found if name.startswith(of_openid)]
    assert "openid" not in found["scopes_supported"]
    assert found["response_types_supported"] == ["code"]
    assert found["code_challenge_methods_supported"] == ["S256"]


@pytest.mark.spec("RFC 8414 §6.2")
def test_host_header_does_not_change_the_issuer(base_url: str) -> None:
    answer = requests.get(base_url + SERVER, headers={"Host": "evil.example"}, timeout=30)
    assert answer.json()["issuer"] == base_url
