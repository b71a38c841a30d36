"""`make demo`: the example application, with the credentials of the demo data, next to Lanyard.

Also starts Lanyard if it is not running in this folder. DEMO_PORT changes the application's port.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable

from chalicelib import credentials, settings
from chalicelib.models import application, application_edit, client_secret, user
from infra.laptop import demo, ending
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
    if not is_running():
        RUN.unlink(missing_ok=True)  # left behind if `make run` was killed
        # In its own session, so that Ctrl-C at the terminal reaches only us, and we stop it last.
        started.append(subprocess.Popen([sys.executable, "-m", "infra.laptop.local"], cwd=ROOT, start_new_session=True))
        _wait_until(request, RUN.exists, started[-1], "Lanyard did not start")
    environment = json.loads(RUN.read_text(encoding="utf-8"))
    os.environ.update(environment)
    settings.load(os.environ)
    client_id, client_secret = _credentials(f"http://127.0.0.1:{port}/callback")
    environment = {
        **os.environ,
        "LANYARD_URL": environment["PUBLIC_URL"],
        "LANYARD_CLIENT_ID": client_id,
        "LANYARD_CLIENT_SECRET": client_secret,
        "PORT": str(port),
    }
    with (LOCAL / "demo_client.log").open("ab") as log:
        command = [sys.executable, "-m", "examples.connect_client.app"]
        started.append(
            subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)
        )
    otherwise = "The application did not start. See .local/demo_client.log"
    _wait_until(request, lambda: is_listening(port), started[-1], otherwise)
    print(f"\nReady: http://127.0.0.1:{port}/  Press “Connect with Lanyard” there. Press Ctrl-C to stop.\n", flush=True)
    while all(process.poll() is None for process in started):
        request.pause(0.2)
    raise CannotStart("Lanyard or the application stopped. See the logs in .local/")


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
