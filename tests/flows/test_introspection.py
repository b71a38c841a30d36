"""An API finds out what a token that it received is good for (RFC 7662)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from chalicelib.models import application, user
from tests.actors import Browser, ClientApp
from tests.conftest import Clock
from tests.public_app import PublicApp
from tests.store_proxy import Fault, StoreProxy

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
    for token in ("made-up", revoked, tokens["refresh_token"], tokens["access_token"].swapcase()):
        assert introspect(shop, token=token).json() == {"active": False}
    assert introspect(shop, token=tokens["access_token"], token_type_hint="refresh_token").json()["active"] is True
    clock.advance(86400)
    assert introspect(shop, token=tokens["access_token"]).json() == {"active": False}


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
    application.disable(shop.client_id)
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
