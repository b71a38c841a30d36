"""`make run`: the whole of Lanyard on a laptop. MiniStack keeps the tables, `chalice local` serves the application.

PORT and DYNAMODB_PORT change the ports. Everything is kept in .local/; .local/run.json tells manage.py what runs where.
"""

from __future__ import annotations

import fcntl
import importlib
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from chalicelib.environment import SettingsError
from infra.ministack import MiniStack, client_environment, is_listening

ROOT = Path(__file__).resolve().parent.parent
LOCAL = ROOT / ".local"
RUN = LOCAL / "run.json"
START_SECONDS = 30
# What `chalice local` writes for each request. Our own JSON line says it better, and without the query string.
_ACCESS_LINE = re.compile(r'^[\d.]+ - - \[[^]]*\] "')


class CannotStart(Exception):
    """Why `make run` ends before it is ready: one line, for a person."""


class Stopped(Exception):
    """Ctrl-C or SIGTERM."""


def main() -> int:
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, _stop)
    try:
        with _only_one():
            _run(_port("PORT", 8000), _port("DYNAMODB_PORT", 8001))
    except CannotStart as error:
        print(error, file=sys.stderr)
        return 2
    except Stopped:
        print("Stopped.")
    return 0


def _run(port: int, dynamodb_port: int) -> None:
    for name, wanted in (("PORT", port), ("DYNAMODB_PORT", dynamodb_port)):
        if is_listening(wanted):
            raise CannotStart(f"Port {wanted} is in use. Choose another: make run {name}={wanted + 10}")
    public_url = f"http://127.0.0.1:{port}"
    environment = {
        **client_environment(f"http://127.0.0.1:{dynamodb_port}"),
        "LANYARD_STAGE": "local",  # whatever the shell has set
        "TABLE_PREFIX": "",
        "PUBLIC_URL": public_url,
        "SERVER_KEY": _server_key(),
        "SERVER_KEYS": "",
        # Whoever sets these for a try means them for manage.py, too.
        **{name: os.environ[name] for name in ("REGISTRATION", "RESOURCES") if name in os.environ},
    }
    _read_settings(environment)
    print(f"Starting DynamoDB (MiniStack) on 127.0.0.1:{dynamodb_port}, kept in .local/", flush=True)
    ministack = MiniStack(dynamodb_port, log=LOCAL / "ministack.log", state=LOCAL / "ministack")
    server: subprocess.Popen[str] | None = None
    try:
        server = _start_chalice(port, environment)
        ministack.wait_until_ready()
        _prepare()
        _wait_for(server, port)
        RUN.write_text(json.dumps(environment), encoding="utf-8")
        _say_ready(public_url)
        _watch(server, ministack)
    except RuntimeError as error:
        raise CannotStart(str(error)) from error
    finally:
        # A second Ctrl-C must not cut short what the first one asked for: MiniStack saves while it ends.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        RUN.unlink(missing_ok=True)
        if server is not None:
            server.terminate()
            server.wait()
        ministack.stop()


def _start_chalice(port: int, environment: dict[str, str]) -> subprocess.Popen[str]:
    server = subprocess.Popen(
        [
            Path(sys.executable).with_name("chalice"),
            "local",
            "--stage",
            "local",
            "--port",
            str(port),
            "--no-autoreload",
        ],
        cwd=ROOT,
        env={**os.environ, **environment, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert server.stdout is not None
    threading.Thread(target=_show, args=(server.stdout,), daemon=True).start()
    return server


def _show(output: IO[str]) -> None:
    """Pass the server's lines on to the terminal and to .local/server.log."""
    with (LOCAL / "server.log").open("a", encoding="utf-8") as log:
        for line in output:
            if not _ACCESS_LINE.match(line) and not line.startswith("Serving on "):
                print(line, end="", flush=True)
                print(line, end="", flush=True, file=log)


def _read_settings(environment: dict[str, str]) -> None:
    """Raises CannotStart for a setting that cannot be used, before anything is started."""
    os.environ.update(environment)
    try:
        importlib.import_module("chalicelib.settings")  # which reads the environment
    except SettingsError as error:
        raise CannotStart(str(error)) from error


def _prepare() -> None:
    """The tables and the demo data, where they are missing."""
    from infra import demo, tables  # these read the environment when they are imported

    created = list(tables.create_all())
    if created:
        print(f"Created {len(created)} tables", flush=True)
    demo.create()


def _wait_for(server: subprocess.Popen[str], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not is_listening(port):
        if server.poll() is not None or time.monotonic() > deadline:
            raise CannotStart("chalice local did not start; see .local/server.log")
        time.sleep(0.05)


def _say_ready(public_url: str) -> None:
    from infra import demo

    print(
        f"\nReady: {public_url}/\n"
        f"  Sign in as {demo.JOHN['email']} with the password {demo.PASSWORD}, whose pages are in German,"
        f" or as {demo.EVE['email']}, in English\n"
        f"  Operator's commands: .venv/bin/python manage.py --stage local --help\n"
        f"  Ctrl-C stops it; make reset forgets everything\n",
        flush=True,
    )


def _watch(server: subprocess.Popen[str], ministack: MiniStack) -> None:
    while True:
        if server.poll() is not None:
            raise CannotStart("chalice local has ended; see .local/server.log")
        if ministack.process.poll() is not None:
            raise CannotStart("MiniStack has ended; see .local/ministack.log")
        time.sleep(0.2)


def _server_key() -> str:
    """Made once and kept, as an operator keeps one in SSM."""
    kept = LOCAL / "server-key"
    if not kept.exists():
        kept.touch(mode=0o600)
        kept.write_text(secrets.token_urlsafe(32), encoding="utf-8")
    return kept.read_text(encoding="utf-8")


def _port(name: str, default: int) -> int:
    value = os.environ.get(name) or str(default)
    if not value.isascii() or not value.isdigit() or not 1024 <= int(value) <= 65535:
        raise CannotStart(f"{name} must be a number from 1024 to 65535, not {value!r}")
    return int(value)


@contextmanager
def _only_one() -> Iterator[None]:
    """Two of these on one folder would write over each other's state."""
    LOCAL.mkdir(exist_ok=True)
    with (LOCAL / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CannotStart("Lanyard is already running in this folder (make run). Stop that one first.") from error
        yield


def _stop(*_: object) -> None:
    raise Stopped


if __name__ == "__main__":
    sys.exit(main())
