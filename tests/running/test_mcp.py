"""The official MCP SDK's client discovers an MCP server's Lanyard, registers and connects by itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import anyio
import pytest
import requests
from mcp.client import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl

from tests.actors import Browser, ClientApp
from tests.local_run import LocalRun
from tests.mcp_sample import below_a_path

CALLBACK = "http://127.0.0.1:3030/callback"

pytestmark = pytest.mark.spec("MCP")


class Host:
    """An MCP host: the SDK's client, which stores its tokens here, and a user in a browser."""

    def __init__(self, server: str, browser: Browser, **metadata: Any) -> None:
        self.browser = browser
        self.asked: list[str] = []
        self.tokens: list[OAuthToken] = []
        self.client: OAuthClientInformationFull | None = None
        self.server = server
        chosen = OAuthClientMetadata(client_name="A host", redirect_uris=[AnyUrl(CALLBACK)], **metadata)
        self.auth = OAuthClientProvider(server, chosen, self, self.open, self.wait)

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens[-1] if self.tokens else None

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens.append(tokens)

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info

    async def open(self, address: str) -> None:
        self.asked.append(address)

    async def wait(self) -> AuthorizationCodeResult:
        page = self.browser.open(self.asked[-1])
        self.consent = page
        answer = self.browser.allow(page, "Small Shows").answer
        return AuthorizationCodeResult(code=answer["code"], state=answer["state"], iss=answer["iss"])

    async def organizers(self) -> Any:
        """Call the server's only tool."""
        async with (
            create_mcp_http_client(auth=self.auth) as http,
            Client(streamable_http_client(self.server, http_client=http)) as client,
        ):
            return (await client.call_tool("organizers")).structured_content


def run(task: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    with ThreadPoolExecutor(1) as thread:  # the browser tests leave an event loop in the main thread
        return thread.submit(anyio.run, task).result()


@pytest.mark.spec("RFC 9728 §5.1", "RFC 8414 §3", "RFC 7591 §3", "RFC 7636 §4", "RFC 8707 §2")
def test_mcp_host_discovers_registers_connects_and_refreshes(server: str, browser: Browser) -> None:
    host = Host(server, browser)
    assert run(host.organizers) == {"result": ["smallshows"]}
    assert "This application registered itself." in host.consent.text
    assert host.client is not None
    assert host.client.client_secret is None
    asked = dict(parse_qsl(urlsplit(host.asked[0]).query))
    assert asked["code_challenge_method"] == "S256"
    assert asked["resource"] == server
    host.auth.context.token_expiry_time = 1  # a day passes
    assert run(host.organizers) == {"result": ["smallshows"]}
    first, second = host.tokens
    assert first.access_token != second.access_token
    assert first.refresh_token != second.refresh_token, "refresh tokens rotate without a secret"
    assert len(host.asked) == 1, "the user was not asked again"


@pytest.mark.parametrize("method", ["none", "client_secret_post", "client_secret_basic"])
@pytest.mark.spec("RFC 7591 §2")
def test_mcp_host_may_choose_its_authentication_method(server: str, browser: Browser, method: str) -> None:
    host = Host(server, browser, token_endpoint_auth_method=method)
    assert run(host.organizers) == {"result": ["smallshows"]}
    host.auth.context.token_expiry_time = 1
    assert run(host.organizers) == {"result": ["smallshows"]}
    assert len(host.asked) == 1


@pytest.mark.spec("RFC 8707 §2.2")
def test_token_for_another_resource_is_refused_by_the_mcp_server(
    server: str, open_run: LocalRun, browser: Browser
) -> None:
    create = ("applications", "create", "--json", "--owner", "admin@localhost", "--name", "S")
    made = json.loads(open_run.manage(*create, "--redirect-uri", CALLBACK).stdout)
    app = ClientApp(open_run.base_url, made["client_id"], made["client_secret"], CALLBACK)
    token = app.connect(browser, "Small Shows", resource=open_run.base_url)["access_token"]
    assert app.me(token).status_code == 200
    answer = requests.post(server, headers={"Authorization": f"Bearer {token}"}, json={}, timeout=30)
    assert answer.status_code == 401
    assert "resource_metadata=" in answer.headers["WWW-Authenticate"]


def test_revoked_token_is_refused_by_the_mcp_server_at_once(server: str, browser: Browser) -> None:
    host = Host(server, browser)
    run(host.organizers)
    assert host.client is not None
    app = ClientApp(browser.base_url, host.client.client_id, "", CALLBACK)
    assert app.me(host.tokens[0].access_token).status_code == 401, "the token is only for the MCP server"
    form = {"token": host.tokens[0].refresh_token, "client_id": host.client.client_id}
    assert requests.post(browser.base_url + "/api/v1/oauth/revoke_token", data=form, timeout=30).status_code == 200
    answer = requests.post(
        server, headers={"Authorization": f"Bearer {host.tokens[0].access_token}"}, json={}, timeout=30
    )
    assert answer.status_code == 401


@pytest.mark.spec("RFC 8414 §3.1", "RFC 8414 §5", "RFC 8707 §2")
@pytest.mark.parametrize(
    "leads_root", [False, True], ids=["a stage on API Gateway's own domain", "a domain's root too"]
)
def test_mcp_host_finds_an_issuer_with_a_path(tmp_path: Path, leads_root: bool) -> None:
    with below_a_path(tmp_path, leads_root=leads_root, slash="/") as (address, browser, front):
        host = Host(address, browser)
        assert run(host.organizers) == {"result": ["smallshows"]}
        host.auth.context.token_expiry_time = 1  # a day passes
        assert run(host.organizers) == {"result": ["smallshows"]}
    assert len(host.tokens) == 2
    before = [f"/.well-known/{name}/prod/oauth" for name in ("oauth-authorization-server", "openid-configuration")]
    tried = [path for path in front.asked if "/.well-known/" in path]
    if leads_root:
        assert tried[0] == before[0]
        assert not [path for path in tried if path.endswith("openid-configuration")]
    else:
        assert tried[:3] == [*before, "/prod/oauth/.well-known/openid-configuration"]
