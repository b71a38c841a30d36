"""Every known MCP host registers as it does, connects its user and calls an MCP server (RFC 7591, RFC 8252, RFC 8707).

`hosts.py` says what is known of each. The real ones were not run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from joserfc.jwk import RSAKey

from chalicelib import limits, outbound, settings
from chalicelib.models import application_edit, throttle
from tests.actors import Browser, ClientApp
from tests.document_server import DocumentServer
from tests.hosts.hosts import BOTH, DEVICE, HOSTS, Host
from tests.public_app import PublicApp
from tests.signing_app import TYPE, SigningApp

pytestmark = pytest.mark.spec("MCP")
SERVER = "https://tickets.example.com/mcp"
KEY = RSAKey.generate_key(2048)


class HostApp(PublicApp):
    """A host that is registered. proof: what it adds to its client id to authenticate."""

    proof: Callable[[], dict[str, str]]

    def call_token(self, *, auth: Any = None, headers: Any = None, **form: Any) -> requests.Response:
        return super().call_token(auth=auth, headers=headers, **self.proof(), resource=SERVER, **form)


@pytest.fixture(autouse=True)
def _open(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: Any = replace(settings.SETTINGS, registration=settings.OPEN, resources=(SERVER,))
    monkeypatch.setattr(settings, "SETTINGS", opened)
    for what in (throttle.named("registration address", "127.0.0.1"), throttle.named("registration")):
        throttle.forget(what, window_seconds=limits.REGISTRATION_WINDOW_SECONDS)


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, DocumentServer]]:
    """A web server for every site that has a host's document."""
    names = {urlsplit(host.document_url).netloc for host in HOSTS if host.document_url}
    running = {name: DocumentServer(tmp_path_factory.mktemp("site"), name) for name in names}
    yield running
    for server in running.values():
        server.stop()


@pytest.fixture
def mcp_server(other_shop: ClientApp) -> ClientApp:
    """The MCP server's own application, which introspects the tokens that hosts send it."""
    application_edit.serve_resource(other_shop.client_id, SERVER)
    return other_shop


def introspect(server: ClientApp, token: str) -> dict[str, Any]:
    url = server.base_url + "/api/v1/oauth/introspect"
    return dict(requests.post(url, data={"token": token}, auth=(server.client_id, server.secret), timeout=30).json())


def registered(host: Host, base_url: str) -> HostApp:
    """The host after it registered itself. Checks what it is told about that."""
    metadata = requests.get(base_url + "/.well-known/oauth-authorization-server", timeout=30).json()
    answer = requests.post(metadata["registration_endpoint"], json=host.sends, timeout=30)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made["redirect_uris"] == [uri for uri in host.sends["redirect_uris"] if uri not in host.left_out]
    assert {name: made[name] for name in BOTH} == BOTH
    assert made["token_endpoint_auth_method"] == host.method
    assert made["client_name"] == host.sends["client_name"]
    app = HostApp(base_url, made["client_id"], "", host.redirect_uri)
    secret = {"client_secret": made["client_secret"]} if "client_secret" in made else {}
    app.proof = lambda: secret
    return app


def published(host: Host, base_url: str, sites: dict[str, DocumentServer], monkeypatch: pytest.MonkeyPatch) -> HostApp:
    """The host with its document, and its keys if it has any, where Lanyard looks for them."""
    assert host.document_url
    address = urlsplit(host.document_url)
    site = sites[address.netloc]
    site.answers[address.path] = host.sends
    if "jwks_uri" in host.sends:
        site.answers[urlsplit(host.sends["jwks_uri"]).path] = {"keys": [KEY.as_dict(private=False)]}
    monkeypatch.setattr(outbound, "NETWORK", site.network())
    app = HostApp(base_url, host.document_url, "", host.redirect_uri)
    signer = SigningApp(base_url, host.document_url, "", host.redirect_uri)
    signer.key, signer.alg = KEY, "RS256"
    signs = host.method == "private_key_jwt"
    app.proof = lambda: {"client_assertion_type": TYPE, "client_assertion": signer.assertion()} if signs else {}
    return app


@pytest.mark.spec("RFC 7591 §3.2.1", "RFC 8252 §7", "RFC 7636 §4", "RFC 8707 §2", "RFC 9207 §2")
@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.name)
def test_host_registers_connects_calls_and_refreshes(
    john: Browser,
    mcp_server: ClientApp,
    sites: dict[str, DocumentServer],
    monkeypatch: pytest.MonkeyPatch,
    host: Host,
) -> None:
    base_url = john.base_url
    app = published(host, base_url, sites, monkeypatch) if host.document_url else registered(host, base_url)
    page = john.open(app.authorize_path(resource=SERVER))
    assert page.title == f"Authorize {host.sends['client_name']}?"
    assert f"It will take you to {host.shown}" in page.text
    assert "This application registered itself." in page.text
    page = john.allow(page, "Big Events LLC")
    assert page.left_to is not None
    assert page.left_to.startswith(host.redirect_uri + "?code=")
    assert (page.answer["state"], page.answer["iss"]) == ("xyz", base_url)
    tokens = app.exchange(page.code).json()
    assert introspect(mcp_server, tokens["access_token"])["aud"] == SERVER, tokens
    refreshed = app.refresh(tokens["refresh_token"]).json()
    found = introspect(mcp_server, refreshed["access_token"])
    assert (found["active"], found["client_id"]) == (True, app.client_id)
    assert [john.user.organizers[slug] for slug in found["organizers"]] == ["Big Events LLC"]
    assert introspect(mcp_server, tokens["access_token"]) == {"active": False}
    assert app.me(refreshed["access_token"]).status_code == 401, "the token is only for the MCP server"


@pytest.mark.spec("CVE-2023-34246", "RFC 8252 §8.6")
@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.name)
def test_host_without_proof_of_itself_asks_its_user_every_time(
    john: Browser, sites: dict[str, DocumentServer], monkeypatch: pytest.MonkeyPatch, host: Host
) -> None:
    base_url = john.base_url
    app = published(host, base_url, sites, monkeypatch) if host.document_url else registered(host, base_url)
    path = app.authorize_path(resource=SERVER)
    john.allow(john.open(path), "Big Events LLC")
    assert (john.open(path).left_to is None) is (host.method == "none")


@pytest.mark.spec("RFC 8628 §5.4", "RFC 9700 §2.1")
@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.name)
def test_host_gets_no_code_at_another_address_and_no_device_code(
    john: Browser, sites: dict[str, DocumentServer], monkeypatch: pytest.MonkeyPatch, host: Host
) -> None:
    base_url = john.base_url
    app = published(host, base_url, sites, monkeypatch) if host.document_url else registered(host, base_url)
    uri = host.redirect_uri
    others = [uri + "x", uri.replace("://", "://evil."), uri.replace("://", "://evil.example/"), *host.left_out]
    for other in others:
        page = john.open(app.authorize_path(redirect_uri=other))
        assert (page.status, page.left_to) == (400, None), other
    form = {"client_id": app.client_id, **app.proof()}
    answer = requests.post(base_url + "/api/v1/oauth/device_authorization", data=form, timeout=30)
    assert answer.json()["error"] == "unauthorized_client"
    answer = app.call_token(grant_type=DEVICE, device_code="x")
    assert answer.status_code in (400, 401)


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.name)
def test_every_host_says_what_was_checked(host: Host) -> None:
    assert host.source.endswith(".")
    assert host.unchecked.endswith(".") or host.source == "Made up."
    assert host.document_url == host.sends.get("client_id")
    assert "://" not in host.source
