"""mcp-authlab, a scanner for the authorization of MCP servers, signs in to examples/mcp_server.py and grades it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.actors import Browser, Person
from tests.local_run import LocalRun

EVE = Person("", "eve@localhost", {"smallshows": "Small Shows"}, password="lanyard-demo")
pytestmark = pytest.mark.spec("MCP")


def authlab(folder: Path, *arguments: str) -> tuple[list[str], dict[str, str]]:
    told = {"XDG_CONFIG_HOME": str(folder), "BROWSER": "true", "NO_PROXY": "*", "no_proxy": "*"}
    return [sys.executable, "-m", "mcp_authlab", *arguments], {**os.environ, **told}


def sign_in(server: str, folder: Path, browser: Browser) -> str:
    """Sign the scanner in, as the user whose browser it opens. Returns what it says of the authorization server."""
    command, environment = authlab(folder, "login", server, "--scope", "read")
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if line.startswith("  http"):
                page = browser.open(line.strip())
                page = page if page.left_to or page.status != 200 else browser.allow(page, "Small Shows")
                if page.left_to:
                    requests.get(page.left_to, timeout=10)
        output = process.stdout.read()
        assert process.wait() == 0, "".join(said)
    return output


def test_scanner_signs_in_and_gives_the_best_grade(server: str, open_run: LocalRun, tmp_path: Path) -> None:
    browser = Browser(open_run.base_url, EVE)
    browser.sign_in()
    signed_in = sign_in(server, tmp_path, browser)
    assert "✓ ASF-02" in signed_in, signed_in  # a wrong code_verifier is refused
    command, environment = authlab(tmp_path, "scan", server, "--format", "json", "-o", str(tmp_path / "report.json"))
    subprocess.run(command, env=environment, check=True, timeout=120, capture_output=True)
    report: dict[str, Any] = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    # TLS-01: this server is on loopback, without TLS. CHAL-03: the MCP SDK's challenge names no scope; its metadata
    # does. ASF-01: the scanner cannot see behind the sign-in page that it gets for a request without a challenge.
    assert (report["grade"], report["reasons"]) == ("A", ["warnings: TLS-01, CHAL-03, ASF-01"])
    assert report["coverage"]["critical_not_run"] == []
