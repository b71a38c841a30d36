"""The application behind its local server, on a store of its own: what tests and sweeps play on.

The store is MiniStack; with LANYARD_TEST_STORE=dynamodb-local it is AWS's own engine, DynamoDB Local. Importing this
makes the application and says where its store will be; `start` starts the store.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from chalicelib import composition
from infra.deployment import tables
from infra.laptop import serving
from infra.laptop.dynamodb_local import DynamoDBLocal
from infra.laptop.ministack import LocalStore, MiniStack, client_environment, free_port
from tests.rehearsed import REHEARSED
from tests.store_proxy import StoreProxy

_LOGS = Path(tempfile.mkdtemp(prefix="lanyard-tests-"))
_ENGINES: dict[str, type[MiniStack | DynamoDBLocal]] = {"ministack": MiniStack, "dynamodb-local": DynamoDBLocal}
_ENGINE = _ENGINES[os.environ.get("LANYARD_TEST_STORE", "ministack")]
_STORE_PORT = REHEARSED.port if REHEARSED else free_port()
STORE_URL = f"http://127.0.0.1:{_STORE_PORT}"
PROXY = StoreProxy(_STORE_PORT)
MAIL = _LOGS / "mail"
_PORT = free_port()
os.environ.update(client_environment(f"http://127.0.0.1:{PROXY.port}"))
os.environ.update(
    LANYARD_STAGE="local", TABLE_PREFIX="test-", PUBLIC_URL=f"http://127.0.0.1:{_PORT}", MAIL_FOLDER=str(MAIL)
)
os.environ.update(SERVER_KEY="a-key-that-the-tests-know-and-nobody-else-uses")
if REHEARSED:
    REHEARSED.lead_there()
    os.environ.update(REHEARSED.environment(f"http://127.0.0.1:{PROXY.port}"))
APPLICATION = composition.create_application(os.environ)
_started: list[LocalStore] = []


def start() -> None:
    """The store, with empty tables. A deployment has both."""
    if not REHEARSED:
        _started.append(_ENGINE(_STORE_PORT, log=_LOGS / "store.log"))
        _started[0].wait_until_ready()
    assert bool(list(tables.create_all())) is not bool(REHEARSED)


@contextmanager
def served() -> Iterator[str]:
    """The application's address, while it is served."""
    server: Any = serving.create(APPLICATION, _PORT).server
    answer = server.process_request_thread

    def answer_or_die(request: Any, client_address: Any) -> None:
        """A process that dies is a thread that ends: the connection is closed, and nobody hears why."""
        with suppress(SystemExit):
            answer(request, client_address)

    server.process_request_thread = answer_or_die
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{_PORT}"
    server.shutdown()
    server.server_close()


def stop() -> None:
    PROXY.stop()
    while _started:
        _started.pop().stop()
