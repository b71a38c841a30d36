"""Fixtures of the browser tests: Chromium, the example application beside Lanyard, and its users."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, sync_playwright
from werkzeug.serving import make_server

from chalicelib import credentials
from chalicelib.models import application
from examples.connect_client.app import create_app
from infra.laptop.ministack import free_port
from tests.actors import Person
from tests.browser import chromium as installed
from tests.rehearsed import REHEARSED
from tests.tls_front import TlsFront

BOX_OFFICE = "Box office"
Open = Callable[..., Page]


@pytest.fixture(scope="session")
def chromium(base_url: str) -> Iterator[Chromium]:
    path = installed.executable()
    if path is None and installed.is_required(os.environ):
        pytest.fail(installed.MISSING)
    if path is None:
        pytest.skip(installed.MISSING)
    front = TlsFront(base_url) if REHEARSED else None
    arguments = [*installed.arguments(), *(front.arguments if front else ())]
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=arguments)
        yield started
        started.close()
    if front:
        front.stop()


@pytest.fixture
def open_page(chromium: Chromium) -> Iterator[Open]:
    """Open a window for a new user. Anything blocked by a page's policy, and any script error, fails the test."""
    contexts, complaints = [], []

    def open_one(**options: Any) -> Page:
        context = chromium.new_context(**{"locale": "en-GB", "viewport": {"width": 1000, "height": 800}, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def page(open_page: Open) -> Page:
    return open_page()


@pytest.fixture
def box_office(base_url: str, a_person: Callable[..., Person]) -> Iterator[str]:
    """The address of the running example application, registered by a developer."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    made, secret = application.create(
        credentials.new_id(),
        owner_id=a_person().user_id,
        name=BOX_OFFICE,
        redirect_uris=[f"{address}/callback"],
    )
    server = make_server("127.0.0.1", port, create_app(base_url, made.client_id, secret), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield address
    server.shutdown()
    server.server_close()


@pytest.fixture
def ada(a_person: Callable[..., Person]) -> Person:
    """A user who speaks English and belongs to Big Events LLC and Small Shows."""
    return a_person("Big Events LLC", "Small Shows")


@pytest.fixture
def berta(a_person: Callable[..., Person]) -> Person:
    """A user who speaks German and belongs to Große Feste and Kleinkunst."""
    return a_person("Große Feste", "Kleinkunst", locale="de")
