"""Unmodified third-party client libraries connect, refresh and revoke against `make run`."""

from __future__ import annotations

import json
import os

import pytest
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
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
