"""Scopes that clients add by habit, and that mean nothing here, are left out instead of refused (RFC 6749 §3.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from chalicelib.models import application_access, application_edit
from chalicelib.models.application import Profile
from chalicelib.protocol.rules import scopes
from tests.actors import Browser, ClientApp
from tests.conftest import Clock

pytestmark = [pytest.mark.spec("RFC 6749 §3.3"), pytest.mark.usefixtures("signs_nothing")]
HABITS = "openid email offline_access"
KNOWN = "one or more of: read, write, profile"


def call(app: ClientApp, path: str, **form: str) -> requests.Response:
    return requests.post(app.base_url + path, data=form, auth=(app.client_id, app.secret), timeout=30)


def push(app: ClientApp, scope: str) -> requests.Response:
    return call(app, "/api/v1/oauth/par", response_type="code", redirect_uri=app.redirect_uri, scope=scope)


@pytest.fixture
def mine(john: Browser) -> ClientApp:
    """John's own application, so that its errors are redirected to it at once."""
    return john.register_application("A shop")


def test_habitual_scopes_are_no_scopes_of_ours(base_url: str) -> None:
    metadata = requests.get(base_url + "/.well-known/oauth-authorization-server", timeout=30).json()
    assert scopes.ADDED_BY_HABIT & set(metadata["scopes_supported"]) == {"profile"}, "which means something here"


@pytest.mark.spec("RFC 6749 §5.1")
@pytest.mark.parametrize(
    ("asked", "granted"),
    [(f"{HABITS} read", "read"), ("openid profile email", "profile"), ("write offline_access read", "read write")],
)
def test_habitual_scope_is_left_out_and_the_token_response_says_so(
    john: Browser, shop: ClientApp, asked: str, granted: str
) -> None:
    page = john.open(shop.authorize_path(scope=asked))
    assert page.title == "Authorize A shop?"
    assert not any(habit in page.text for habit in ("openid", "offline_access"))
    page = john.allow(page, *([] if granted == "profile" else ["Small Shows"]))
    assert shop.exchange(page.code).json()["scope"] == granted
    assert john.open(shop.authorize_path(scope=asked)).code, "remembered, as it would be without them"


@pytest.mark.parametrize("scope", ["openid", HABITS, "openid admin", "openid read admin", "openid Email read"])
def test_habitual_scope_hides_no_unknown_one_and_is_not_enough(john: Browser, mine: ClientApp, scope: str) -> None:
    answer = john.open(mine.authorize_path(scope=scope)).answer
    assert answer["error"] == "invalid_scope"
    assert KNOWN in answer["error_description"]
    pushed = push(mine, scope)
    assert (pushed.status_code, pushed.json()["error"]) == (400, "invalid_scope")
    assert KNOWN in pushed.json()["error_description"]


@pytest.mark.spec("RFC 9126 §2.1")
def test_habitual_scope_of_a_pushed_request_is_left_out(john: Browser, shop: ClientApp) -> None:
    pushed = push(shop, f"{HABITS} read").json()
    page = john.open("/api/v1/oauth/authorize", client_id=shop.client_id, request_uri=pushed["request_uri"])
    assert shop.exchange(john.allow(page, "Small Shows").code).json()["scope"] == "read"


@pytest.mark.spec("RFC 6749 §6")
def test_habitual_scope_of_a_refresh_is_left_out(john: Browser, shop: ClientApp) -> None:
    refresh_token = shop.connect(john, "Small Shows")["refresh_token"]
    assert shop.refresh(refresh_token, scope=f"{HABITS} read write").json()["scope"] == "read write"
    assert shop.refresh(refresh_token, scope="offline_access read").json()["scope"] == "read"
    for scope in ("openid", "openid admin", "openid profile"):
        assert shop.refresh(refresh_token, scope=scope).json()["error"] == "invalid_scope", scope


@pytest.mark.spec("RFC 6749 §4.4.2")
def test_habitual_scope_of_a_machine_is_left_out(shop: ClientApp, a_person: Callable[..., Any]) -> None:
    slug = next(iter(a_person("Big Events LLC").organizers))
    application_access.allow(shop.client_id, ["read"], [slug])
    asked: dict[str, Any] = {"grant_type": "client_credentials"}
    assert shop.call_token(**asked, scope="openid read").json()["scope"] == "read"
    assert shop.call_token(**asked, scope="openid").json()["error"] == "invalid_scope"


@pytest.mark.spec("RFC 8628 §3.1")
def test_habitual_scope_of_a_device_is_left_out(john: Browser, shop: ClientApp, clock: Clock) -> None:
    application_edit.edit(
        shop.client_id, name="A shop", redirect_uris=[shop.redirect_uri], profile=Profile(device_grant=True)
    )
    path = "/api/v1/oauth/device_authorization"
    started = call(shop, path, scope=f"{HABITS} read").json()
    john.allow(john.open(started["verification_uri_complete"]), "Small Shows")
    clock.advance(started["interval"])
    grant_type = "urn:ietf:params:oauth:grant-type:device_code"
    assert shop.call_token(grant_type=grant_type, device_code=started["device_code"]).json()["scope"] == "read"
    for scope in ("openid", "openid admin read"):
        refused = call(shop, path, scope=scope).json()
        assert refused["error"] == "invalid_scope"
        assert KNOWN in refused["error_description"]
