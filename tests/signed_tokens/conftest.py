"""A platform with two APIs: the door checks signed tokens by itself, the till asks about opaque ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from chalicelib.models import application_edit
from tests.actors import Browser, ClientApp
from tests.catalogues import scope, use
from tests.consent_form import answer
from tests.public_app import PublicApp

DOOR, TILL = "https://door.example.com/scan", "https://till.example.com/"
SCOPES = (
    "own_api.list_organizers = 'list'\n"
    + scope("me", "organizers = false", "always = true")
    + scope("list")
    + scope("scan", "implies = ['list']")
    + scope("open", "lasts = '1 hour'", "optional = true")
)


def catalogue(door: str = "jwt", *, lifetime: str = "15 minutes") -> str:
    return (
        SCOPES
        + f'[resources."{DOOR}"]\nscopes = ["scan", "list", "open"]\ntoken_lifetime = "{lifetime}"\n'
        + f'token_format = "{door}"\n[resources."{TILL}"]\nscopes = ["list"]\n'
    )


@pytest.fixture(name="signs")
def a_stage_that_signs(signing_key: RSAKey, monkeypatch: pytest.MonkeyPatch) -> RSAKey:
    use(monkeypatch, catalogue())
    return signing_key


@pytest.fixture
def spa(a_browser: Callable[..., Browser]) -> PublicApp:
    return PublicApp.registered_by(a_browser())


@pytest.fixture
def door(other_shop: ClientApp) -> ClientApp:
    """The application that the operator made the API at the door."""
    application_edit.serve_resource(other_shop.client_id, DOOR)
    return other_shop


def connected(app: ClientApp, browser: Browser, **changed: str | None) -> dict[str, Any]:
    """The tokens of a connection with the door, unless `changed` says otherwise."""
    page = browser.open(app.authorize_path(**{"resource": DOOR, "scope": "scan", **changed}))
    names = list(browser.user.organizers.values())
    chosen = "Big Events LLC" if "Big Events LLC" in names else names[0]
    page = page if page.left_to else answer(browser, page, organizer=chosen)
    found = app.exchange(page.code)
    assert found.status_code == 200, found.text
    return dict(found.json())


def read(base_url: str, token: str) -> jwt.Token:
    """A token whose signature is good, as an API reads it with the published keys."""
    published = requests.get(f"{base_url}/.well-known/jwks.json", timeout=10).json()
    return jwt.decode(token, KeySet.import_key_set(published), algorithms=["RS256", "ES256", "EdDSA"])


def introspected(app: ClientApp, token: str) -> dict[str, Any]:
    url = app.base_url + "/api/v1/oauth/introspect"
    return dict(app.http.post(url, data={"token": token}, auth=(app.client_id, app.secret)).json())
