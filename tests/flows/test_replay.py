"""Codes and tokens that are reused, made up, or taken from somebody else are refused."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from chalicelib import credentials
from chalicelib.credentials import Kind
from infra.laptop.ministack import free_port
from tests.actors import Browser, ClientApp
from tests.conftest import Clock

_SERVE = """
import sys
from chalice.config import Config
from chalice.local import create_local_server
from app import app
server = create_local_server(app, Config(), "127.0.0.1", int(sys.argv[1]))
print("ready", flush=True)
server.serve_forever()
"""


def a_code(browser: Browser, shop: ClientApp) -> str:
    return browser.allow(browser.open(shop.authorize_path()), "Big Events LLC").code


@pytest.mark.spec("RFC 6749 §4.1.2")
@pytest.mark.parametrize("seconds_later", [0, 3600])
def test_used_code_is_refused_and_ends_its_grant(
    john: Browser, shop: ClientApp, clock: Clock, seconds_later: int
) -> None:
    code = a_code(john, shop)
    tokens = shop.exchange(code).json()
    clock.advance(seconds_later)
    assert shop.me(tokens["access_token"]).status_code == 200
    again = shop.exchange(code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert shop.me(tokens["access_token"]).status_code == 401
    assert shop.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


@pytest.mark.spec("RFC 6749 §4.1.2")
def test_used_code_also_ends_a_token_that_was_refreshed_in_the_meantime(john: Browser, shop: ClientApp) -> None:
    code = a_code(john, shop)
    tokens = shop.refresh(shop.exchange(code).json()["refresh_token"]).json()
    shop.exchange(code)
    assert shop.me(tokens["access_token"]).status_code == 401


@pytest.mark.spec("RFC 6749 §4.1.2")
def test_used_code_leaves_the_users_other_grants_alone(john: Browser, shop: ClientApp) -> None:
    code = a_code(john, shop)
    shop.exchange(code)
    other = shop.connect(john)
    shop.exchange(code)
    assert shop.me(other["access_token"]).status_code == 200


@pytest.mark.spec("RFC 6749 §4.1.2", "RFC 6749 §4.1.3", "RFC 6749 §10.5")
def test_code_tried_by_another_client_is_refused_and_ends_nothing(
    john: Browser, shop: ClientApp, other_shop: ClientApp
) -> None:
    code = a_code(john, shop)
    for redirect_uri in (other_shop.redirect_uri, shop.redirect_uri):
        stolen = other_shop.exchange(code, redirect_uri=redirect_uri)
        assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
    tokens = shop.exchange(code).json()
    assert other_shop.exchange(code, redirect_uri=shop.redirect_uri).json()["error"] == "invalid_grant"
    assert shop.me(tokens["access_token"]).status_code == 200
    assert shop.refresh(tokens["refresh_token"]).status_code == 200


@pytest.mark.spec("RFC 6749 §4.1.2", "workers-oauth-provider #225")
def test_forged_code_built_from_parts_of_a_real_token_ends_nothing(john: Browser, shop: ClientApp) -> None:
    code = a_code(john, shop)
    tokens = shop.exchange(code).json()
    forged = [
        code[:-1] + ("A" if code[-1] != "A" else "B"),
        code[:-7] + code[-6:],
        code.swapcase(),
        tokens["refresh_token"].replace("lyrt_", "lyac_"),
        tokens["access_token"],
        credentials.digest(code),
        credentials.mint(Kind.AUTHORIZATION_CODE),
        credentials.mint(Kind.AUTHORIZATION_CODE, tokens["access_token"][5:48]),
    ]
    for made_up in forged:
        refused = shop.exchange(made_up)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant"), made_up
    assert shop.me(tokens["access_token"]).status_code == 200
    assert shop.refresh(tokens["refresh_token"]).status_code == 200


@pytest.mark.spec("RFC 9700 §4.14.2", "RFC 6749 §10.4")
def test_refresh_token_tried_by_another_client_is_refused_and_stays_good(
    john: Browser, shop: ClientApp, other_shop: ClientApp
) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    stolen = other_shop.refresh(tokens["refresh_token"])
    assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
    assert shop.me(tokens["access_token"]).status_code == 200
    assert shop.refresh(tokens["refresh_token"]).status_code == 200


@pytest.fixture
def fresh_process(base_url: str) -> Iterator[str]:
    """The address of Lanyard in a new process on the same tables."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVE, str(port)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    yield f"http://127.0.0.1:{port}"
    process.kill()
    process.communicate()


@pytest.mark.spec("CVE-2026-9802")
def test_revoked_token_stays_revoked_in_a_new_process(john: Browser, shop: ClientApp, fresh_process: str) -> None:
    revoked, kept = shop.connect(john, "Big Events LLC"), shop.connect(john)
    shop.revoke(revoked["refresh_token"])
    there = ClientApp(fresh_process, shop.client_id, shop.secret, shop.redirect_uri)
    assert there.me(kept["access_token"]).status_code == 200
    assert there.me(revoked["access_token"]).status_code == 401
    assert there.refresh(revoked["refresh_token"]).json()["error"] == "invalid_grant"
    assert there.refresh(kept["refresh_token"]).status_code == 200
    assert shop.me(kept["access_token"]).status_code == 401
