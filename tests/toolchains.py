"""The tools of other languages that stock clients need, and the packages that those tools download."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

SECONDS = 600
# What Go, Maven, Cargo and npm say without a network.
OFFLINE = re.compile(
    r"no such host|dial tcp|could ?n.t resolve host|unknown host|temporary failure in name resolution|name or service"
    r"|network is unreachable|no route to host|connection (timed out|refused|reset)|operation timed out"
    r"|ENOTFOUND|EAI_AGAIN|ENETUNREACH|ECONNREFUSED|ETIMEDOUT",
    re.IGNORECASE,
)


def need(command: Sequence[str], package: str, *, at_least: tuple[int, ...] = ()) -> None:
    """Skip the test without this tool, or fail in continuous integration, which installs them all.

    command: succeeds where the tool is there, and prints its version first if at_least is given.
    package: the tool's name for people, with the way to install it.
    """
    found = None
    if shutil.which(command[0]):
        found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found is None or found.returncode != 0:
        _give_up(f"{package} is missing, so its client was not tried")
    if at_least and version(found.stdout) < at_least:
        oldest = ".".join(map(str, at_least))
        _give_up(f"{package} is too old, so its client was not tried: it needs {oldest}, and this is {found.stdout}")


def version(said: str) -> tuple[int, ...]:
    """The first version number in the text."""
    number = re.search(r"\d+(?:\.\d+)*", said)
    assert number is not None, f"no version in: {said}"
    return tuple(int(part) for part in number[0].split("."))


def download(command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> None:
    """Run a command that downloads pinned packages. Skip the test if the machine is offline; fail anywhere else."""
    try:
        ended = _run(command, folder, environment)
    except subprocess.TimeoutExpired:
        _give_up(f"{command[0]} could not download packages in {SECONDS} seconds")
    said = f"{ended.stdout}\n{ended.stderr}"
    if ended.returncode != 0 and OFFLINE.search(said):
        _give_up(f"{command[0]} could not download packages, because the machine is offline")
    assert ended.returncode == 0, said


def build(command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> None:
    """Run a command that compiles what was downloaded."""
    ended = _run(command, folder, environment)
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"


def _run(
    command: Sequence[str], folder: Path, environment: Mapping[str, str] | None
) -> subprocess.CompletedProcess[str]:
    told = {**os.environ, **(environment or {})}
    return subprocess.run(command, cwd=folder, env=told, capture_output=True, text=True, timeout=SECONDS, check=False)


@contextmanager
def alone(file: Path) -> Iterator[None]:
    """Let in one process of the run at a time: the others may be installing the same packages.

    file: one that the tools do not lock themselves, as Go does with go.mod.
    """
    with file.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _give_up(problem: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(problem)
    pytest.skip(problem)


@contextmanager
def serving(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Iterator[None]:
    """Run a program that says "ready" once it serves, until the block ends. environment: None for ours."""
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            assert process.stdout is not None
            said: list[str] = []
            for line in process.stdout:
                if line == "ready\n":
                    break
                said.append(line)
            else:
                raise AssertionError("".join(said))
            threading.Thread(target=process.stdout.read, daemon=True).start()  # so that it never waits for a reader
            yield
        finally:
            process.kill()
