"""Node scripts that play an application while a test plays its user's browser."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import conversation

STOCK_CLIENTS = Path(__file__).resolve().parent / "stock_clients"
OLDEST = 18  # the first version with fetch
EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def install() -> None:
    """Install what both package-lock.json files list. Skip without Node, or fail in continuous integration."""
    problem = _problem()
    if problem and os.environ.get("CI"):
        pytest.fail(problem)
    if problem:
        pytest.skip(problem)
    for folder in (STOCK_CLIENTS, EXAMPLES):
        install_in(folder)


def install_in(folder: Path) -> None:
    """Install what the folder's package-lock.json lists, if that is not there yet."""
    lock, installed = folder / "package-lock.json", folder / "node_modules" / ".package-lock.json"
    with lock.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # until the file is closed: another process of the run may be installing
        if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
            command = ["npm", "ci", "--no-audit", "--no-fund", "--silent"]
            subprocess.run(command, cwd=folder, check=True, timeout=300)


def at_least(wanted: int, package: Path) -> str:
    """The path of a Node of this version or newer. If the machine's is older, continuous integration installs the one
    that `package` pins; elsewhere the test is skipped, since that is a large download."""
    if _problem() is None and _version() >= wanted:
        return "node"
    if not (os.environ.get("CI") or (package / "node_modules").exists()):
        pytest.skip(f"needs Node {wanted} or newer")
    install()  # which fails in continuous integration without Node and npm
    install_in(package)
    return str(package / "node_modules" / ".bin" / "node")


def _problem() -> str | None:
    if not (shutil.which("node") and shutil.which("npm")):
        return "Node and npm are missing, so the clients from npm were not tried (Debian: apt-get install nodejs npm)"
    if _version() < OLDEST:
        return f"Node {_version()} is too old, so the clients from npm were not tried: they need Node {OLDEST} or newer"
    return None


def _version() -> int:
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    return int(said.removeprefix("v").partition(".")[0])


def play(script: str, given: dict[str, Any], browse: Callable[[str], str]) -> dict[str, Any]:
    """Run a script of tests/stock_clients/ and return its result. See `conversation.hold`."""
    options = {"NODE_OPTIONS": "--experimental-global-webcrypto"} if _version() < 20 else {}
    return conversation.hold(["node", str(STOCK_CLIENTS / script)], given, browse, environment=options)
