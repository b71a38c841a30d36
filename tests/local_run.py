"""`make run` in a copy of the project, as somebody who has just cloned it starts it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from infra.laptop.ministack import free_port, is_listening

ROOT = Path(__file__).resolve().parent.parent
READY_SECONDS = 120
_NOT_COPIED = shutil.ignore_patterns(".venv", ".local", ".git", "__pycache__", "node_modules", ".*_cache")


class LocalRun:
    """A folder with a copy of the project, in which `make run` can be started and stopped again and again."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.settings = settings
        self.port, self.dynamodb_port = free_port(), free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.output: list[str] = []
        shutil.copytree(ROOT, folder, ignore=_NOT_COPIED, dirs_exist_ok=True)
        (folder / ".venv").symlink_to(sys.prefix)
        (folder / ".venv" / ".ready").touch()

    def start(self) -> None:
        """Returns when it says that it is ready; raises AssertionError where it ends instead."""
        self.begin()
        assert self._ready.wait(READY_SECONDS), self.text
        assert f"Ready: {self.settings.get('PUBLIC_URL', self.base_url)}/" in self.text, self.text

    def begin(self) -> None:
        """Returns at once."""
        self._ready = threading.Event()
        self.output = []
        self.process = subprocess.Popen(
            ["make", "run", *self.ports()],
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, args=(self._ready,), daemon=True)
        self._reader.start()

    def ports(self) -> list[str]:
        return [f"PORT={self.port}", f"DYNAMODB_PORT={self.dynamodb_port}"]

    def interrupt(self, number: signal.Signals = signal.SIGINT) -> None:
        """Ctrl-C: a terminal sends it to every process of the foreground. make passes SIGTERM on besides."""
        os.killpg(self.process.pid, number)
        self.process.wait(60)
        self._reader.join(10)

    def terminate(self) -> None:
        self.process.terminate()
        self.process.wait(60)
        self._reader.join(10)

    def run(self, *command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self.folder, env=self.environment(), input=stdin, capture_output=True, text=True, check=False
        )

    def manage(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return self.run(".venv/bin/python", "manage.py", "--stage", "local", *arguments, stdin=stdin)

    def environment(self) -> dict[str, str]:
        """Without what the test suite has set for its own application."""
        ours = ("AWS_", "LANYARD_", "TABLE_PREFIX", "PUBLIC_URL", "MAIL_", "SIGN_UP", "PYTEST")
        ports_and_make = ("PORT", "DYNAMODB_PORT", "MAKE", "MFLAGS")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours + ports_and_make)}
        return {**inherited, **self.settings}

    def wait_for_line(self, start: str) -> str:
        """The first line on the terminal that starts so: it comes through two pipes, a moment after the answer."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            for line in list(self.output):
                if line.startswith(start):
                    return line
            time.sleep(0.05)
        raise AssertionError(f"no line {start!r} in {self.text}")

    @property
    def text(self) -> str:
        return "".join(self.output)

    @property
    def is_running(self) -> bool:
        """Does anything that it started still listen?"""
        return is_listening(self.port) or is_listening(self.dynamodb_port)

    @property
    def has_processes(self) -> bool:
        """Does anything that it started still run? What it starts has its folder as its working directory."""
        return any(_works_in(process) == self.folder.resolve() for process in Path("/proc").glob("[0-9]*"))

    def _read(self, ready: threading.Event) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output.append(line)
            if line.startswith("Ready:"):
                ready.set()
        ready.set()


def _works_in(process: Path) -> Path | None:
    try:
        return (process / "cwd").readlink()
    except OSError:  # another user's, or one that has just ended
        return None
