"""MCP's own conformance tool checks Lanyard as an authorization server, against `make run`."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import requests

from infra.laptop.ministack import free_port
from tests import node
from tests.actors import Browser, Person
from tests.local_run import LocalRun

TOOL = Path(__file__).resolve().parent.parent / "mcp_conformance"
NEEDS = 22
EVE = Person("", "eve@localhost", {"smallshows": "Small Shows"}, password="lanyard-demo")


@pytest.fixture
def tool() -> list[str]:
    """The command that runs the tool, in the version of package-lock.json."""
    runtime = node.at_least(NEEDS, TOOL / "node")
    node.install_in(TOOL)
    return [runtime, str(TOOL / "node_modules" / "@modelcontextprotocol" / "conformance" / "dist" / "index.js")]


@pytest.mark.spec("MCP")
def test_every_check_of_an_authorization_server_succeeds(
    open_run: LocalRun, mcp_address: str, tool: list[str], tmp_path: Path
) -> None:
    port = free_port()
    create = ("applications", "create", "--json", "--public", "--owner", "admin@localhost", "--name", "Conformance")
    made = json.loads(open_run.manage(*create, "--redirect-uri", f"http://127.0.0.1:{port}/callback").stdout)
    browser = Browser(open_run.base_url, EVE)
    browser.sign_in()
    command = [*tool, "authorization", "--url", open_run.base_url, "--client-id", made["client_id"]]
    command += ["--resource", mcp_address]
    with subprocess.Popen(
        [*command, "-p", str(port), "-o", str(tmp_path)],
        env={**os.environ, "NO_PROXY": "*", "no_proxy": "*"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        said = []
        try:
            for line in process.stdout:
                said.append(line)
                if line.startswith("Callback server started"):
                    address = next(one for one in reversed(said) if one.startswith(open_run.base_url)).strip()
                    left_to = browser.allow(browser.open(address), "Small Shows").left_to
                    assert left_to is not None
                    requests.get(left_to, timeout=10)
            assert process.wait(30) == 0, "".join(said)
        finally:
            process.kill()
    found = {
        check["id"]: check["status"]
        for file in tmp_path.rglob("checks.json")
        for check in json.loads(file.read_text(encoding="utf-8"))
    }
    assert found == {
        "authorization-server-metadata": "SUCCESS",
        "authorization-server-metadata-cimd": "SUCCESS",
        "authorization-code-grant": "SUCCESS",
    }
