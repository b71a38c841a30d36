"""Unmodified clients for Go, Java, Perl, Ruby and Rust connect, refresh and revoke against `make run`."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from tests import conversation, java, toolchains
from tests import go as go_tools
from tests.actors import Browser, ClientApp, Person
from tests.local_run import ROOT, LocalRun
from tests.node import STOCK_CLIENTS

CALLBACK = "http://127.0.0.1:8080/callback"
EVE = Person("", "eve@localhost", {"smallshows": "Small Shows"}, password="lanyard-demo")
BUILT = ROOT / ".local" / "stock_clients"
Command = Callable[[], list[str]]


@cache
def go() -> list[str]:
    toolchains.need(["go", "version"], "Go (Debian: apt-get install golang-go)", at_least=(1, 19))
    folder, program = STOCK_CLIENTS / "go", BUILT / "go" / "client"
    go_tools.compile_library()
    with toolchains.alone(folder / "main.go"):
        # Only this module: its own list names others that no client needs.
        toolchains.download(["go", "mod", "download", "golang.org/x/oauth2"], folder, go_tools.ENVIRONMENT)
        toolchains.build(["go", "build", "-o", str(program), "."], folder, go_tools.ENVIRONMENT)
    return [str(program)]


@cache
def nimbus() -> list[str]:
    return java.command("nimbus.Client")


@cache
def perl() -> list[str]:
    modules = ["-MJSON", "-MNet::OAuth2::Profile::WebServer"]
    package = "Perl with Net::OAuth2 (Debian: apt-get install libnet-oauth2-perl libjson-perl)"
    toolchains.need(["perl", *modules, "-e", "1"], package)
    return ["perl", str(STOCK_CLIENTS / "perl_net_oauth2.pl")]


@cache
def ruby() -> list[str]:
    package = "Ruby with oauth2 (Debian: apt-get install ruby-oauth2)"
    toolchains.need(["ruby", "-e", "require 'oauth2'"], package)
    return ["ruby", str(STOCK_CLIENTS / "ruby_oauth2.rb")]


@cache
def rust() -> list[str]:
    package = "Rust with Cargo (Debian 12: apt-get install cargo-web; later ones: cargo)"
    toolchains.need(["cargo", "--version"], package, at_least=(1, 75))
    folder, target = STOCK_CLIENTS / "rust", BUILT / "rust"
    with toolchains.alone(folder / "Cargo.toml"):
        toolchains.download(["cargo", "fetch", "--locked"], folder)
        toolchains.build(["cargo", "build", "--quiet", "--locked", "--offline", "--target-dir", str(target)], folder)
    return [str(target / "debug" / "stock-clients")]


@pytest.fixture
def app(local_run: LocalRun) -> ClientApp:
    made = local_run.manage(
        *("applications", "create", "--json", "--owner", "admin@localhost", "--name", "S", "--require-pkce"),
        *("--redirect-uri", CALLBACK),
    )
    row = json.loads(made.stdout)
    return ClientApp(local_run.base_url, row["client_id"], row["client_secret"], CALLBACK)


@pytest.fixture(params=[go, nimbus, perl, ruby, rust])
def command(request: pytest.FixtureRequest) -> list[str]:
    """The command that runs the client."""
    prepare: Command = request.param
    return prepare()


def play(app: ClientApp, command: list[str], **changed: str) -> dict[str, Any]:
    """Run the client, while a signed-in user allows what it asks for.

    changed: parameters of the authorization response that somebody changes on its way.
    """
    browser = Browser(app.base_url, EVE)
    browser.sign_in()

    def browse(address: str) -> str:
        left_to = browser.allow(browser.open(address), "Small Shows").left_to
        assert left_to is not None
        return conversation.forged(left_to, **changed)

    given = {"issuer": app.base_url, "client_id": app.client_id, "client_secret": app.secret, "redirect_uri": CALLBACK}
    return conversation.hold(command, given, browse)


def test_client_connects_with_pkce_refreshes_and_revokes(app: ClientApp, command: list[str]) -> None:
    result = play(app, command)
    assert result["profile"]["email"] == "eve@localhost"
    assert result["tokens"]["scope"] == "read write"
    assert result["tokens"]["access_token"] != result["refreshed"]["access_token"]
    for token in (result["tokens"]["access_token"], result["refreshed"]["access_token"]):
        assert app.me(token).status_code == 401, "the token was revoked"


@pytest.mark.spec("RFC 6749 §10.12")
def test_client_refuses_a_response_with_another_state(app: ClientApp, command: list[str]) -> None:
    with pytest.raises(AssertionError, match="The response has another state"):
        play(app, command, state="forged")


@pytest.mark.spec("RFC 9207 §2.4")
def test_client_refuses_a_response_from_another_issuer(app: ClientApp, command: list[str]) -> None:
    with pytest.raises(AssertionError, match="The response is from another issuer"):
        play(app, command, iss="https://attacker.example")
