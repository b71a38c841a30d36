"""The application in its local server, on its own MiniStack, with a counting proxy between the two."""

from __future__ import annotations

import logging
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from benchmarks.capacity import item_bytes
from chalicelib import clock, composition
from chalicelib.models import organizer, store, user
from chalicelib.models.application import Application
from infra.deployment import tables
from infra.laptop import serving
from infra.laptop.ministack import MiniStack, client_environment, free_port
from tests.actors import PASSWORD, Browser, ClientApp, Person
from tests.store_proxy import StoreProxy

ORGANIZERS = {"bigevents": "Big Events LLC", "smallshows": "Small Shows"}


@dataclass
class World:
    base_url: str
    proxy: StoreProxy
    person: Person
    client: Any  # a DynamoDB client that the proxy does not count

    def browser(self) -> Browser:
        """A browser, not signed in."""
        return Browser(self.base_url, self.person)

    def sizes(self) -> dict[str, int]:
        """The bytes of the largest item, by table."""
        found = {}
        for table in self.client.list_tables()["TableNames"]:
            items = self.client.scan(TableName=table)["Items"]
            found[table] = max((item_bytes(item) for item in items), default=0)
        return found


@contextmanager
def made() -> Iterator[World]:
    folder = Path(tempfile.mkdtemp(prefix="lanyard-benchmarks-"))
    ministack = MiniStack(free_port(), log=folder / "ministack.log")
    proxy = StoreProxy(ministack.port)
    port = free_port()
    base_url = f"http://127.0.0.1:{port}"
    os.environ.update(client_environment(f"http://127.0.0.1:{proxy.port}"), LANYARD_STAGE="local", PUBLIC_URL=base_url)
    try:
        ministack.wait_until_ready()
        app = composition.create_application(os.environ)
        list(tables.create_all())
        logging.disable(logging.INFO)  # its lines would mix with ours
        server = serving.create(app, port)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield World(base_url, proxy, _person(), boto3.client("dynamodb", endpoint_url=ministack.url))
        server.shutdown()
    finally:
        proxy.stop()
        ministack.stop()


def application(world: World) -> ClientApp:
    """An application that the person registered."""
    developer = world.browser()
    developer.sign_in()
    made = developer.register_application("A shop")
    store.change(Application.key(made.client_id), [Application.secret_used_at.set(clock.now())])  # in use today
    return made


def _person() -> Person:
    made = user.create(
        email="john@example.org", password=PASSWORD, fullname="John Doe", locale="en", timezone="Europe/Berlin"
    )
    for slug, name in ORGANIZERS.items():
        organizer.create(slug, name)
        user.add_member(made.user_id, slug)
    return Person(made.user_id, "john@example.org", ORGANIZERS)
