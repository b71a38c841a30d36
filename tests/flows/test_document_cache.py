"""Metadata documents are kept as their HTTP headers allow, and fetched once at a time."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib import limits, outbound, settings
from chalicelib.models import application, document_fetch
from chalicelib.models import store as tables
from chalicelib.protocol.clients import known_documents
from tests import people
from tests.actors import CALLBACK, Browser, ClientApp, Page
from tests.conftest import Clock
from tests.document_server import DocumentServer, write
from tests.public_app import PublicApp
from tests.store_proxy import Fault, StoreProxy

pytestmark = pytest.mark.spec("docs/architecture.md")
HOST = "cached.example.com"
_numbers = iter(range(1, 10**6))


class Site:
    """A document at an address of its own. headers: those of its responses. status: of its next responses."""

    def __init__(self, server: DocumentServer, host: str = HOST, path: str | None = None) -> None:
        self.server = server
        self.path = path or f"/cached-{next(_numbers)}.json"
        self.client_id = f"https://{host}{self.path}"
        self.document: Any = {"client_id": self.client_id, "client_name": "First", "redirect_uris": [CALLBACK]}
        self.headers: dict[str, str] = {}
        self.status = 200
        self.wait: Callable[[], object] = lambda: None
        server.answers[self.path] = self._answer

    def _answer(self, handler: Any) -> None:
        self.wait()
        body = b"" if self.status == 304 else json.dumps(self.document).encode()
        write(handler, self.status, "application/json", body, **self.headers)

    def hold(self, arrived: threading.Event, go_on: threading.Event) -> None:
        """Say when a request has arrived, and answer once the test says so."""

        def wait() -> None:
            arrived.set()
            go_on.wait(5)

        self.wait = wait

    @property
    def asked(self) -> int:
        return self.server.asked.count(self.path)

    def open(self, browser: Browser) -> Page:
        return browser.open(PublicApp(browser.base_url, self.client_id, "", CALLBACK).authorize_path())


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DocumentServer]:
    server = DocumentServer(tmp_path_factory.mktemp("documents"), HOST)
    yield server
    server.stop()


@pytest.fixture
def site(running: DocumentServer, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Site:
    clock.stop()
    monkeypatch.setattr(outbound, "NETWORK", running.network())
    monkeypatch.setattr(settings, "SETTINGS", replace(settings.SETTINGS, registration=settings.OPEN))
    running.headers.clear()
    return Site(running)


def name_on(page: Page) -> str:
    assert page.status == 200, page.text
    return page.title.removeprefix("Authorize ").removesuffix("?")


@pytest.mark.spec("RFC 9111 §5.2.2.1")
def test_document_is_fetched_again_when_its_headers_say_so(john: Browser, site: Site, clock: Clock) -> None:
    site.headers = {"Cache-Control": "max-age=7200"}
    site.open(john)
    site.document["client_name"] = "Second"
    clock.advance(7199)
    assert (name_on(site.open(john)), site.asked) == ("First", 1)
    clock.advance(1)
    assert (name_on(site.open(john)), site.asked) == ("Second", 2)


@pytest.mark.spec("RFC 9111 §5.2.2.5")
def test_document_that_must_not_be_stored_is_fetched_at_most_once_a_minute(
    john: Browser, site: Site, clock: Clock
) -> None:
    site.headers = {"Cache-Control": "no-store"}
    for _ in range(3):
        site.open(john)
    assert site.asked == 1
    clock.advance(limits.DOCUMENT_FRESH_MIN_SECONDS)
    site.open(john)
    assert site.asked == 2


@pytest.mark.spec("RFC 9110 §13.1.2", "RFC 9110 §15.4.5")
def test_unchanged_document_is_asked_for_by_its_validators(john: Browser, site: Site, clock: Clock) -> None:
    site.headers = {"ETag": '"v1"', "Last-Modified": "Mon, 21 Sep 2026 14:13:20 GMT"}
    site.open(john)
    site.status, site.headers = 304, {"Cache-Control": "max-age=7200"}
    clock.advance(limits.DOCUMENT_FRESH_SECONDS)
    assert name_on(site.open(john)) == "First"
    sent = site.server.headers[-1]
    assert (sent["If-None-Match"], sent["If-Modified-Since"]) == ('"v1"', "Mon, 21 Sep 2026 14:13:20 GMT")
    clock.advance(7199)
    site.open(john)
    assert site.asked == 2
    clock.advance(1)
    site.status, site.headers, site.document["client_name"] = 200, {}, "Second"
    assert (name_on(site.open(john)), site.asked) == ("Second", 3)
    clock.advance(limits.DOCUMENT_FRESH_SECONDS)
    site.open(john)
    assert "If-None-Match" not in site.server.headers[-1], "the new version has no validator"


@pytest.mark.parametrize("etag", ["x" * 201, '"ü"'])
def test_validator_that_cannot_be_sent_back_is_not_kept(john: Browser, site: Site, clock: Clock, etag: str) -> None:
    site.headers = {"ETag": etag.encode().decode("latin-1")}
    site.open(john)
    clock.advance(limits.DOCUMENT_FRESH_SECONDS)
    site.open(john)
    assert "If-None-Match" not in site.server.headers[-1]


@pytest.mark.spec("RFC 9111 §4.2.4")
@pytest.mark.parametrize("status", [403, 429, 500, 503, 302])
def test_document_stays_in_use_for_a_week_while_its_host_cannot_be_asked(
    john: Browser, site: Site, clock: Clock, status: int
) -> None:
    site.open(john)
    site.status = status
    clock.advance(limits.DOCUMENT_FRESH_SECONDS)
    assert name_on(site.open(john)) == "First"
    assert name_on(site.open(john)) == "First"
    assert site.asked == 2, "a host that could not be reached is left alone for a minute"
    clock.advance(limits.DOCUMENT_FAILED_SECONDS)
    site.open(john)
    assert site.asked == 3
    clock.advance(limits.DOCUMENT_STALE_SECONDS)
    people.sign_in(john)
    page = site.open(john)
    assert page.status == 400
    assert str(status) in page.text


@pytest.mark.parametrize("status", [404, 410])
def test_document_that_is_gone_is_not_used_any_longer(john: Browser, site: Site, clock: Clock, status: int) -> None:
    site.open(john)
    site.status = status
    clock.advance(limits.DOCUMENT_FRESH_SECONDS)
    for _ in range(2):
        assert site.open(john).status == 400
    assert site.asked == 3, "its developer need not wait after mending it"
    site.status = 200
    assert name_on(site.open(john)) == "First"


def test_document_that_became_invalid_is_not_used_any_longer(john: Browser, site: Site, clock: Clock) -> None:
    site.open(john)
    site.document["client_id"] = "https://elsewhere.example.com/"
    clock.advance(limits.DOCUMENT_FRESH_SECONDS)
    page = site.open(john)
    assert page.status == 400
    assert "Its client_id is not its URL." in page.text


def test_of_many_at_once_one_fetches_and_the_others_use_what_is_stored(john: Browser, site: Site, clock: Clock) -> None:
    site.open(john)
    site.document["client_name"] = "Second"
    clock.advance(limits.DOCUMENT_FRESH_SECONDS)
    arrived, go_on = threading.Event(), threading.Event()
    site.hold(arrived, go_on)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(site.open, john)
        assert arrived.wait(5)
        other = Browser(john.base_url, john.person)
        other.http.cookies.update(john.http.cookies)
        assert name_on(site.open(other)) == "First"
        go_on.set()
        assert name_on(first.result()) == "Second"
    assert site.asked == 2


def test_of_many_first_requests_at_once_one_fetches_and_the_others_wait_for_it(john: Browser, site: Site) -> None:
    arrived, go_on = threading.Event(), threading.Event()
    site.hold(arrived, go_on)
    browsers = []
    for _ in range(4):
        browsers.append(Browser(john.base_url, john.person))
        browsers[-1].http.cookies.update(john.http.cookies)
    with ThreadPoolExecutor(4) as pool:
        pages = [pool.submit(site.open, browser) for browser in browsers]
        assert arrived.wait(5)
        go_on.set()
        assert {name_on(page.result()) for page in pages} == {"First"}
    assert site.asked == 1


def test_request_that_waits_too_long_for_another_fetch_is_told_to_try_again(
    john: Browser, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    document_fetch.claim(application.stored_id(site.client_id))
    monkeypatch.setattr(limits, "REQUEST_SECONDS", 3)
    page = site.open(john)
    assert page.status == 503
    assert page.response.headers["Retry-After"] == "2"
    assert site.asked == 0


def test_fetch_of_a_process_that_died_holds_nobody_up_for_long(john: Browser, site: Site, clock: Clock) -> None:
    document_fetch.claim(application.stored_id(site.client_id))
    clock.advance(11)
    assert name_on(site.open(john)) == "First"


def test_fetch_that_could_not_be_concluded_holds_nobody_up_for_long(
    john: Browser, site: Site, store: StoreProxy, clock: Clock
) -> None:
    with store.fault(Fault.THROTTLED, "UpdateItem", table="document_fetches"):
        assert name_on(site.open(john)) == "First"
    clock.advance(limits.DOCUMENT_FRESH_SECONDS)
    site.open(john)
    assert site.asked == 2


@pytest.fixture
def claude(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """claude.ai, which answers 403 to servers in data centers."""
    server = DocumentServer(tmp_path, "claude.ai")
    monkeypatch.setattr(outbound, "NETWORK", server.network())
    monkeypatch.setattr(settings, "SETTINGS", replace(settings.SETTINGS, registration=settings.OPEN))
    site = Site(server, "claude.ai", "/oauth/mcp-oauth-client-metadata")
    copy = known_documents.find(site.client_id)
    assert copy is not None
    site.document = dict(copy.document)
    tables.write(tables.Delete(application.Application.key(site.client_id)))
    tables.write(tables.Delete(document_fetch.DocumentFetch.key(application.stored_id(site.client_id))))
    yield site
    server.stop()


def open_claude(browser: Browser, site: Site) -> Page:
    uri = "https://claude.ai/api/mcp/auth_callback"
    return browser.open(PublicApp(browser.base_url, site.client_id, "", uri).authorize_path())


def test_copy_is_used_while_a_known_host_refuses_this_server(john: Browser, claude: Site, clock: Clock) -> None:
    claude.status = 403
    page = open_claude(john, claude)
    assert name_on(page) == "Claude"
    assert "That address could not be reached, so this is from a copy of 2026-11." in page.text
    assert open_claude(john, claude).status == 200
    assert claude.asked == 1
    claude.status, claude.document["client_name"] = 200, "Claude, renamed"
    clock.advance(limits.DOCUMENT_FRESH_SECONDS)
    page = open_claude(john, claude)
    assert name_on(page) == "Claude, renamed"
    assert "from a copy" not in page.text


def test_copy_that_cannot_be_used_here_is_refused(john: Browser, claude: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    claude.status = 403
    monkeypatch.setattr(settings, "SETTINGS", replace(settings.SETTINGS, site_name="Claude"))
    page = open_claude(john, claude)
    assert page.status == 400
    assert "must not contain the name of this service" in page.text


@pytest.mark.parametrize("status", [404, 200])
def test_copy_is_not_used_against_what_the_host_says(john: Browser, claude: Site, status: int) -> None:
    claude.status = status
    claude.document["redirect_uris"] = ["https://claude.ai/another"]
    assert open_claude(john, claude).status == 400


def test_operator_is_warned_if_a_document_differs_from_its_copy(
    john: Browser, claude: Site, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    open_claude(john, claude)
    assert "differs" not in capsys.readouterr().out
    claude.document["tos_uri"] = "https://claude.ai/terms"
    clock.advance(limits.DOCUMENT_FRESH_SECONDS)
    open_claude(john, claude)
    assert "a document differs from the copy that Lanyard has of it" in capsys.readouterr().out


@pytest.mark.spec("RFC 8252 §8.6")
def test_consent_page_warns_of_clients_that_any_program_on_the_device_can_imitate(
    john: Browser, site: Site, shop: ClientApp
) -> None:
    site.document["redirect_uris"] = ["http://127.0.0.1/callback"]
    local = PublicApp(john.base_url, site.client_id, "", "http://127.0.0.1:5000/callback")
    warning = "Any program on this device can pretend to be it."
    assert warning in john.open(local.authorize_path()).text
    assert warning not in john.open(shop.authorize_path()).text
