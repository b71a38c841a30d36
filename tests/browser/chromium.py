"""A real Chromium that the system provides; nothing is downloaded."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = "No Chromium is installed, so nothing was tested in a browser (Debian: apt-get install chromium)."
_ARGUMENTS = (
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
)


def executable() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def is_required(environment: Mapping[str, str]) -> bool:
    """Whether a missing browser is a failure, as in continuous integration, rather than a reason to skip."""
    return environment.get("CI", "").lower() == "true" or environment.get("LANYARD_REQUIRE_BROWSER") == "1"


def arguments() -> list[str]:
    # Chromium refuses to sandbox root, the usual user in a container.
    return [*_ARGUMENTS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
