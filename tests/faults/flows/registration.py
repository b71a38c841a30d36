"""Applications register and manage themselves (RFC 7591, RFC 7592)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chalicelib.models import application
from tests.actors import CALLBACK, ClientApp
from tests.faults.flow import Flow, called, wrong
from tests.faults.flows.applications import is_known
from tests.faults.scene import Seen
from tests.flows.test_registration import manage, register


class Create(Flow):
    name = "registration: create"
    operator = {"registration": "open"}
    takes_tries_back = False

    def prepare(self) -> None:
        pass

    def act(self) -> Seen:
        return called(lambda: register(self.world.base_url))

    def is_done(self, answer: Seen) -> bool:
        return answer.status == 201

    def losses(self, *, is_done: bool) -> Iterator[str]:
        assert self.learned is not None
        made = self.learned.body
        app = ClientApp(self.world.base_url, made["client_id"], made["client_secret"], CALLBACK)
        yield from wrong(
            its_secret_does_not_work=not is_known(app, app.secret),
            it_cannot_read_itself=manage(dict(made)).status_code != 200,
        )


class Managed(Flow):
    operator = {"registration": "open"}
    method = "GET"
    sent: dict[str, Any] = {}

    def prepare(self) -> None:
        self.made = register(self.world.base_url).json()
        self.app = ClientApp(self.world.base_url, self.made["client_id"], self.made["client_secret"], CALLBACK)

    def act(self) -> Seen:
        return called(lambda: manage(self.made, self.method, **self.sent))


class Read(Managed):
    name = "registration: read"

    def is_done(self, answer: Seen) -> bool:
        return answer.status == 200 and answer.body["client_id"] == self.app.client_id


class Update(Managed):
    name = "registration: update"
    method = "PUT"

    def prepare(self) -> None:
        super().prepare()
        self.sent = {
            "json": {"client_id": self.app.client_id, "client_name": "Renamed", "redirect_uris": [CALLBACK]},
        }

    def losses(self, *, is_done: bool) -> Iterator[str]:
        found = application.get(self.app.client_id)
        secret = (self.learned.body.get("client_secret") if self.learned else None) or self.app.secret
        yield from wrong(
            it_has_another_name=found is None or found.name != "Renamed",
            its_secret_does_not_work=not is_known(self.app, secret),
        )


class Delete(Managed):
    name = "registration: delete"
    method = "DELETE"

    def is_done(self, answer: Seen) -> bool:
        return answer.status == 204

    def is_told(self, answer: Seen) -> bool:
        """RFC 7592 §2.3: its registration token no longer works, which says that it is gone."""
        return answer.status == 401

    def losses(self, *, is_done: bool) -> Iterator[str]:
        yield from wrong(
            it_is_there=application.get(self.app.client_id) is not None,
            its_secret_works=is_known(self.app, self.app.secret),
        )
