"""What OpenID Connect adds to a registration, and to the provider's metadata (Registration §2, Discovery §3)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import requests

from chalicelib import limits, settings
from chalicelib.models import throttle
from tests.actors import CALLBACK, Browser, ClientApp
from tests.conftest import Clock
from tests.openid_connect.sign_in import checked, user_info

pytestmark = [pytest.mark.spec("OpenID Connect Registration §2"), pytest.mark.usefixtures("open_to_all")]


@pytest.fixture
def open_to_all(signing_key: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for what in (throttle.named("registration address", "127.0.0.1"), throttle.named("registration")):
        throttle.forget(what, window_seconds=limits.REGISTRATION_WINDOW_SECONDS)
    changed: Any = replace(settings.SETTINGS, registration="open")
    monkeypatch.setattr(settings, "SETTINGS", changed)


def register(base_url: str, **metadata: Any) -> dict[str, Any]:
    document = {"client_name": "A host", "redirect_uris": [CALLBACK], **metadata}
    answer = requests.post(base_url + "/api/v1/oauth/register", json=document, timeout=30)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def as_app(base_url: str, registered: dict[str, Any]) -> ClientApp:
    return ClientApp(base_url, registered["client_id"], registered["client_secret"], CALLBACK)


def test_registration_says_what_the_application_gets(base_url: str) -> None:
    registered = register(
        base_url,
        subject_type="ephemeral",
        id_token_signed_response_alg="none",
        id_token_encrypted_response_alg="RSA-OAEP",
        userinfo_signed_response_alg="HS256",
        default_acr_values=["0"],
        initiate_login_uri="https://shop.example.com/login",
        default_max_age="soon",
    )
    assert registered["subject_type"] == "public"
    assert registered["id_token_signed_response_alg"] == "RS256"
    assert registered["require_auth_time"] is True
    left_out = {"userinfo_signed_response_alg", "default_max_age", "default_acr_values", "initiate_login_uri"}
    assert not left_out & set(registered)


@pytest.mark.spec("OpenID Connect Core §5.3.2")
def test_application_that_asks_for_it_gets_signed_user_info(base_url: str, john: Browser) -> None:
    registered = register(base_url, userinfo_signed_response_alg="RS256")
    assert registered["userinfo_signed_response_alg"] == "RS256"
    app = as_app(base_url, registered)
    token = app.connect(john, scope="openid email")["access_token"]
    answer = user_info(app, token)
    assert answer.headers["Content-Type"] == "application/jwt"
    claims = checked(base_url, answer.text)
    assert (claims["iss"], claims["aud"], claims["sub"]) == (base_url, app.client_id, john.user.user_id)
    assert claims["email"] == john.user.email


def test_default_max_age_is_that_of_requests_without_one(base_url: str, john: Browser, clock: Clock) -> None:
    registered = register(base_url, default_max_age=60)
    assert registered["default_max_age"] == 60
    app = as_app(base_url, registered)
    app.connect(john, scope="openid")
    clock.advance(100)
    assert john.open(app.authorize_path(scope="openid")).path == "/login"
    assert john.open(app.authorize_path(scope="openid", max_age="1000")).code


@pytest.mark.spec("OpenID Connect RP-Initiated Logout §3.1")
def test_addresses_for_after_a_sign_out_are_checked_as_redirect_uris_are(base_url: str) -> None:
    good = ["https://shop.example.com/out?x=1", "http://127.0.0.1:8000/out"]
    bad = ["http://shop.example.com/", "https://shop.example.com/#x", "https://*.example.com/", "/out", "com.example:/"]
    assert register(base_url, post_logout_redirect_uris=[*bad, *good])["post_logout_redirect_uris"] == good
    assert "post_logout_redirect_uris" not in register(base_url, post_logout_redirect_uris=bad)
    of_an_app = {"redirect_uris": ["com.example:/"], "token_endpoint_auth_method": "none"}
    native = register(base_url, **of_an_app, post_logout_redirect_uris=bad)
    assert native["post_logout_redirect_uris"] == ["com.example:/"]
    for wrong in ("https://shop.example.com/", [1], [f"https://shop.example.com/{number}" for number in range(21)]):
        document = {"client_name": "A host", "redirect_uris": [CALLBACK], "post_logout_redirect_uris": wrong}
        answer = requests.post(base_url + "/api/v1/oauth/register", json=document, timeout=30)
        assert answer.status_code == 400
        assert "post_logout_redirect_uris must" in answer.json()["error_description"]


def test_update_can_take_it_away(base_url: str, john: Browser) -> None:
    uris = ["https://shop.example.com/out"]
    asked: dict[str, Any] = {"default_max_age": 60, "post_logout_redirect_uris": uris}
    registered = register(base_url, userinfo_signed_response_alg="RS256", **asked)
    assert registered["post_logout_redirect_uris"] == uris
    answer = requests.put(
        registered["registration_client_uri"],
        json={"client_id": registered["client_id"], "client_name": "A host", "redirect_uris": [CALLBACK]},
        headers={"Authorization": f"Bearer {registered['registration_access_token']}"},
        timeout=30,
    )
    assert answer.status_code == 200
    assert not {"userinfo_signed_response_alg", *asked} & set(answer.json())


def test_stage_without_keys_registers_none_of_it(base_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    changed: Any = replace(settings.SETTINGS, signing_keys=None)
    monkeypatch.setattr(settings, "SETTINGS", changed)
    registered = register(base_url, userinfo_signed_response_alg="RS256", default_max_age=60)
    of_openid = {"subject_type", "id_token_signed_response_alg", "userinfo_signed_response_alg", "default_max_age"}
    assert not of_openid & set(registered)


@pytest.mark.spec("OpenID Connect Discovery §3")
def test_metadata_is_that_of_an_openid_provider(base_url: str) -> None:
    both = [
        requests.get(f"{base_url}/.well-known/{name}", timeout=30).json()
        for name in ("oauth-authorization-server", "openid-configuration")
    ]
    plain, openid = both
    assert {name: openid[name] for name in plain} == plain
    assert openid["issuer"] == base_url
    assert openid["jwks_uri"] == base_url + "/.well-known/jwks.json"
    assert openid["userinfo_endpoint"] == base_url + "/api/v1/userinfo"
    assert openid["subject_types_supported"] == ["public", "pairwise"]
    assert openid["id_token_signing_alg_values_supported"] == ["RS256", "PS256"]
    assert openid["response_modes_supported"] == ["query", "form_post"]
    assert openid["claims_parameter_supported"] is True
    assert {"sub", "email", "email_verified", "auth_time", "sid"} <= set(openid["claims_supported"])


@pytest.mark.spec("OpenID Connect Discovery §3")
def test_stage_without_keys_has_no_member_of_an_openid_provider(base_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    changed: Any = replace(settings.SETTINGS, signing_keys=None)
    monkeypatch.setattr(settings, "SETTINGS", changed)
    plain, openid = (
        requests.get(f"{base_url}/.well-known/{name}", timeout=30).json()
        for name in ("oauth-authorization-server", "openid-configuration")
    )
    assert openid == plain
    assert not {"userinfo_endpoint", "jwks_uri", "subject_types_supported"} & set(openid)
