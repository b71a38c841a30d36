"""Unmodified clients for Go, Ruby and Perl connect and refresh against `make run`, where they are installed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import Any

import pytest

from tests import conversation
from tests.actors import Browser, ClientApp, Person
from tests.local_run import LocalRun
from tests.node import STOCK_CLIENTS

CALLBACK = "http://127.0.0.1:8080/callback"
EVE = Person("", "eve@localhost", {"smallshows": "Small Shows"}, password="lanyard-demo")


@pytest.fixture
def app(local_run: LocalRun) -> ClientApp:
    made = local_run.manage(
        *("applications", "create", "--json", "--owner", "admin@localhost", "--name", "S", "--redirect-uri", CALLBACK)
    )
    row = json.loads(made.stdout)
    return ClientApp(local_run.base_url, row["client_id"], row["client_secret"], CALLBACK)


def need(command: list[str], package: str) -> None:
    """Skip the test unless this command succeeds."""
    is_there = shutil.which(command[0]) and subprocess.run(command, capture_output=True, check=False).returncode == 0
    if not is_there:
        pytest.skip(f"{package} is not installed, so this client was not tried")


def connects(app: ClientApp, command: list[str], **more: Any) -> None:
    browser = Browser(app.base_url, EVE)
    browser.sign_in()

    def browse(address: str) -> str:
        left_to = browser.allow(browser.open(address), "Small Shows").left_to
        assert left_to is not None
        return left_to

    given = {"issuer": app.base_url, "client_id": app.client_id, "client_secret": app.secret, "redirect_uri": CALLBACK}
    result = conversation.hold(command, given, browse, **more)
    assert result["profile"]["email"] == "eve@localhost"
    assert result["tokens"]["scope"] == "read write"
    assert result["tokens"]["access_token"] != result["refreshed"]["access_token"]
    for token in (result["tokens"]["access_token"], result["refreshed"]["access_token"]):
        assert app.me(token).status_code == 401, "the token was revoked"


def test_go_client_connects_and_refreshes(app: ClientApp) -> None:
    need(["go", "version"], "Go")
    said = subprocess.run(["go", "version"], capture_output=True, text=True, check=True).stdout
    version = re.search(r"go1\.(\d+)", said)
    if version and int(version[1]) < 23:
        pytest.skip(f"golang.org/x/oauth2 needs Go 1.23 or newer: {said.strip()}")
    folder = STOCK_CLIENTS / "go"
    subprocess.run(["go", "mod", "download"], cwd=folder, check=True, capture_output=True, timeout=300)
    connects(app, ["go", "run", "."], folder=folder)


def test_ruby_client_connects_and_refreshes(app: ClientApp) -> None:
    need(["ruby", "-e", "require 'oauth2'"], "Ruby with oauth2 (Debian: apt-get install ruby-oauth2)")
    connects(app, ["ruby", str(STOCK_CLIENTS / "ruby_oauth2.rb")])


def test_perl_client_connects_and_refreshes(app: ClientApp) -> None:
    modules = ["-MJSON", "-MNet::OAuth2::Profile::WebServer"]
    need(
        ["perl", *modules, "-e", "1"],
        "Perl with Net::OAuth2 (Debian: apt-get install libnet-oauth2-perl libjson-perl)",
    )
    connects(app, ["perl", str(STOCK_CLIENTS / "perl_net_oauth2.pl")])
