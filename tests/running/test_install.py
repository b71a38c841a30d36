"""The first `make` shows pip's progress as a count, and pip's errors unchanged."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.local_run import ROOT

NAMES = [f"lanyard-example-{number}" for number in range(1, 46)]


@pytest.fixture
def offline(tmp_path: Path) -> dict[str, str]:
    """Let pip take packages only from one folder and install them into another."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    for name in NAMES:
        module, info = name.replace("-", "_"), f"{name.replace('-', '_')}-1.dist-info"
        with zipfile.ZipFile(shelf / f"{module}-1-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{module}.py", "")
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", f"{module}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    pip = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(shelf), "PIP_TARGET": str(tmp_path / "installed")}
    return {**os.environ, **pip, "PIP_ROOT_USER_ACTION": "ignore", "PIP_NO_CACHE_DIR": "1"}


def pins(folder: Path, *names: str) -> Path:
    """A requirements file that pins these packages, half of them through another file."""
    (folder / "more.txt").write_text("".join(f"{name}==1\n" for name in names[::2]), encoding="utf-8")
    file = folder / "pins.txt"
    own = "".join(f"{name}==1  # why\n" for name in names[1::2])
    file.write_text(f"# What is needed.\n-r more.txt\n{own}", encoding="utf-8")
    return file


def test_install_prints_a_count_and_little_else(tmp_path: Path, offline: dict[str, str]) -> None:
    command = [sys.executable, "-m", "infra.laptop.install", str(pins(tmp_path, *NAMES))]
    ended = subprocess.run(command, cwd=ROOT, env=offline, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == [
        "Installing pins.txt: 1 of 45 packages",
        "Installing pins.txt: 21 of 45 packages",
        "Installing pins.txt: 41 of 45 packages",
        "Installing pins.txt: unpacking",
        "Installing pins.txt: done",
    ]
    assert len(list((tmp_path / "installed").glob("*.py"))) == 45


def test_install_on_a_terminal_prints_one_line(tmp_path: Path, offline: dict[str, str]) -> None:
    command = [sys.executable, "-m", "infra.laptop.install", str(pins(tmp_path, *NAMES))]
    ours, its = pty.openpty()
    process = subprocess.Popen(command, cwd=ROOT, env=offline, stdout=its, stderr=subprocess.PIPE)
    os.close(its)
    said = b""
    try:
        while piece := os.read(ours, 4096):
            said += piece
    except OSError:  # the other end of the terminal was closed
        pass
    os.close(ours)
    assert process.communicate(timeout=60)[1] == b""
    assert process.returncode == 0
    assert said.count(b"\n") == 1
    assert b"45 of 45 packages" in said
    assert said.endswith(b"done\r\n")


def test_install_shows_pips_own_error(tmp_path: Path, offline: dict[str, str]) -> None:
    command = [sys.executable, "-m", "infra.laptop.install", str(pins(tmp_path, "lanyard-example-1", "there-is-none"))]
    ended = subprocess.run(command, cwd=ROOT, env=offline, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 1
    assert "No matching distribution found for there-is-none==1" in ended.stderr
    assert ended.stdout.splitlines()[-1] == "Installing pins.txt: failed"
