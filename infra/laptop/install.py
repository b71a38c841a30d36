"""`python -m infra.laptop.install FILE`: pip with a progress count instead of a hundred lines, for the first `make`.

Needs only Python, because nothing else is installed yet. pip's error output goes to the terminal unchanged.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[^]]*\])?==")
_OTHER_PLATFORM = re.compile(r"== '(win32|emscripten)'|== 'Windows'")  # platforms that Lanyard does not run on
_FOUND = re.compile(r"(Collecting|Processing|Requirement already satisfied:) ")
_PACKAGES_PER_LINE = 20  # without a terminal


def main() -> int:
    file = Path(sys.argv[1])
    wanted = len(list(_packages(file)))
    progress = _Progress(f"Installing {file.name}", wanted)
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"]
    with subprocess.Popen([*command, "-r", str(file)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            progress.read(line)
    progress.end("done" if process.returncode == 0 else "failed")
    return process.returncode


class _Progress:
    """One line that counts up, or a line now and then without a terminal."""

    def __init__(self, what: str, wanted: int) -> None:
        self._what = what
        self._wanted = wanted
        self._found = 0
        self._is_terminal = sys.stdout.isatty()

    def read(self, line: str) -> None:
        """Update the progress from a line of pip's output."""
        if _FOUND.match(line):
            self._found = min(self._found + 1, self._wanted)
            self._say(
                f"{self._found} of {self._wanted} packages", is_worth_a_line=self._found % _PACKAGES_PER_LINE == 1
            )
        elif line.startswith("Installing collected packages"):
            self._say("unpacking", is_worth_a_line=True)

    def end(self, how: str) -> None:
        self._say(how, is_worth_a_line=True)
        if self._is_terminal:
            print()

    def _say(self, text: str, *, is_worth_a_line: bool) -> None:
        if self._is_terminal:
            print(f"\r\033[K{self._what}: {text}", end="", flush=True)
        elif is_worth_a_line:
            print(f"{self._what}: {text}", flush=True)


def _packages(file: Path) -> Iterator[str]:
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("-r "):
            yield from _packages(file.parent / line.removeprefix("-r ").strip())
        elif _PACKAGE.match(line) and not _OTHER_PLATFORM.search(line):
            yield line


if __name__ == "__main__":
    sys.exit(main())
