"""A program that a developer copied from an application's page "Programs to copy", at a terminal."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from bs4 import Tag

from tests import go
from tests.actors import Browser, Page

TOOLS = {
    "curl": ("program.sh", ["bash"], ("bash", "curl", "openssl")),
    "python": ("program.py", ["python3"], ("python3",)),
    "javascript": ("program.mjs", ["node"], ("node",)),
    "php": ("program.php", ["php"], ("php",)),
    "go": ("program.go", ["go", "run"], ("go",)),
}
_SECONDS = 300


def code_on(page: Page, part: str) -> str:
    found = page.html.find(id=part)
    assert isinstance(found, Tag), f"no part {part}: {page.text}"
    return found.get_text()


def shown(browser: Browser, client_id: str, language: str, grant: str) -> str:
    """The whole program on the page, which is also its parts one after the other."""
    page = browser.open(f"/settings/applications/{client_id}/connect", **{"in": language, "grant": grant})
    assert page.status == 200, page.text
    whole = code_on(page, "whole")
    assert "\n\n".join(found.get_text() for found in page.html.select("section pre code")) == whole
    return whole


class Copied:
    """A program that runs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def line(self) -> str:
        """The next line that it prints; what it complains about if it ends without one."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip() or self._process.communicate()[1]

    def finish(self, typed: str = "") -> tuple[int, str, str]:
        """Its exit code, what else it prints and what it complains about, after `typed` and a press of Enter."""
        output, errors = self._process.communicate(f"{typed}\n", timeout=_SECONDS)
        return self._process.returncode, output, errors


@contextmanager
def running(
    language: str, code: str, folder: Path, *, secret: str = "", environment: Mapping[str, str] | None = None
) -> Iterator[Copied]:
    name, command, tools = TOOLS[language]
    if missing := [tool for tool in tools if not shutil.which(tool)]:
        pytest.skip(f"{', '.join(missing)} is not installed")
    (folder / name).write_text(code, encoding="utf-8")
    own = {name: value for name, value in os.environ.items() if name != "CLIENT_SECRET"}
    own |= {"NO_PROXY": "*", "no_proxy": "*", **({"CLIENT_SECRET": secret} if secret else {})}
    own |= {**go.ENVIRONMENT, "GOFLAGS": "-mod=mod", "GOPROXY": "off"}
    if language == "go":
        go.compile_library()
    with subprocess.Popen(
        [*command, name],
        cwd=folder,
        env={**own, **(environment or {})},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        start_new_session=True,
    ) as process:
        try:
            yield Copied(process)
        finally:  # or a failed test would wait for its program, or leave behind what `go run` started
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
