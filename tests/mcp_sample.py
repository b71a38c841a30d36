"""The sample of an MCP server, examples/mcp_server.py, beside a Lanyard that protects it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from infra.laptop.ministack import free_port, is_listening
from tests.actors import Browser, Person
from tests.local_run import ROOT, LocalRun
from tests.path_front import PathFront

EVE = Person("", "eve@localhost", {"smallshows": "Small Shows"}, password="lanyard-demo")


@contextmanager
def serving(lanyard: LocalRun, address: str) -> Iterator[str]:
    """The address of examples/mcp_server.py, running with an application that an operator made for it."""
    create = ("applications", "create", "--json", "--owner", "admin@localhost", "--name", "MCP server")
    made = json.loads(lanyard.manage(*create, "--redirect-uri", "https://mcp.example.com/").stdout)
    named = lanyard.manage("applications", "serve-resource", made["client_id"], address)
    assert named.returncode == 0, named.stderr
    environment = {
        **os.environ,
        "LANYARD_URL": lanyard.settings.get("PUBLIC_URL", lanyard.base_url),
        "MCP_SERVER": address,
        "LANYARD_CLIENT_ID": made["client_id"],
        "LANYARD_CLIENT_SECRET": made["client_secret"],
    }
    process = subprocess.Popen([sys.executable, ROOT / "examples" / "mcp_server.py"], env=environment)
    deadline = time.monotonic() + 30
    try:
        while not is_listening(urlsplit(address).port or 0):
            assert process.poll() is None, "the server exited"
            assert time.monotonic() < deadline, "the server does not listen"
            time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def below_a_path(folder: Path, *, leads_root: bool, slash: str = "") -> Iterator[tuple[str, Browser, PathFront]]:
    """The sample's address, a browser of EVE, and the proxy that leads to a Lanyard whose issuer has a path.

    leads_root: whether the host's own /.well-known/ leads there too. slash: what the operator's setting has at the end
    of the sample's address.
    """
    address = f"http://127.0.0.1:{free_port()}/mcp"
    lanyard = LocalRun(folder, REGISTRATION="open", RESOURCES=address + slash)
    with PathFront(lanyard.base_url, "/prod/oauth", leads_root=leads_root) as front:
        lanyard.settings["PUBLIC_URL"] = front.url
        lanyard.start()
        try:
            with serving(lanyard, address):
                browser = Browser(front.url, EVE)
                browser.sign_in()
                yield address, browser, front
        finally:
            lanyard.terminate()
