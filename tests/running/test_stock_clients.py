"""Unmodified third-party client libraries connect, refresh and revoke against `make run`."""

from __future__ import annotations

import asyncio
import json
import os

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from httpx_oauth.oauth2 import OAuth2 as HttpxOAuth2
from oauthlib.oauth2 import WebApplicationClient
from requests_oauthlib import OAuth2Session as RequestsOauthlibSession

from tests.actors import Browser, ClientApp, Person
from tests.local_run import LocalRun

CALLBACK = "http://127.0.0.1:8080/callback"
EVE = Person("", "eve@localhost", {"smallshows": "Small Shows"}, password="lanyard-demo")


@pytest.fixture
def shop(local_run: LocalRun) -> ClientApp:
    made = local_run.manage(
        *("applications", "create", "--json", "--owner", "admin@localhost", "--name", "S", "--redirect-uri", CALLBACK)
    )
    row = json.loads(made.stdout)
    return ClientApp(local_run.base_url, row["client_id"], row["client_secret"], CALLBACK)


@pytest.fixture
def browser(local_run: LocalRun) -> Browser:
    made = Browser(local_run.base_url, EVE)
    made.sign_in()
    return made


@pytest.fixture
def _http_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both libraries insist on https unless told that this is a test."""
    monkeypatch.setitem(os.environ, "OAUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setitem(os.environ, "AUTHLIB_INSECURE_TRANSPORT", "1")


@pytest.mark.usefixtures("_http_allowed")
@pytest.mark.parametrize("challenge", [None, "S256"])
def test_authlib_connects_refreshes_and_revokes(shop: ClientApp, browser: Browser, challenge: str | None) -> None:
    api = shop.base_url + "/api/v1"
    client = AuthlibSession(
        shop.client_id, shop.secret, scope="read write", redirect_uri=CALLBACK, code_challenge_method=challenge
    )
    verifier = {"code_verifier": "v" * 43} if challenge else {}
    url, state = client.create_authorization_url(api + "/oauth/authorize", **verifier)
    page = browser.allow(browser.open(url), "Small Shows")
    token = client.fetch_token(api + "/oauth/token", authorization_response=page.left_to, state=state, **verifier)
    assert client.get(api + "/me").json()["email"] == "eve@localhost"
    refreshed = client.refresh_token(api + "/oauth/token")
    assert refreshed["access_token"] != token["access_token"]
    assert client.get(api + "/organizers/").json()["count"] == 1
    assert client.revoke_token(api + "/oauth/revoke_token", refreshed["refresh_token"]).status_code == 200
    assert shop.me(refreshed["access_token"]).status_code == 401


@pytest.mark.usefixtures("_http_allowed")
def test_requests_oauthlib_connects_refreshes_and_revokes(shop: ClientApp, browser: Browser) -> None:
    """It sends the secret with HTTP Basic at the exchange, and in the form at a refresh."""
    api = shop.base_url + "/api/v1"
    client = RequestsOauthlibSession(shop.client_id, redirect_uri=CALLBACK, scope=["read", "write"])
    url, _ = client.authorization_url(api + "/oauth/authorize")
    page = browser.allow(browser.open(url), "Small Shows")
    token = client.fetch_token(api + "/oauth/token", authorization_response=page.left_to, client_secret=shop.secret)
    assert client.get(api + "/me").json()["email"] == "eve@localhost"
    refreshed = client.refresh_token(api + "/oauth/token", client_id=shop.client_id, client_secret=shop.secret)
    assert refreshed["access_token"] != token["access_token"]
    assert shop.me(token["access_token"]).status_code == 401
    assert shop.me(refreshed["access_token"]).status_code == 200
    assert shop.revoke(refreshed["refresh_token"]).status_code == 200
    assert shop.me(refreshed["access_token"]).status_code == 401


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_httpx_oauth_connects_refreshes_and_revokes(shop: ClientApp, browser: Browser, method: str) -> None:
    api = shop.base_url + "/api/v1"

    async def connect() -> None:
        client = HttpxOAuth2(
            shop.client_id,
            shop.secret,
            api + "/oauth/authorize",
            api + "/oauth/token",
            api + "/oauth/token",
            api + "/oauth/revoke_token",
            base_scopes=["read", "write"],
            token_endpoint_auth_method=method,  # type: ignore[arg-type]
            revocation_endpoint_auth_method=method,  # type: ignore[arg-type]
        )
        url = await client.get_authorization_url(CALLBACK, state="xyz")
        code = browser.allow(browser.open(url), "Small Shows").code
        token = await client.get_access_token(code, CALLBACK)
        assert shop.me(token["access_token"]).json()["email"] == "eve@localhost"
        refreshed = await client.refresh_token(token["refresh_token"])
        assert refreshed["access_token"] != token["access_token"]
        await client.revoke_token(token["refresh_token"], "refresh_token")
        assert shop.me(refreshed["access_token"]).status_code == 401

    asyncio.run(connect())


@pytest.mark.usefixtures("_http_allowed")
def test_oauthlibs_own_client_connects_and_refreshes(shop: ClientApp, browser: Browser) -> None:
    client, api = WebApplicationClient(shop.client_id), shop.base_url + "/api/v1/oauth"
    url, _, _ = client.prepare_authorization_request(
        api + "/authorize", state="xyz", redirect_url=CALLBACK, scope=["read", "write"]
    )
    page = browser.allow(browser.open(url), "Small Shows")

    def send(prepared: tuple[str, dict[str, str], str]) -> str:
        address, headers, body = prepared
        return requests.post(address, body, headers=headers, timeout=30).text

    prepared = client.prepare_token_request(
        api + "/token",
        authorization_response=page.left_to,
        redirect_url=CALLBACK,
        state="xyz",
        client_secret=shop.secret,
    )
    token = client.parse_request_body_response(send(prepared), scope=["read", "write"])
    assert shop.me(token["access_token"]).json()["email"] == "eve@localhost"
    prepared = client.prepare_refresh_token_request(
        api + "/token", refresh_token=token["refresh_token"], client_id=shop.client_id, client_secret=shop.secret
    )
    refreshed = client.parse_request_body_response(send(prepared))
    assert shop.me(token["access_token"]).status_code == 401
    assert shop.me(refreshed["access_token"]).status_code == 200
    prepared = client.prepare_token_revocation_request(
        api + "/revoke_token", refreshed["access_token"], client_id=shop.client_id, client_secret=shop.secret
    )
    assert send(prepared) == "{}"
    assert shop.me(refreshed["access_token"]).status_code == 401
