"""`make demo`: the example application, with the credentials of the demo data, next to Lanyard.

Also starts Lanyard if it is not running in this folder. DEMO_PORT changes the application's port. With
PLATFORM=box_office, a platform with its own log-in and permissions runs beside them: see demo_platform.py.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import IO

from chalicelib import credentials, settings
from chalicelib.models import application, application_edit, client_secret, user
from infra.laptop import demo, demo_platform, ending
from infra.laptop.local import LOCAL, ROOT, RUN, CannotStart, is_running
from infra.laptop.ministack import is_listening

CREDENTIALS = LOCAL / "demo_client.json"
DEFAULT_PORT = 8080
START_SECONDS = 60


def main() -> int:
    request = ending.Request()
    started: list[subprocess.Popen[bytes]] = []
    try:
        _run(request, _port(), started)
    except CannotStart as error:
        print(error, file=sys.stderr)
        return 2
    except ending.Stopped:
        with contextlib.suppress(OSError):  # the terminal may be closed
            print("Stopped.", flush=True)
    finally:
        for process in reversed(started):
            ending.end(process, seconds=3 * ending.STOP_SECONDS)  # one of them has to end its own processes first
    return 0


def _run(request: ending.Request, port: int, started: list[subprocess.Popen[bytes]]) -> None:
    if is_listening(port):
        raise CannotStart(f"Port {port} is in use. Choose another: make demo DEMO_PORT={port + 10}")
    has_platform = demo_platform.is_wanted()
    if not is_running():
        RUN.unlink(missing_ok=True)  # left behind if `make run` was killed
        more = demo_platform.SETTINGS if has_platform else {}
        # In its own session, so that Ctrl-C at the terminal reaches only us, and we stop it last.
        started.append(_started("infra.laptop.local", None, **more))
        _wait_until(request, RUN.exists, started[-1], "Lanyard did not start")
    environment = json.loads(RUN.read_text(encoding="utf-8"))
    if has_platform:
        demo_platform.check_running(environment)
    os.environ.update(environment)
    settings.load(os.environ)
    url = {"LANYARD_URL": environment["PUBLIC_URL"]}
    if has_platform:
        _start_site(
            request, started, demo_platform.COMMAND, demo_platform.port(), {**url, **demo_platform.environment()}
        )
    client_id, client_secret = _credentials(f"http://127.0.0.1:{port}/callback")
    own = {"LANYARD_CLIENT_ID": client_id, "LANYARD_CLIENT_SECRET": client_secret, "PORT": str(port)}
    scope = {"LANYARD_SCOPE": demo_platform.SCOPE} if has_platform else {}
    _start_site(request, started, "examples.connect_client.app", port, {**url, **own, **scope})
    print(f"\nReady: http://127.0.0.1:{port}/  Press “Connect with Lanyard” there. Press Ctrl-C to stop.\n", flush=True)
    if has_platform:
        print(f"Then choose “Sign in with Example Shop”, and log in as {demo_platform.PERSON}.\n", flush=True)
    while all(process.poll() is None for process in started):
        request.pause(0.2)
    raise CannotStart("Lanyard or the application stopped. See the logs in .local/")


def _start_site(
    request: ending.Request,
    started: list[subprocess.Popen[bytes]],
    module: str,
    port: int,
    environment: dict[str, str],
) -> None:
    """Start one of the samples, and wait until it listens. Raises CannotStart."""
    if is_listening(port):
        raise CannotStart(f"Port {port} is in use.")
    log = LOCAL / f"{module.split('.')[1]}.log"
    with log.open("ab") as output:
        started.append(_started(module, output, **environment))
    otherwise = f"{module} did not start. See .local/{log.name}"
    _wait_until(request, lambda: is_listening(port), started[-1], otherwise)


def _started(module: str, output: IO[bytes] | None, **environment: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", module],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=output,
        stderr=output,
        start_new_session=True,
    )


def _credentials(redirect_uri: str) -> tuple[str, str]:
    """The demo application's client id and secret. Creates a new secret if the current one is not known here."""
    owner = user.find_by_email(demo.JOHN["email"])
    assert owner is not None  # `make run` created him
    owned = {found.name: found.client_id for found in application.owned_by(owner.user_id)}
    if demo.APPLICATION_NAME not in owned:
        raise CannotStart(f"The application {demo.APPLICATION_NAME!r} was deleted. Run make reset to bring it back.")
    client_id = owned[demo.APPLICATION_NAME]
    found = application.get(client_id)
    assert found is not None  # the index lists only applications that exist
    if redirect_uri not in found.redirect_uris:
        application_edit.edit(client_id, name=found.name, redirect_uris=[*found.redirect_uris, redirect_uri])
    known = _read_known()
    if known.get("client_id") != client_id or found.secret_digest != credentials.digest(known["client_secret"]):
        known = {"client_id": client_id, "client_secret": client_secret.rotate(found)[1]}
        CREDENTIALS.touch(mode=0o600)
        CREDENTIALS.write_text(json.dumps(known), encoding="utf-8")
    return client_id, known["client_secret"]


def _read_known() -> dict[str, str]:
    with contextlib.suppress(OSError, ValueError):
        known: dict[str, str] = json.loads(CREDENTIALS.read_text(encoding="utf-8"))
        return known
    return {}


def _wait_until(
    request: ending.Request, is_so: Callable[[], bool], process: subprocess.Popen[bytes], otherwise: str
) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not is_so():
        if process.poll() is not None or time.monotonic() > deadline:
            raise CannotStart(otherwise)
        request.pause(0.05)


def _port() -> int:
    value = os.environ.get("DEMO_PORT") or str(DEFAULT_PORT)
    if not value.isascii() or not value.isdigit() or not 1024 <= int(value) <= 65535:
        raise CannotStart(f"DEMO_PORT must be a number from 1024 to 65535, not {value!r}")
    return int(value)


if __name__ == "__main__":
    sys.exit(main())
