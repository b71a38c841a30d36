"""The suite's flows and browser tests against a deployment, for which `make rehearse` sets LANYARD_REHEARSAL.

The store is the deployment's, and users are created in it the way an operator does; everything else goes over HTTP to
API Gateway. Tests that reach into the application (its clock, its log, its store's faults) cannot run there and are
left out.
"""

from __future__ import annotations

import json
import os
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from infra.deployment import templates
from infra.laptop.ministack import client_environment
from infra.rehearsal.connect_check import ConnectTo
from tests.actors import Page
from tests.mailbox import SesMailbox

_NEEDS_THE_PROCESS = {
    "application",
    "capfd",
    "caplog",
    "capsys",
    "clock",
    "local_run",
    "monkeypatch",
    "request_calls",
    "store",
}


class Rehearsed:
    """The deployment. store: MiniStack's address. public_url: the API's address, which works after `lead_there`."""

    def __init__(self, where: dict[str, str]) -> None:
        self.url = where["store"]
        self.port = urlsplit(self.url).port or 80
        self.public_url = where["public_url"]
        self.example_url = where["example_url"]
        self._stage = where["stage"]
        self._hosts = {self.public_url: where["host"], self.example_url: where["example_host"]}

    def environment(self, store_url: str) -> dict[str, str]:
        return {
            **client_environment(store_url),
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "LANYARD_STAGE": self._stage,
            "TABLE_PREFIX": templates.table_prefix(self._stage),
            "PUBLIC_URL": self.public_url,
        }

    def mailbox(self) -> SesMailbox:
        return SesMailbox(self.url)

    def lead_there(self) -> None:
        """Let every `requests` session reach the two APIs, which have no DNS records."""
        found = requests.Session.get_adapter
        adapters = {url: ConnectTo(self.url, host) for url, host in self._hosts.items()}

        def get_adapter(session: requests.Session, url: str) -> Any:
            ours = (adapter for prefix, adapter in adapters.items() if url.startswith(prefix))
            return next(ours, None) or found(session, url)

        base, made = urlsplit(self.public_url).path, Page.__init__

        def without_base(page: Page, *arguments: Any, **named: Any) -> None:
            made(page, *arguments, **named)
            page.path = page.path.removeprefix(base) or "/"  # tests name our paths as the routes do

        Page.__init__ = without_base  # type: ignore[method-assign, assignment]
        requests.Session.get_adapter = get_adapter  # type: ignore[method-assign, assignment]

    def leave_out(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        out = [item for item in items if _NEEDS_THE_PROCESS & set(getattr(item, "fixturenames", ()))]
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if item not in out]


_WHERE = os.environ.get("LANYARD_REHEARSAL")
REHEARSED = Rehearsed(json.loads(_WHERE)) if _WHERE else None
