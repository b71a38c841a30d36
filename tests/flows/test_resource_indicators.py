"""A token requested for one API works at no other (RFC 8707)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from chalicelib import settings
from chalicelib.models import application_edit
from tests.actors import Browser, ClientApp

TICKETS, MUSIC = "https://tickets.example.com/mcp", "https://music.example.com"
pytestmark = pytest.mark.spec("RFC 8707 §2")


@pytest.fixture(autouse=True)
def _two_apis(monkeypatch: pytest.MonkeyPatch) -> None:
    listed: Any = replace(settings.SETTINGS, resources=(TICKETS, MUSIC))
    monkeypatch.setattr(settings, "SETTINGS", listed)


def introspect(app: ClientApp, token: str) -> dict[str, Any]:
    url = app.base_url + "/api/v1/oauth/introspect"
    answer = requests.post(url, data={"token": token}, auth=(app.client_id, app.secret), timeout=30)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.fixture
def tickets(other_shop: ClientApp) -> ClientApp:
    """The API for TICKETS, as the operator registered it."""
    application_edit.serve_resource(other_shop.client_id, TICKETS)
    return other_shop


def test_token_without_a_resource_works_at_every_api(john: Browser, shop: ClientApp, tickets: ClientApp) -> None:
    token = shop.connect(john, "Big Events LLC")["access_token"]
    assert shop.me(token).status_code == 200
    assert introspect(tickets, token)["active"] is True
    assert "aud" not in introspect(tickets, token)


def test_token_for_another_api_works_only_there(john: Browser, shop: ClientApp, tickets: ClientApp) -> None:
    token = shop.connect(john, "Big Events LLC", resource=TICKETS)["access_token"]
    assert introspect(tickets, token)["aud"] == TICKETS
    answer = shop.me(token)
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    other = shop.connect(john, "Big Events LLC", resource=MUSIC)["access_token"]
    assert introspect(tickets, other) == {"active": False}


def test_token_for_this_api_works_only_here(john: Browser, shop: ClientApp, tickets: ClientApp) -> None:
    for spelling in (shop.base_url, shop.base_url + "/"):
        token = shop.connect(john, "Big Events LLC", resource=spelling)["access_token"]
        assert shop.me(token).status_code == 200
        assert introspect(tickets, token) == {"active": False}


def test_refreshed_token_keeps_its_resource(john: Browser, shop: ClientApp, tickets: ClientApp) -> None:
    tokens = shop.connect(john, "Big Events LLC", resource=TICKETS)
    for more in ({}, {"resource": TICKETS}):
        refreshed = shop.refresh(tokens["refresh_token"], **more).json()
        assert introspect(tickets, refreshed["access_token"])["aud"] == TICKETS
    answer = shop.refresh(tokens["refresh_token"], resource=MUSIC)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_target")
    assert introspect(tickets, refreshed["access_token"])["active"] is True


@pytest.mark.spec("RFC 8707 §2.2")
def test_token_request_may_narrow_the_authorized_resources(john: Browser, shop: ClientApp, tickets: ClientApp) -> None:
    page = john.allow(john.open(shop.authorize_path()), "Big Events LLC")
    tokens = shop.exchange(page.code, resource=TICKETS).json()
    assert introspect(tickets, tokens["access_token"])["aud"] == TICKETS
    assert shop.me(tokens["access_token"]).status_code == 401
    refreshed = shop.refresh(tokens["refresh_token"]).json()
    assert shop.me(refreshed["access_token"]).status_code == 200


@pytest.mark.spec("RFC 8707 §2.2")
def test_code_for_one_api_gives_no_token_for_another(john: Browser, shop: ClientApp) -> None:
    page = john.allow(john.open(shop.authorize_path(resource=TICKETS)), "Big Events LLC")
    assert shop.exchange(page.code, resource=MUSIC).json()["error"] == "invalid_target"
    assert shop.exchange(page.code).status_code == 200


OTHERWISE = "HTTPS://Tickets.Example.com:443/mcp/"  # the same API, spelled by another client


@pytest.mark.spec("RFC 8707 §2.2", "RFC 7662 §2.2", "RFC 9126 §2.1")
def test_token_names_the_registered_spelling_whichever_the_client_uses(
    john: Browser, shop: ClientApp, tickets: ClientApp
) -> None:
    page = john.allow(john.open(shop.authorize_path(resource=OTHERWISE)), "Big Events LLC")
    tokens = shop.exchange(page.code, resource=TICKETS + "/").json()
    assert introspect(tickets, tokens["access_token"])["aud"] == TICKETS
    refreshed = shop.refresh(tokens["refresh_token"], resource=OTHERWISE).json()
    assert introspect(tickets, refreshed["access_token"])["aud"] == TICKETS
    par = shop.base_url + "/api/v1/oauth/par"
    form = shop.parameters(resource=OTHERWISE, approval_prompt="force")
    pushed = requests.post(par, form, auth=(shop.client_id, shop.secret), timeout=30).json()
    page = john.open("/api/v1/oauth/authorize", client_id=shop.client_id, request_uri=pushed["request_uri"])
    assert f"At {TICKETS} and nowhere else." in page.text
    tokens = shop.exchange(john.allow(page, "Big Events LLC").code, resource=OTHERWISE).json()
    assert introspect(tickets, tokens["access_token"])["aud"] == TICKETS


def test_api_registered_in_another_spelling_still_learns_about_its_tokens(
    john: Browser, shop: ClientApp, other_shop: ClientApp
) -> None:
    application_edit.serve_resource(other_shop.client_id, OTHERWISE)
    token = shop.connect(john, "Big Events LLC", resource=TICKETS)["access_token"]
    assert introspect(other_shop, token)["aud"] == TICKETS


@pytest.mark.spec("RFC 8707 §2", "RFC 6749 §4.1.2.1")
@pytest.mark.parametrize(
    "resource", ["https://unknown.example.com", TICKETS + "/more", TICKETS.upper(), "tickets", TICKETS + "#x"]
)
def test_unknown_resource_is_refused(john: Browser, shop: ClientApp, resource: str) -> None:
    shop.connect(john, "Big Events LLC")
    page = john.open(shop.authorize_path(resource=resource))
    assert page.answer["error"] == "invalid_target"
    assert page.answer["state"] == "xyz"


def test_consent_page_says_where_the_token_works(john: Browser, shop: ClientApp) -> None:
    assert f"At {TICKETS} and nowhere else." in john.open(shop.authorize_path(resource=TICKETS)).text


@pytest.mark.spec("RFC 7662 §4")
def test_api_without_a_resource_learns_nothing_about_tokens_for_one(
    john: Browser, shop: ClientApp, other_shop: ClientApp
) -> None:
    token = shop.connect(john, "Big Events LLC", resource=TICKETS)["access_token"]
    assert introspect(other_shop, token) == {"active": False}
    assert introspect(shop, token)["active"] is True


def repeated_resources(first: str, second: str) -> str:
    return "&" + urlencode([("resource", first), ("resource", second)])


TWICE = pytest.mark.parametrize("second", [TICKETS, MUSIC, ""])


@pytest.mark.spec("RFC 8707 §2", "RFC 8707 §2.1")
@TWICE
def test_several_resources_at_the_authorization_endpoint_are_an_invalid_target(
    john: Browser, shop: ClientApp, second: str
) -> None:
    shop.connect(john, "Big Events LLC")
    page = john.open(shop.authorize_path() + repeated_resources(TICKETS, second))
    assert (page.answer["error"], page.answer["state"]) == ("invalid_target", "xyz")
    assert "one resource" in page.answer["error_description"]


@pytest.mark.spec("RFC 8707 §2", "RFC 8707 §2.2")
@TWICE
@pytest.mark.parametrize("endpoint", ["token", "par", "device_authorization"])
def test_several_resources_of_an_application_are_an_invalid_target(
    john: Browser, shop: ClientApp, endpoint: str, second: str
) -> None:
    code = john.allow(john.open(shop.authorize_path()), "Big Events LLC").code
    form = {
        "token": {"grant_type": "authorization_code", "code": code, "redirect_uri": shop.redirect_uri},
        "par": shop.parameters(),
        "device_authorization": {"scope": "read"},
    }[endpoint]
    answer = requests.post(
        f"{shop.base_url}/api/v1/oauth/{endpoint}",
        data={**form, "resource": [TICKETS, second]},
        auth=(shop.client_id, shop.secret),
        timeout=30,
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_target")
    assert "one resource" in answer.json()["error_description"]
    assert shop.exchange(code).status_code == 200, "the request spent the code"


@pytest.mark.spec("RFC 6749 §3.1", "RFC 6749 §3.2")
def test_another_repeated_parameter_beside_several_resources_is_an_invalid_request(
    john: Browser, shop: ClientApp
) -> None:
    resources = repeated_resources(TICKETS, MUSIC)
    shop.connect(john, "Big Events LLC")
    page = john.open(shop.authorize_path() + resources + "&scope=read")
    assert page.answer["error"] == "invalid_request"
    answer = shop.refresh("x", resource=[TICKETS, MUSIC], scope=["read", "read"])
    assert answer.json()["error"] == "invalid_request"
