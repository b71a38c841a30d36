"""MCP's TypeScript SDK, on which many hosts are built, connects to the sample of an MCP server unchanged."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests import node
from tests.actors import Browser
from tests.mcp_sample import below_a_path
from tests.running.test_mcp import CALLBACK

pytestmark = pytest.mark.spec("MCP")
ORGANIZERS = {"result": ["smallshows"]}


@pytest.fixture(autouse=True)
def _installed() -> None:
    node.install()


def play(browser: Browser, server: str, **more: str) -> dict[str, Any]:
    def browse(address: str) -> str:
        page = browser.open(address)
        left_to = page.left_to or browser.allow(page, "Small Shows").left_to
        assert left_to is not None, page.text
        return left_to

    given = {"server": server, "issuer": browser.base_url, "redirect_uri": CALLBACK, **more}
    return node.play("mcp_sdk.js", given, browse)


@pytest.mark.spec("RFC 9728 §5.1", "RFC 8414 §3", "RFC 7591 §3", "RFC 7636 §4", "RFC 8707 §2")
def test_host_in_typescript_registers_connects_refreshes_and_connects_again(server: str, browser: Browser) -> None:
    done = play(browser, server)
    assert [done["first"], done["second"], done["third"]] == [ORGANIZERS] * 3
    assert done["refreshed"]
    assert done["askedBefore"] == 1, "a refresh asks nobody"
    assert len(done["asked"]) == 2, "a revoked token does"
    asked = dict(parse_qsl(urlsplit(done["asked"][0]).query))
    assert asked["code_challenge_method"] == "S256"
    assert asked["resource"] == server


@pytest.mark.spec("RFC 8414 §3.1")
@pytest.mark.parametrize("leads_root", [True, False])
def test_host_in_typescript_finds_an_issuer_with_a_path(tmp_path: Path, *, leads_root: bool) -> None:
    """On API Gateway's own domain only the last URL leads here. There the SDK takes only an OpenID provider's document,
    so the stage has to sign, as `make run` does."""
    with below_a_path(tmp_path, leads_root=leads_root) as (address, browser, _):
        assert play(browser, address)["first"] == ORGANIZERS
