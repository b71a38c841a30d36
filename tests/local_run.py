"""`make run` in a copy of the project, as in a fresh clone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from infra.laptop import ending
from infra.laptop.ministack import free_port, is_listening
from tests.manage_server import ManageServer

ROOT = Path(__file__).resolve().parent.parent
READY_SECONDS = 120
# "*.pyc.*" is byte code that another process is writing, and soon has another name.
_NOT_COPIED = shutil.ignore_patterns(
    ".venv", ".local", ".git", "node_modules", ".*_cache", "*.pyc.*", "dist", "deployments"
)


class LocalRun:
    """A folder with a copy of the project, in which `make run` can be started and stopped repeatedly."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.settings = settings
        self.port, self.dynamodb_port = free_port(), free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.output: list[str] = []
        self.process: subprocess.Popen[str]
        self._commands: ManageServer | None = None
        shutil.copytree(ROOT, folder, ignore=_NOT_COPIED, dirs_exist_ok=True)
        (folder / ".venv").symlink_to(sys.prefix)
        # Newer than the copied requirements, so make installs nothing. `.tests` depends on `.ready`.
        for stamp in (".ready", ".tests"):
            (folder / ".venv" / stamp).touch(exist_ok=True)

    def start(self) -> None:
        """Return once it says it is ready; raise AssertionError if it exits instead."""
        self.begin()
        assert self._ready.wait(READY_SECONDS), self.text
        assert f"Ready: {self.settings.get('PUBLIC_URL', self.base_url)}/" in self.text, self.text

    def begin(self) -> None:
        """Start it and return at once."""
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
            preexec_fn=_take_default_signals,
        )
        self._reader = threading.Thread(target=self._read, args=(self._ready,), daemon=True)
        self._reader.start()

    def ports(self) -> list[str]:
        return [f"PORT={self.port}", f"DYNAMODB_PORT={self.dynamodb_port}"]

    def interrupt(self, number: signal.Signals = signal.SIGINT) -> None:
        """Press Ctrl-C: a terminal signals every process in the foreground, and make also passes SIGTERM on."""
        os.killpg(self.process.pid, number)
        self._end()

    def terminate(self) -> None:
        self.process.terminate()
        self._end()

    def _end(self) -> None:
        self.process.wait(60)
        self._reader.join(10)
        if self._commands:
            self._commands.stop()
            self._commands = None

    def run(self, *command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self.folder, env=self.environment(), input=stdin, capture_output=True, text=True, check=False
        )

    def manage(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run an operator's command on this stage."""
        if not self.is_started:
            return self.run(".venv/bin/python", "manage.py", "--stage", "local", *arguments, stdin=stdin)
        if not self._commands:
            self._commands = ManageServer(self.folder, self.environment())
        return self._commands.run("--stage", "local", *arguments, stdin=stdin)

    def environment(self) -> dict[str, str]:
        """The environment, without what the test suite set for its own application."""
        ours = ("AWS_", "LANYARD_", "TABLE_PREFIX", "PUBLIC_URL", "MAIL_", "SIGN_UP", "PYTEST")
        ports_and_make = ("PORT", "DYNAMODB_PORT", "MAKE", "MFLAGS")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours + ports_and_make)}
        return {**inherited, **self.settings}

    def wait_for_line(self, start: str) -> str:
        """Wait for the first output line that starts this way; it passes two pipes and arrives after the response."""
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
    def is_started(self) -> bool:
        """Whether `make run` was started here and has not ended."""
        return hasattr(self, "process") and self.process.poll() is None

    @property
    def is_running(self) -> bool:
        """Whether anything that it started still listens."""
        return is_listening(self.port) or is_listening(self.dynamodb_port)

    @property
    def has_processes(self) -> bool:
        """Whether anything that it started still runs. Everything it starts has its folder as the working directory."""
        return any(_works_in(process) == self.folder.resolve() for process in Path("/proc").glob("[0-9]*"))

    def _read(self, ready: threading.Event) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self.output.append(line)
                if line.startswith("Ready:"):
                    ready.set()
        ready.set()


def _take_default_signals() -> None:
    """A suite that runs in the background or under nohup was started with some signals ignored, and passes that on."""
    for number in ending.SIGNALS:
        signal.signal(number, signal.SIG_DFL)


def _works_in(process: Path) -> Path | None:
    try:
        return (process / "cwd").readlink()
    except OSError:  # another user's process, or one that just ended
        return None
