"""Lanyard behind API Gateway with everything open, and the check that every response must pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests

from chalicelib import identity_providers, limits, settings
from tests.actors import Browser, ClientApp, Person
from tests.gateway import Gateway

BASE = "https://connect.example.com"
_PROVIDERS = identity_providers.parse(
    '[providers.tickets]\ntitle = { en = "Tickets", de = "Karten" }\npage = "https://tickets.example.com/sign-in"\n',
    is_local=False,
)
Send = Callable[..., requests.Response]
_LIMITS = (
    "SIGN_IN_TRIES_PER_ACCOUNT",
    "SIGN_IN_TRIES_PER_ACCOUNT_IN_ALL",
    "SIGN_IN_TRIES_PER_ADDRESS",
    "SIGN_INS_PER_ADDRESS",
    "MAILS_PER_ACCOUNT",
    "MAILS_PER_ADDRESS",
    "DEVICE_TRIES_PER_ACCOUNT",
    "DEVICE_TRIES_PER_ADDRESS",
    "REGISTRATIONS_PER_ADDRESS",
    "REGISTRATIONS_IN_ALL",
    "REGISTRATIONS_PER_OWNER",
)


@pytest.fixture(autouse=True)
def _all_doors_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let anyone register and lift all throttles, so that everything sent has to be read."""
    opened: Any = replace(
        settings.SETTINGS, public_url=BASE, registration="open", sign_up_open=True, providers=_PROVIDERS
    )
    monkeypatch.setattr(settings, "SETTINGS", opened)
    for name in _LIMITS:
        monkeypatch.setattr(limits, name, 1_000_000)


@pytest.fixture
def gateway(application: Any, _ministack: None) -> Gateway:
    return Gateway(application, "")


@pytest.fixture
def send(gateway: Gateway) -> Iterator[Send]:
    """Send a request to one of Lanyard's paths; any response below 500 passes."""
    session = requests.Session()
    session.mount("https://", gateway)

    def made(method: str, path: str, **more: Any) -> requests.Response:
        return held(session.request(method, BASE + path, allow_redirects=False, **more), f"{path} {more}")

    yield made
    session.close()


@pytest.fixture
def developer(gateway: Gateway, a_person: Callable[..., Person]) -> Browser:
    """A signed-in user of Big Events LLC, who also registers applications."""
    browser = Browser(BASE, a_person("Big Events LLC"), adapter=gateway)
    assert browser.sign_in().status == 200
    return browser


@pytest.fixture
def client(developer: Browser) -> ClientApp:
    return developer.register_application()


def held(answer: requests.Response, what: str) -> requests.Response:
    """Return the response unless it says that something broke."""
    assert answer.status_code < 500, f"{answer.status_code} {answer.text[:200]} to {what[:300]!r}"
    if answer.status_code >= 400 and answer.headers.get("Content-Type") == "application/json":
        assert answer.json()["error"], what[:300]
        assert answer.request.method == "HEAD" or answer.json()["error_description"], what[:300]
    assert "planted" not in answer.headers.get("Set-Cookie", ""), what[:300]
    return answer
