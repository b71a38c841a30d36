"""Runs commands of manage.py in forks of one process that has imported it already.

Most of what a command takes is the import of everything; the suite runs some hundred commands. As a script, this is
that process: it reads one request per line and answers each with one line, both JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any


class ManageServer:
    """manage.py of the project in a folder, with this environment."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._turn = threading.Lock()
        self._process = subprocess.Popen(
            [".venv/bin/python", __file__], cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip

    def run(self, *arguments: str, stdin: str) -> subprocess.CompletedProcess[str]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._turn:
            self._process.stdin.write(json.dumps({"arguments": arguments, "stdin": stdin}) + "\n")
            self._process.stdin.flush()
            answer = json.loads(self._process.stdout.readline())
        return subprocess.CompletedProcess(["manage.py", *arguments], **answer)

    def stop(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


def _serve() -> None:
    sys.path[0] = str(Path.cwd())
    import manage  # the folder's own

    for line in sys.stdin:
        sys.stdout.write(json.dumps(_run_in_fork(manage.main, **json.loads(line))) + "\n")
        sys.stdout.flush()


def _run_in_fork(main: Any, *, arguments: list[str], stdin: str) -> dict[str, Any]:
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        given.write(stdin.encode())
        given.seek(0)
        child = os.fork()
        if not child:
            for number, file in enumerate((given, output, errors)):
                os.dup2(file.fileno(), number)
            sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115
            sys.argv = ["manage.py", *arguments]
            os._exit(_exit_code(main))
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        output.seek(0)
        errors.seek(0)
        return {"returncode": status, "stdout": output.read().decode(), "stderr": errors.read().decode()}


def _exit_code(main: Any) -> int:
    """As the interpreter ends: with what was printed written out."""
    code: Any = 0
    try:
        main()
    except SystemExit as ended:
        code = ended.code or 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return int(code)


if __name__ == "__main__":
    _serve()
