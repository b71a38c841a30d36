"""An API finds out what a token that it received is good for (RFC 7662)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import requests

from chalicelib import clock as time
from chalicelib import credentials, limits, settings
from chalicelib.credentials import Kind
from chalicelib.models import application_edit, user
from tests.actors import Browser, ClientApp
from tests.conftest import Clock
from tests.public_app import PublicApp
from tests.store_proxy import Fault, StoreProxy

TICKETS = "https://tickets.example.com/mcp"
pytestmark = pytest.mark.spec("RFC 7662 §2.2", "RFC 7662 §2")


def introspect(app: ClientApp, **form: Any) -> requests.Response:
    url = app.base_url + "/api/v1/oauth/introspect"
    return requests.post(url, data=form, auth=(app.client_id, app.secret), timeout=30)


@pytest.mark.spec("RFC 7662 §2.2")
def test_valid_token_is_described(john: Browser, shop: ClientApp, other_shop: ClientApp) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    assert john.person is not None
    for asking in (shop, other_shop):
        answer = introspect(asking, token=tokens["access_token"])
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-store"
        described = answer.json()
        assert described.pop("exp") - described.pop("iat") == 86400
        assert described == {
            "active": True,
            "scope": "read write",
            "client_id": shop.client_id,
            "token_type": "Bearer",
            "sub": john.person.user_id,
            "iss": shop.base_url,
            "organizers": [next(iter(john.person.organizers))],
        }


@pytest.mark.spec("RFC 7662 §2.2", "RFC 7662 §4")
def test_invalid_token_is_reported_inactive_and_nothing_more(
    john: Browser, shop: ClientApp, clock: Clock, a_browser: Callable[..., Browser]
) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    revoked = shop.connect(john)["access_token"]
    shop.revoke(revoked)
    for token in ("made-up", revoked, tokens["access_token"].swapcase()):
        assert introspect(shop, token=token).json() == {"active": False}
    assert introspect(shop, token=tokens["access_token"], token_type_hint="refresh_token").json()["active"] is True
    clock.advance(86400)
    assert introspect(shop, token=tokens["access_token"]).json() == {"active": False}


@pytest.mark.spec("RFC 7662 §2.2", "RFC 7662 §2.1")
@pytest.mark.parametrize("hint", [{}, {"token_type_hint": "refresh_token"}, {"token_type_hint": "access_token"}])
def test_live_refresh_token_is_described_to_its_own_client(
    john: Browser, shop: ClientApp, hint: dict[str, str]
) -> None:
    """It has no token_type: the types of RFC 6749 §5.1 say how an access token is used. A confidential client's never
    expires."""
    tokens = shop.connect(john, "Big Events LLC", scope="read write")
    narrowed = shop.refresh(tokens["refresh_token"], scope="read")
    assert narrowed.json()["scope"] == "read"
    described = introspect(shop, token=tokens["refresh_token"], **hint).json()
    assert abs(described.pop("iat") - time.now()) < 60
    assert john.person is not None
    assert described == {
        "active": True,
        "scope": "read write",
        "client_id": shop.client_id,
        "sub": john.person.user_id,
        "iss": shop.base_url,
        "organizers": [next(iter(john.person.organizers))],
    }


@pytest.mark.spec("RFC 7662 §4", "RFC 8707 §2")
def test_refresh_token_is_described_to_nobody_but_its_client(
    john: Browser, shop: ClientApp, other_shop: ClientApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An API that is told `active` would take it for an access token."""
    changed: Any = replace(settings.SETTINGS, resources=(TICKETS,))
    monkeypatch.setattr(settings, "SETTINGS", changed)
    general = shop.connect(john, "Big Events LLC")["refresh_token"]
    limited = shop.connect(john, "Big Events LLC", resource=TICKETS)["refresh_token"]
    for serves in (None, TICKETS):
        if serves:
            application_edit.serve_resource(other_shop.client_id, serves)
        for token in (general, limited):
            assert introspect(other_shop, token=token).json() == {"active": False}
    assert introspect(shop, token=limited).json()["aud"] == TICKETS
    assert "aud" not in introspect(shop, token=general).json()
    for token in (general, limited):
        assert shop.refresh(token).status_code == 200


@pytest.mark.spec("RFC 7662 §2.2", "RFC 7662 §4")
def test_ended_refresh_token_is_inactive(
    john: Browser, eve: Browser, shop: ClientApp, a_browser: Callable[..., Browser]
) -> None:
    revoked = shop.connect(john, "Big Events LLC")["refresh_token"]
    shop.revoke(revoked)
    taken_back = shop.connect(john, "Big Events LLC")["refresh_token"]
    john.press(john.open("/settings/authorized"), "Revoke")
    of_disabled = shop.connect(eve, "Other Org")["refresh_token"]
    live = shop.connect(a_browser("A"), "A")["refresh_token"]
    assert introspect(shop, token=of_disabled).json()["active"] is True
    user.disable(eve.user.user_id)
    made_up = credentials.mint(Kind.REFRESH_TOKEN, live[5:48])
    for token in (revoked, taken_back, of_disabled, made_up, live.replace("lyrt_", "lyat_"), live[:-1]):
        assert introspect(shop, token=token).json() == {"active": False}
    assert introspect(shop, token=live).json()["active"] is True


@pytest.mark.spec("CVE-2020-15223")
def test_introspection_of_a_refresh_token_reads_once_and_writes_nothing(
    john: Browser, shop: ClientApp, other_shop: ClientApp, store: StoreProxy, clock: Clock
) -> None:
    token = shop.connect(john, "Big Events LLC")["refresh_token"]
    clock.advance(2 * limits.GRANT_TOUCH_SECONDS)
    for asking, operations in ((shop, ["GetItem", "BatchGetItem"]), (other_shop, ["GetItem"])):
        with store.count() as calls:
            introspect(asking, token=token)
        assert [call.operation for call in calls] == operations
    with store.fault(Fault.INTERNAL_ERROR):
        assert introspect(shop, token=token).status_code == 503


@pytest.mark.spec("docs/architecture.md")
def test_ended_access_shows_in_the_next_introspection(
    john: Browser, shop: ClientApp, other_shop: ClientApp, eve: Browser
) -> None:
    token, others = shop.connect(john, "Big Events LLC")["access_token"], shop.connect(eve, "Other Org")["access_token"]
    assert eve.person is not None
    user.remove_member(eve.person.user_id, next(iter(eve.person.organizers)))
    assert introspect(other_shop, token=others).json()["organizers"] == []
    user.disable(eve.person.user_id)
    assert introspect(other_shop, token=others).json() == {"active": False}
    application_edit.disable(shop.client_id)
    assert introspect(other_shop, token=token).json() == {"active": False}


@pytest.mark.spec("RFC 7662 §2.1")
def test_introspection_requires_client_authentication(
    john: Browser, shop: ClientApp, a_browser: Callable[..., Browser]
) -> None:
    token = shop.connect(john, "Big Events LLC")["access_token"]
    url = shop.base_url + "/api/v1/oauth/introspect"
    bearer = {"Authorization": f"Bearer {token}"}
    for answer in (
        requests.post(url, data={"token": token}, timeout=30),
        requests.post(url, data={"token": token, "client_id": shop.client_id}, timeout=30),
        requests.post(url, data={"token": token}, auth=(shop.client_id, "wrong"), timeout=30),
        requests.post(url, data={"token": token}, headers=bearer, timeout=30),
    ):
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    public = PublicApp.registered_by(a_browser())
    answer = requests.post(url, data={"token": token, "client_id": public.client_id}, timeout=30)
    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")


@pytest.mark.spec("RFC 7662 §2.1", "RFC 6749 §3.2")
def test_malformed_introspection_request_is_refused(shop: ClientApp) -> None:
    assert introspect(shop).json()["error"] == "invalid_request"
    url = shop.base_url + "/api/v1/oauth/introspect"
    assert requests.get(url, timeout=30).status_code == 405
    answer = requests.post(url, params={"token": "x"}, auth=(shop.client_id, shop.secret), timeout=30)
    assert answer.json()["error"] == "invalid_request"


@pytest.mark.spec("CVE-2020-15223")
def test_introspection_gets_503_if_the_store_fails_and_never_inactive(
    john: Browser, shop: ClientApp, store: StoreProxy
) -> None:
    token = shop.connect(john, "Big Events LLC")["access_token"]
    with store.fault(Fault.INTERNAL_ERROR):
        assert introspect(shop, token=token).status_code == 503


@pytest.mark.spec("docs/operations.md")
def test_introspection_takes_two_round_trips(john: Browser, shop: ClientApp, store: StoreProxy) -> None:
    token = shop.connect(john, "Big Events LLC")["access_token"]
    with store.count() as calls:
        introspect(shop, token=token)
    assert [call.operation for call in calls] == ["GetItem", "BatchGetItem"]
