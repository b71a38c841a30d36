"""Go, whose standard library is compiled once in a run for all clients and programs in Go."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tests import toolchains
from tests.local_run import ROOT

# `make reset` deletes it. Go is to take what is installed, rather than to download a newer Go. Without C, it needs no
# compiler but its own.
ENVIRONMENT = {"GOCACHE": str(ROOT / ".local" / "go-cache"), "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
# All that programs over HTTP import, with what these packages import.
_PACKAGES = ("bufio", "crypto/rand", "crypto/sha256", "encoding/base64", "encoding/json", "net/http")


@cache
def compile_library() -> None:
    """Let one process of the run compile the standard library, which takes half a minute of processor time.

    Go does not wait for another Go that compiles the same package: several would all compile it.
    """
    with toolchains.alone(Path(__file__)):
        toolchains.build(["go", "build", *_PACKAGES], ROOT, ENVIRONMENT)
