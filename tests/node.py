"""Node scripts that play an application while a test plays its user's browser."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests import conversation, toolchains

STOCK_CLIENTS = Path(__file__).resolve().parent / "stock_clients"
EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
OLDEST = (18,)  # the first version with fetch; Debian 12's
NEWER = {"better_auth.js": (20, 19)}  # what the engines of the library's own dependencies ask for


def install() -> None:
    """Install what both package-lock.json files list. Skip without Node, or fail in continuous integration."""
    package = "Node (Debian: apt-get install nodejs npm)"
    toolchains.need(["node", "--version"], package, at_least=OLDEST)
    toolchains.need(["npm", "--version"], package)
    for folder in (STOCK_CLIENTS, EXAMPLES):
        install_in(folder)


def install_in(folder: Path) -> None:
    """Install what the folder's package-lock.json lists, if that is not there yet."""
    lock, installed = folder / "package-lock.json", folder / "node_modules" / ".package-lock.json"
    with toolchains.alone(lock):
        if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
            toolchains.download(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], folder)


def at_least(wanted: int, package: Path) -> str:
    """The path of a Node of this version or newer. If the machine's is older, continuous integration installs the one
    that `package` pins; elsewhere the test is skipped, since that is a large download."""
    install()
    if _version() >= (wanted,):
        return "node"
    if not (os.environ.get("CI") or (package / "node_modules").exists()):
        pytest.skip(f"needs Node {wanted} or newer")
    install_in(package)
    return str(package / "node_modules" / ".bin" / "node")


def _version() -> tuple[int, ...]:
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    return toolchains.version(said)


@contextmanager
def serving(script: Path, *arguments: str) -> Iterator[None]:
    """Run a script that says "ready" once it serves, until the block ends."""
    install()
    with toolchains.serving(["node", str(script), *arguments]):
        yield


def play(script: str, given: dict[str, Any], browse: Callable[[str], str]) -> dict[str, Any]:
    """Run a script of tests/stock_clients/ and return its result. See `conversation.hold`.

    Skips the test, even in continuous integration, if the script's library needs a newer Node than Debian's.
    """
    version = _version()
    if version < (oldest := NEWER.get(script, OLDEST)):
        needed, found = (".".join(map(str, number)) for number in (oldest, version))
        pytest.skip(f"{script} was not tried: its library needs Node {needed}, and this is {found}")
    options = {"NODE_OPTIONS": "--experimental-global-webcrypto"} if version < (20,) else {}
    return conversation.hold(["node", str(STOCK_CLIENTS / script)], given, browse, environment=options)
