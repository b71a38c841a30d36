"""Unmodified third-party clients from npm connect, refresh and revoke against `make run`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests import node
from tests.actors import Browser, ClientApp, Person
from tests.local_run import LocalRun

CALLBACK = "http://127.0.0.1:8080/callback"
EVE = Person("", "eve@localhost", {"smallshows": "Small Shows"}, password="lanyard-demo")
SCRIPTS = ["oauth4webapi.js", "openid_client.js", "simple_oauth2.js"]
# Clients for websites, which always have a secret, and the redirect URI that each makes for itself.
FOR_WEBSITES = {
    "passport_oauth2.js": CALLBACK,
    "grant.js": CALLBACK,
    "auth_core.js": "http://127.0.0.1:8080/auth/callback/lanyard",
    "better_auth.js": "http://127.0.0.1:8080/api/auth/callback/lanyard",
}


@pytest.fixture(autouse=True, scope="module")
def _installed() -> None:
    node.install()


@pytest.fixture
def register(local_run: LocalRun) -> Callable[..., ClientApp]:
    def create(*options: str) -> ClientApp:
        command = ("applications", "create", "--json", "--owner", "admin@localhost", "--name", "S")
        made = local_run.manage(*command, "--redirect-uri", CALLBACK, *options)
        assert made.returncode == 0, made.stderr
        row = json.loads(made.stdout)
        return ClientApp(local_run.base_url, row["client_id"], row.get("client_secret", ""), CALLBACK)

    return create


def play(script: str, app: ClientApp, **more: Any) -> dict[str, Any]:
    """Run the script as the application, while a signed-in user allows what it asks for."""
    browser = Browser(app.base_url, EVE)
    browser.sign_in()

    def browse(address: str) -> str:
        page = browser.open(address)
        left_to = page.left_to or browser.allow(page, "Small Shows").left_to
        assert left_to is not None
        return left_to

    given = {"issuer": app.base_url, "client_id": app.client_id, "redirect_uri": app.redirect_uri, **more}
    return node.play(script, {**given, **({"client_secret": app.secret} if app.secret else {})}, browse)


def check(app: ClientApp, result: dict[str, Any]) -> None:
    assert result["profile"]["email"] == "eve@localhost"
    assert result["tokens"]["scope"] == "read write"
    for token in (result["tokens"]["access_token"], result["refreshed"]["access_token"]):
        assert app.me(token).status_code == 401, "the token was revoked"
    assert result["tokens"]["access_token"] != result["refreshed"]["access_token"]


@pytest.mark.parametrize("script", SCRIPTS)
def test_npm_client_with_a_secret_connects_refreshes_and_revokes(
    register: Callable[..., ClientApp], script: str
) -> None:
    app = register("--require-pkce")
    result = play(script, app)
    check(app, result)
    assert result["refreshed"]["refresh_token"] == result["tokens"]["refresh_token"]
    assert result.get("active") in (True, None)


@pytest.mark.parametrize("script", SCRIPTS)
def test_npm_client_without_a_secret_connects_rotates_and_revokes(
    register: Callable[..., ClientApp], script: str
) -> None:
    app = register("--native")
    result = play(script, app)
    check(app, result)
    assert result["refreshed"]["refresh_token"] != result["tokens"]["refresh_token"]


@pytest.mark.parametrize("script", FOR_WEBSITES)
def test_npm_client_for_websites_connects_and_refreshes(register: Callable[..., ClientApp], script: str) -> None:
    app = register("--require-pkce", "--redirect-uri", FOR_WEBSITES[script])
    app.redirect_uri = FOR_WEBSITES[script]
    check(app, play(script, app))


@pytest.mark.spec("RFC 7591 §3", "RFC 7591 §3.2.1")
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
def test_openid_client_registers_itself_and_connects(open_run: LocalRun, method: str) -> None:
    app = ClientApp(open_run.base_url, "", "", CALLBACK)
    result = play("openid_client.js", app, register={"token_endpoint_auth_method": method})
    check(app, result)
    assert result["client_id"]


@pytest.mark.spec("RFC 9449 §5", "RFC 9449 §7")
@pytest.mark.parametrize(
    ("script", "algorithm", "options"),
    [
        ("dpop.js", "ES256", ("--require-dpop",)),
        ("dpop.js", "Ed25519", ("--public", "--require-dpop")),
        ("openid_client_dpop.js", "ES256", ("--public",)),
        ("openid_client_dpop.js", "PS256", ("--require-dpop", "--require-par")),
    ],
)
def test_npm_client_with_a_key_connects_refreshes_and_revokes(
    register: Callable[..., ClientApp], script: str, algorithm: str, options: tuple[str, ...]
) -> None:
    app = register(*options)
    result = play(script, app, algorithm=algorithm)
    check(app, result)
    assert result["tokens"]["token_type"].lower() == result["refreshed"]["token_type"].lower() == "dpop"
