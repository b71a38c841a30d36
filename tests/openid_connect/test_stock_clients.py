"""Unmodified client libraries sign people in: discovery, the ID token and its signature, UserInfo, a refresh."""

from __future__ import annotations

import os
from typing import Any

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import KeySet

from chalicelib.models import application_edit
from chalicelib.models import store as storage
from chalicelib.models.application import Application
from tests import node
from tests.actors import Browser, ClientApp
from tests.openid_connect.signing_out import END_SESSION, is_signed_in, set_up
from tests.public_app import PublicApp

pytestmark = [pytest.mark.spec("OpenID Connect Core §3.1"), pytest.mark.usefixtures("signing_key")]
SCRIPTS = ["openid_sign_in.js", "openid_oauth4webapi.js"]


def play(script: str, app: ClientApp, browser: Browser) -> dict[str, Any]:
    def browse(address: str) -> str:
        page = browser.open(address)
        left_to = page.left_to or browser.allow(page).left_to
        assert left_to is not None
        return left_to

    given = {"issuer": app.base_url, "client_id": app.client_id, "redirect_uri": app.redirect_uri}
    return node.play(script, {**given, **({"client_secret": app.secret} if app.secret else {})}, browse)


def check(result: dict[str, Any], browser: Browser) -> None:
    assert result["claims"]["sub"] == result["info"]["sub"] == result["refreshed"]["sub"] == browser.user.user_id
    assert (result["info"]["email"], result["info"]["name"]) == (browser.user.email, "John Doe")


@pytest.mark.parametrize("script", SCRIPTS)
def test_npm_client_signs_a_person_in(john: Browser, shop: ClientApp, script: str) -> None:
    node.install()
    check(play(script, shop, john), john)


@pytest.mark.spec("FAPI 2.0 §5.4.1")
@pytest.mark.parametrize("script", SCRIPTS)
def test_npm_client_checks_what_an_rsa_key_signs_with_ps256(john: Browser, shop: ClientApp, script: str) -> None:
    node.install()
    storage.change(Application.key(shop.client_id), application_edit.setting({"id_token_alg": "PS256"}))
    check(play(script, shop, john), john)


@pytest.mark.parametrize("script", SCRIPTS)
def test_npm_client_without_a_secret_signs_a_person_in(john: Browser, script: str) -> None:
    node.install()
    check(play(script, PublicApp.registered_by(john), john), john)


@pytest.mark.spec("OpenID Connect RP-Initiated Logout §2")
def test_npm_client_has_a_person_sign_out_and_come_back(john: Browser, shop: ClientApp) -> None:
    node.install()
    out = "https://shop.example.com/signed-out"
    set_up(shop, post_logout_redirect_uris=[out])

    def browse(address: str) -> str:
        page = john.open(address)
        page = john.press(page, "Sign out") if page.path == END_SESSION else john.allow(page)
        assert page.left_to is not None, page.text
        return page.left_to

    given = {"issuer": shop.base_url, "client_id": shop.client_id, "client_secret": shop.secret}
    sent = {**given, "redirect_uri": shop.redirect_uri, "post_logout_redirect_uri": out}
    assert node.play("openid_sign_out.js", sent, browse) == {"back": out, "is_same": True}
    assert not is_signed_in(john)


def test_mcp_sdk_accepts_the_metadata_under_openids_name(shop: ClientApp) -> None:
    """Without signing keys it does not: tests/running/test_mcp_typescript.py."""
    node.install()
    found = node.play("mcp_openid_metadata.js", {"issuer": shop.base_url}, lambda address: address)
    assert found["token_endpoint"] == shop.base_url + "/api/v1/oauth/token"


def test_authlib_signs_a_person_in(john: Browser, shop: ClientApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "AUTHLIB_INSECURE_TRANSPORT", "1")
    metadata = requests.get(shop.base_url + "/.well-known/openid-configuration", timeout=30).json()
    client = OAuth2Session(shop.client_id, shop.secret, scope="openid email", redirect_uri=shop.redirect_uri)
    url, state = client.create_authorization_url(metadata["authorization_endpoint"], nonce="n-1")
    page = john.allow(john.open(url))
    tokens = client.fetch_token(metadata["token_endpoint"], authorization_response=page.left_to, state=state)
    keys = KeySet.import_key_set(requests.get(metadata["jwks_uri"], timeout=30).json())
    decoded = jwt.decode(tokens["id_token"], keys, algorithms=metadata["id_token_signing_alg_values_supported"])
    claims = CodeIDToken(
        decoded.claims,
        decoded.header,
        {
            "iss": {"essential": True, "value": metadata["issuer"]},
            "aud": {"essential": True, "value": shop.client_id},
        },
        {"nonce": "n-1", "client_id": shop.client_id, "access_token": tokens["access_token"]},
    )
    claims.validate()
    info = client.get(metadata["userinfo_endpoint"]).json()
    assert claims["sub"] == info["sub"] == john.user.user_id
    assert info["email"] == john.user.email
    assert client.refresh_token(metadata["token_endpoint"])["id_token"]
