"""`make run`: all of Lanyard on a laptop, with tables in MiniStack and the application in Chalice's local server.

PORT and DYNAMODB_PORT change the ports. PUBLIC_URL sets the URL that people and applications use behind a proxy.
REACHABLE_HOSTS names programs on this machine that Lanyard may call though they are not public: see `reachable`. All
data is in .local/; .local/run.json tells manage.py what runs where.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO

import boto3

from chalicelib import clock, settings, signing_keys
from chalicelib.keys import new_key
from chalicelib.settings import SettingsError
from infra.deployment import tables
from infra.laptop import demo, ending, logouts, reachable
from infra.laptop.ministack import MiniStack, client_environment, is_listening

ROOT = Path(__file__).resolve().parent.parent.parent
LOCAL = ROOT / ".local"
RUN = LOCAL / "run.json"
LOCK = LOCAL / "lock"
LOGOUT_QUEUE = "lanyard-logouts"
START_SECONDS = 30
# Settings from the shell that the application and manage.py share.
FOR_OPERATORS = (
    "REGISTRATION",
    "REGISTRATION_TOKEN_DIGESTS",
    "RESOURCES",
    "PERMISSIONS",
    "IDENTITY_PROVIDERS",
    "SITE_NAME",
    "NOT_BEFORE",
)


class CannotStart(Exception):
    """`make run` cannot start. The message is one line for a person."""


def main() -> int:
    request = ending.Request()
    try:
        with _only_one():
            RUN.unlink(missing_ok=True)  # left behind if a run was killed
            _run(request, _port("PORT", 8000), _port("DYNAMODB_PORT", 8001))
    except CannotStart as error:
        print(error, file=sys.stderr)
        return 2
    except ending.Stopped:
        with contextlib.suppress(OSError):  # the terminal may be closed
            print("Stopped.", flush=True)
    return 0


def _run(request: ending.Request, port: int, dynamodb_port: int) -> None:
    for name, wanted in (("PORT", port), ("DYNAMODB_PORT", dynamodb_port)):
        if is_listening(wanted):
            raise CannotStart(f"Port {wanted} is in use. Choose another: make run {name}={wanted + 10}")
    here = f"http://127.0.0.1:{port}"
    environment = {
        **client_environment(f"http://127.0.0.1:{dynamodb_port}"),
        "LANYARD_STAGE": "local",  # whatever the shell sets
        "TABLE_PREFIX": "",
        "PUBLIC_URL": os.environ.get("PUBLIC_URL") or here,
        "SERVER_KEY": _server_key(),
        "SERVER_KEYS": "",
        "SIGNING_KEYS": _signing_keys(),
        "SIGNING_KEYS_PARAMETER": "",
        "SIGNING_KMS_KEYS": "",
        "LOGOUT_QUEUE": LOGOUT_QUEUE,
        "AWS_ENDPOINT_URL_SQS": f"http://127.0.0.1:{dynamodb_port}",
        **{name: os.environ[name] for name in FOR_OPERATORS if name in os.environ},
    }
    _read_settings(environment)
    print(f"Starting DynamoDB (MiniStack) on 127.0.0.1:{dynamodb_port}, with its data in .local/", flush=True)
    ministack = MiniStack(dynamodb_port, log=LOCAL / "ministack.log", state=LOCAL / "ministack")
    server: subprocess.Popen[str] | None = None
    try:
        server = _start_server(port, environment)
        ministack.wait_until_ready()
        request.pause(0)
        _prepare()
        _wait_for(request, server, port)
        _publish(environment)
        _say_ready(environment["PUBLIC_URL"], here)
        _watch(request, server, ministack)
    except RuntimeError as error:
        raise CannotStart(str(error)) from error
    finally:
        RUN.unlink(missing_ok=True)
        ending.end(server)
        ministack.stop()


def _start_server(port: int, environment: dict[str, str]) -> subprocess.Popen[str]:
    server = subprocess.Popen(
        [sys.executable, "-m", "infra.laptop.serving", str(port)],
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
    """Copy the server's output to the terminal and to .local/server.log."""
    with (LOCAL / "server.log").open("a", encoding="utf-8") as log:
        for line in output:
            if line.startswith("Serving on "):
                continue
            print(line, end="", flush=True, file=log)
            with contextlib.suppress(OSError):
                print(line, end="", flush=True)


def _read_settings(environment: dict[str, str]) -> None:
    """Read the settings before anything is started. Raises CannotStart for an invalid one."""
    os.environ.update(environment)
    try:
        settings.load(os.environ)
        reachable.hosts(os.environ)
    except SettingsError as error:
        raise CannotStart(str(error)) from error


def _prepare() -> None:
    """Create the tables, the queue and the demo data that are missing."""
    logouts.create(boto3.client("sqs"), LOGOUT_QUEUE)
    created = list(tables.create_all())
    if created:
        print(f"Created {len(created)} tables", flush=True)
    demo.create()


def _wait_for(request: ending.Request, server: subprocess.Popen[str], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not is_listening(port):
        if server.poll() is not None or time.monotonic() > deadline:
            raise CannotStart("The application did not start. See .local/server.log")
        request.pause(0.05)


def _publish(environment: dict[str, str]) -> None:
    """Write RUN atomically, because others read it as soon as it exists. It contains our keys."""
    _write_secret(RUN, json.dumps(environment))


def _say_ready(public_url: str, here: str) -> None:
    print(
        f"\nReady: {public_url}/{'' if public_url == here else f' (proxy it to {here}/)'}\n"
        f"  Sign in as {demo.JOHN['email']} (pages in German) or {demo.EVE['email']} (in English),"
        f" password {demo.PASSWORD}\n"
        f"  Operator's commands: .venv/bin/python manage.py --stage local --help\n"
        f"  Press Ctrl-C to stop; make reset deletes all local data\n",
        flush=True,
    )


def _watch(request: ending.Request, server: subprocess.Popen[str], ministack: MiniStack) -> None:
    while True:
        if server.poll() is not None:
            raise CannotStart("The application stopped. See .local/server.log")
        if ministack.process.poll() is not None:
            raise CannotStart("MiniStack stopped. See .local/ministack.log")
        request.pause(0.2)


def _server_key() -> str:
    """The server key, created once and kept in a file, as an operator keeps one in SSM."""
    kept = LOCAL / "server-key"
    if not kept.exists():
        kept.touch(mode=0o600)
        kept.write_text(secrets.token_urlsafe(32), encoding="utf-8")
    return kept.read_text(encoding="utf-8")


def _signing_keys() -> str:
    """The key that signs, created once and kept in a file. A file that cannot be used stops the start."""
    kept = LOCAL / "signing-keys.json"
    if not kept.exists():
        now = clock.now()
        key = replace(new_key.make(signing_keys.ALGORITHMS[0], now), status=signing_keys.ACTIVE, active_at=now)
        _write_secret(kept, signing_keys.to_text_with_private((key,)))
    return kept.read_text(encoding="utf-8")


def _write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner can read, all of it or nothing."""
    made = path.with_suffix(".new")
    made.unlink(missing_ok=True)
    made.touch(mode=0o600)
    made.write_text(text, encoding="utf-8")
    made.replace(path)


def _port(name: str, default: int) -> int:
    value = os.environ.get(name) or str(default)
    if not value.isascii() or not value.isdigit() or not 1024 <= int(value) <= 65535:
        raise CannotStart(f"{name} must be a number from 1024 to 65535, not {value!r}")
    return int(value)


def is_running() -> bool:
    """Is `make run` ready in this folder? RUN alone does not show it, because a killed run leaves it behind."""
    if not RUN.exists():
        return False
    with LOCK.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@contextmanager
def _only_one() -> Iterator[None]:
    """Lock the folder: two runs would overwrite each other's state."""
    LOCAL.mkdir(exist_ok=True)
    with LOCK.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CannotStart("Lanyard is already running in this folder (make run). Stop it first.") from error
        yield


if __name__ == "__main__":
    sys.exit(main())
