"""The sample of an MCP server, examples/mcp_server.py, beside a Lanyard that protects it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from infra.laptop.ministack import is_listening
from tests.actors import Person
from tests.local_run import ROOT, LocalRun

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
