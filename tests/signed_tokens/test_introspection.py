"""Introspection answers with a signature, for those who ask for it (RFC 9701)."""

from __future__ import annotations

import pytest
import requests

from tests.actors import Browser, ClientApp
from tests.conftest import Clock
from tests.signed_tokens.conftest import DOOR, connected, introspected, read

pytestmark = pytest.mark.spec("RFC 9701 §4", "RFC 9701 §5")
SIGNED = "application/token-introspection+jwt"


def asked(app: ClientApp, token: str, accept: str = SIGNED) -> requests.Response:
    url = app.base_url + "/api/v1/oauth/introspect"
    return app.http.post(url, data={"token": token}, auth=(app.client_id, app.secret), headers={"Accept": accept})


@pytest.mark.usefixtures("signs")
def test_signed_answer_says_the_same_and_for_whom(
    john: Browser, shop: ClientApp, door: ClientApp, clock: Clock
) -> None:
    token = connected(shop, john)["access_token"]
    answered = asked(door, token)
    assert answered.headers["Content-Type"] == SIGNED
    assert answered.headers["Cache-Control"] == "no-store"
    found = read(shop.base_url, answered.text)
    assert found.header == {"alg": "RS256", "kid": "first", "typ": "token-introspection+jwt"}
    assert set(found.claims) == {"iss", "aud", "iat", "token_introspection"}
    assert (found.claims["iss"], found.claims["aud"]) == (shop.base_url, door.client_id)
    assert found.claims["token_introspection"] == introspected(door, token)
    assert found.claims["token_introspection"]["aud"] == DOOR


@pytest.mark.usefixtures("signs")
def test_inactive_token_is_told_with_a_signature_too_and_the_answer_is_no_token(
    john: Browser, shop: ClientApp, door: ClientApp
) -> None:
    answered = asked(door, "lyat_unknown")
    assert read(shop.base_url, answered.text).claims["token_introspection"] == {"active": False}
    assert introspected(door, answered.text) == {"active": False}


@pytest.mark.usefixtures("signs")
def test_who_does_not_ask_or_does_not_authenticate_gets_json(john: Browser, shop: ClientApp) -> None:
    token = connected(shop, john)["access_token"]
    for accept in ("application/json", "*/*", ""):
        assert asked(shop, token, accept).json()["active"] is True
    url = shop.base_url + "/api/v1/oauth/introspect"
    refused = shop.http.post(url, data={"token": token}, auth=(shop.client_id, "x"), headers={"Accept": SIGNED})
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")


@pytest.mark.spec("RFC 9701 §7")
@pytest.mark.usefixtures("signs")
def test_metadata_names_the_algorithm(base_url: str) -> None:
    metadata = requests.get(f"{base_url}/.well-known/oauth-authorization-server", timeout=10).json()
    assert metadata["introspection_signing_alg_values_supported"] == ["RS256", "PS256"]


def test_stage_without_keys_answers_with_json(john: Browser, shop: ClientApp) -> None:
    token = shop.connect(john, "Big Events LLC")["access_token"]
    assert asked(shop, token).json()["active"] is True
