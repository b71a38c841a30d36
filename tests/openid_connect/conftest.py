"""A queue of logout tokens, and the server of an application that is told of sign-outs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from chalicelib import logout_queue, outbound, settings
from infra.laptop import logouts
from tests import local_aws
from tests.actors import ClientApp
from tests.document_server import DocumentServer, write
from tests.local_aws import LocalAws
from tests.openid_connect.signing_out import set_up
from tests.request_calls import RequestCalls

HOST, PATH = "shop.example.com", "/signed-out?of=them"
_NAME = "lanyard-test-logouts"


@pytest.fixture(scope="module")
def _aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with local_aws.running(tmp_path_factory.mktemp("logouts")) as made:
        yield made


class Queue:
    """The queue, in a MiniStack of its own. Nobody takes anything out until a test says so."""

    def __init__(self, aws: LocalAws, request_calls: RequestCalls) -> None:
        self.client = aws.sqs
        self.url = logouts.create(aws.sqs, _NAME)
        self._request_calls = request_calls

    def waiting(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)

    def deliver(self) -> list[bool]:
        """Call the function for each message, as Lambda would. Whether each of them was done."""
        with self._request_calls.answering("send_logout"):
            return logouts.deliver(self.client, self.url)

    def show_again(self) -> None:
        """End the visibility timeout of what is being tried."""
        self.client.set_queue_attributes(QueueUrl=self.url, Attributes={"VisibilityTimeout": "0"})


@pytest.fixture
def queue(
    _aws: LocalAws, signing_key: Any, request_calls: RequestCalls, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Queue]:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", _aws.url)
    changed: Any = replace(settings.SETTINGS, logout_queue=_NAME)
    monkeypatch.setattr(settings, "SETTINGS", changed)
    _forget()
    made = Queue(_aws, request_calls)
    yield made
    with suppress(made.client.exceptions.QueueDoesNotExist):  # a test may have deleted it
        made.client.delete_queue(QueueUrl=made.url)
    _forget()


def _forget() -> None:
    logout_queue._client.cache_clear()
    logout_queue._url.cache_clear()


class Told:
    """An application's server. `tokens`: the logout tokens that it got. `status`: what it answers."""

    def __init__(self, server: DocumentServer) -> None:
        self.server = server
        self.status = 200
        self.headers: dict[str, str] = {}
        server.answers[PATH] = lambda handler: write(handler, self.status, "text/plain", b"", **self.headers)

    @property
    def uri(self) -> str:
        return f"https://{HOST}{PATH}"

    @property
    def tokens(self) -> list[str]:
        forms = [parse_qs(body) for path, kind, body in self.server.posted if self._is_one(path, kind)]
        assert all(list(form) == ["logout_token"] for form in forms), json.dumps(forms)
        return [form["logout_token"][0] for form in forms]

    @staticmethod
    def _is_one(path: str, kind: str) -> bool:
        return (path, kind) == (PATH, "application/x-www-form-urlencoded")


@pytest.fixture
def told(tmp_path: Path, shop: ClientApp, monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
    """The server of `shop`, which is told of sign-outs."""
    running = DocumentServer(tmp_path, HOST)
    monkeypatch.setattr(outbound, "NETWORK", running.network())
    made = Told(running)
    set_up(shop, backchannel_logout_uri=made.uri)
    yield made
    running.stop()
