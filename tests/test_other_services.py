"""A hanging mail service, key store or document server makes no request wait longer and uses up no try."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from chalicelib import deadline, limits, mail, settings
from chalicelib.keys import parameter_store, server_key
from chalicelib.models import store as storage
from chalicelib.models import throttle
from chalicelib.models.throttle import Throttle
from tests.actors import PASSWORD, Browser, Person
from tests.conftest import Clock
from tests.document_server import DocumentServer, trickle
from tests.flows.test_metadata_documents import documents, publish, running
from tests.gateway import Gateway
from tests.store_proxy import StoreProxy

__all__ = ["documents", "running"]
HOST = "https://abc123.execute-api.eu-central-1.amazonaws.com/api"
HERE = "203.0.113.55"
PARAMETER = "/lanyard/test/server-key"
FOR_ANSWERS = limits.REQUEST_SECONDS - limits.STORE_ASIDE_SECONDS
pytestmark = pytest.mark.spec("docs/reliability.md", "docs/security.md")


@pytest.fixture
def hanging() -> Iterator[str]:
    """The address of a server that accepts connections and never responds."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def failing() -> Iterator[tuple[str, list[str]]]:
    """The address of a server that fails every request, and the paths it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            asked.append(self.path)
            self.send_response(500)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", asked
    server.shutdown()
    server.server_close()


# -- mail -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def deployed(
    application: Any, a_person: Callable[..., Person], hanging: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Browser]:
    """A browser at a deployed stage whose mail service hangs."""
    sender = "no-reply@connect.example.com"
    stage = replace(settings.SETTINGS, stage="dev", public_url=None, sign_up_open=True, mail_sender=sender)
    monkeypatch.setattr(settings, "SETTINGS", stage)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", hanging)
    mail._client.cache_clear()
    yield Browser(HOST, a_person(), adapter=Gateway(application, "/api", address=HERE))
    mail._client.cache_clear()


def tries(*what: str) -> int | None:
    counted = storage.read(Throttle.key(throttle.named(*what), limits.MAIL_WINDOW_SECONDS))[0]
    return counted.tries if counted else None


@pytest.mark.parametrize("path", ["/password/reset", "/sign-up"])
def test_hanging_mail_service_uses_up_no_try_and_the_request_ends_in_time(
    deployed: Browser, store: StoreProxy, clock: Clock, path: str
) -> None:
    clock.stop()
    page, email = deployed.open(path), deployed.user.email

    def be_slow() -> None:
        clock.take(FOR_ANSWERS - 0.5)

    started = clock.monotonic()
    with store.before("PutItem", be_slow):  # the write of the link, before the email is sent
        assert deployed.press(page, "Send the link", email=email).status == 503
    assert clock.monotonic() - started <= limits.REQUEST_SECONDS
    assert tries("mail account", path, email) == 0
    assert tries("mail address", HERE) == 0


def test_no_email_is_attempted_once_the_store_has_used_up_the_time(
    deployed: Browser, store: StoreProxy, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = deployed.open("/password/reset")
    with failing() as (url, asked), store.before("PutItem", lambda: clock.take(FOR_ANSWERS)):
        monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", url)
        assert deployed.press(page, "Send the link", email=deployed.user.email).status == 503
    assert asked == []


def test_hanging_notice_delays_the_response_only_briefly(
    deployed: Browser, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(limits, "MAIL_NOTICE_SECONDS", 0.3)
    deployed.sign_in()
    page = deployed.open("/settings/password")
    fields = {**page.fields("Change password"), "present": PASSWORD, "password": "another and longer"}
    caplog.clear()
    answer = deployed.http.post(page.response.url, data=fields, allow_redirects=False)
    assert answer.status_code == 303
    (line,) = [json.loads(message) for message in caplog.messages if message.startswith("{")]
    assert (line["outcome"], line["mail_error"]) == ("password changed", "DeadlineExceeded")
    assert line["milliseconds"] < 1000 * limits.MAIL_READ_SECONDS


# -- the server key ---------------------------------------------------------------------------------------------------


@pytest.fixture
def _in_ssm(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep the key in an SSM parameter."""
    stage = replace(settings.SETTINGS, server_key=None, server_key_parameter=PARAMETER)
    monkeypatch.setattr(settings, "SETTINGS", stage)
    parameter_store.forget()
    yield
    parameter_store.forget()


def problem() -> str:
    with deadline.begin(), pytest.raises(server_key.ServerKeyUnavailable) as error:
        server_key.read()
    return error.value.code


@pytest.mark.usefixtures("_in_ssm")
def test_hanging_key_store_is_given_up_in_time(hanging: str, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", hanging)
    started = clock.monotonic()
    with deadline.begin():
        clock.take(FOR_ANSWERS - 0.3)
        with pytest.raises(server_key.ServerKeyUnavailable, match="DeadlineExceeded"):
            server_key.read()
    assert clock.monotonic() - started < limits.REQUEST_SECONDS


@pytest.mark.usefixtures("_in_ssm")
def test_request_without_time_for_the_key_does_not_block_the_key_for_others(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with failing() as (url, asked):
        monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", url)
        with deadline.begin():
            clock.take(FOR_ANSWERS)
            with pytest.raises(server_key.ServerKeyUnavailable, match="DeadlineExceeded"):
                server_key.read()
        assert asked == []
        assert problem() == "500", "the key store was called"


@pytest.mark.usefixtures("_in_ssm")
def test_unreadable_key_is_tried_twice_and_then_not_again_for_a_while(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with failing() as (url, asked):
        monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", url)
        assert [problem(), problem()] == ["500", "500"]
        assert asked == ["/", "/"]
        clock.take(limits.SERVER_KEY_RETRY_SECONDS)
        assert problem() == "500"
        assert len(asked) == 4


# -- an application's document ----------------------------------------------------------------------------------------


def test_document_fetch_gets_only_the_time_its_request_has_left(
    john: Browser, documents: DocumentServer, store: StoreProxy, clock: Clock
) -> None:
    app = publish(documents, john.base_url)
    path = app.client_id.removeprefix(f"https://{documents.host}")
    documents.answers[path] = trickle
    started = clock.monotonic()
    with store.before("UpdateItem", lambda: clock.take(FOR_ANSWERS - 0.5)):  # the write that counts the fetch
        page = john.open(app.authorize_path())
    assert (page.status, "storage" in page.text) == (503, True)
    assert clock.monotonic() - started <= limits.REQUEST_SECONDS
