"""Applications authenticate at the token and revocation endpoints, and anything malformed is refused."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import boto3
import pytest
import requests

from chalicelib import settings
from infra.deployment import tables
from tests.actors import Browser, ClientApp
from tests.gateway import Gateway
from tests.store_proxy import StoreProxy


def basic(credentials: str | bytes, scheme: str = "Basic") -> dict[str, str]:
    raw = credentials.encode() if isinstance(credentials, str) else credentials
    return {"Authorization": f"{scheme} {base64.b64encode(raw).decode()}"}


def assert_invalid_client(answer: requests.Response) -> None:
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), answer.text
    assert answer.headers["WWW-Authenticate"].startswith('Basic realm="')
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.fixture
def tokens(john: Browser, shop: ClientApp) -> dict[str, Any]:
    return shop.connect(john, "Big Events LLC")


@pytest.mark.spec("RFC 6749 §5.2", "docs/security.md")
def test_wrong_secret_and_unknown_client_get_the_same_401_with_a_basic_challenge(
    shop: ClientApp, other_shop: ClientApp, tokens: dict[str, Any], store: StoreProxy
) -> None:
    pairs = [
        (shop.client_id, other_shop.secret),
        (shop.client_id, shop.secret[:-1]),
        (shop.client_id, shop.secret.swapcase()),
        ("nobody", shop.secret),
        (shop.client_id.swapcase(), shop.secret),
    ]
    bodies, costs = set(), set()
    for auth in pairs:
        with store.count() as calls:
            refused = shop.refresh(tokens["refresh_token"], auth=auth)
        assert_invalid_client(refused)
        bodies.add(refused.text)
        # The developer of an application that exists gets a line. Its client id is no secret (RFC 6749 §2.2).
        costs.add(tuple(call.tables for call in calls if call.tables != ("test-recent_requests",)))
    assert len(bodies) == 1
    assert len(costs) == 1
    assert shop.me(tokens["access_token"]).status_code == 200


@pytest.mark.spec("RFC 6749 §5.2")
def test_revocation_endpoint_sends_the_same_challenge(shop: ClientApp, tokens: dict[str, Any]) -> None:
    stranger = ClientApp(shop.base_url, shop.client_id, "wrong", shop.redirect_uri)
    assert_invalid_client(stranger.revoke(tokens["access_token"]))
    assert_invalid_client(stranger.revoke("unknown"))
    assert shop.me(tokens["access_token"]).status_code == 200


@pytest.mark.spec("RFC 6749 §2.3.1")
@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC", "bAsIc"])
def test_basic_scheme_is_case_insensitive(shop: ClientApp, tokens: dict[str, Any], scheme: str) -> None:
    headers = basic(f"{shop.client_id}:{shop.secret}", scheme)
    assert shop.refresh(tokens["refresh_token"], headers=headers).status_code == 200


@pytest.mark.spec("RFC 6749 §2.3.1")
def test_basic_credentials_are_form_decoded(shop: ClientApp, tokens: dict[str, Any]) -> None:
    encoded = "".join(f"%{ord(character):02x}" for character in shop.client_id)
    headers = basic(f"{encoded}:{shop.secret.replace('_', '%5F')}")
    assert shop.refresh(tokens["refresh_token"], headers=headers).status_code == 200


@pytest.mark.spec("RFC 6749 §2.3.1", "node-oidc-provider f1bb868")
def test_malformed_basic_header_gets_401(shop: ClientApp, tokens: dict[str, Any]) -> None:
    good = f"{shop.client_id}:{shop.secret}"
    encoded = base64.b64encode(good.encode()).decode()
    malformed = [
        {"Authorization": value}
        for value in (
            "",
            "Basic",
            "Basic ",
            encoded,
            f"Basic{encoded}",
            f"Bearer {encoded}",
            f"Digest {encoded}",
            f"Basic {encoded}!",
            f"Basic {encoded[:10]} {encoded[10:]}",
            f"Basic {encoded}, Basic {encoded}",
            f"Basic {good}",
            f"Basic {encoded}====",
            f"Basic {encoded.rstrip('=')}=a",
        )
    ]
    malformed += [
        basic(raw)
        for raw in (
            "",
            ":",
            shop.client_id,
            f"{shop.client_id}:",
            f":{shop.secret}",
            f"{good}:",
            f" {good}",
            f"{good} ",
            f"{good}\n",
            f"{good}\0",
            f"{good}%",
            f"{good}%zz",
            f"{good}%00",
            f"{'a' * 129}:{shop.secret}",
            f"{shop.client_id}%ff:{shop.secret}",
            good.encode() + b"\xff",
            good.encode("utf-16"),
        )
    ]
    for headers in malformed:
        assert_invalid_client(shop.refresh(tokens["refresh_token"], headers=headers))


@pytest.mark.spec("RFC 6749 §2.3.1", "node-oidc-provider f1bb868", "RFC 4648 §3.5")
def test_basic_credentials_in_noncanonical_base64_get_401(base_url: str, shop: ClientApp) -> None:
    for padding in ("", "x", "xx"):
        raw = f"{shop.client_id}:{shop.secret}{padding}"
        proper = base64.b64encode(raw.encode()).decode()
        if proper.endswith("="):
            last = len(proper.rstrip("=")) - 1
            alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
            loose = proper[:last] + alphabet[alphabet.index(proper[last]) + 1] + proper[last + 1 :]
            assert base64.b64decode(loose) == raw.encode()
            refused = shop.refresh("x", headers={"Authorization": f"Basic {loose}"})
            assert_invalid_client(refused)
            assert "cannot be decoded" in refused.json()["error_description"]
            unpadded = shop.refresh("x", headers={"Authorization": f"Basic {proper.rstrip('=')}"})
            assert_invalid_client(unpadded)


@pytest.mark.spec("RFC 6749 §2.3.1", "RFC 6749 §2.3")
def test_two_authentication_methods_or_two_client_ids_are_an_invalid_request(
    shop: ClientApp, other_shop: ClientApp, tokens: dict[str, Any]
) -> None:
    for more in (
        {"client_secret": shop.secret},
        {"client_secret": "wrong"},
        {"client_id": shop.client_id, "client_secret": shop.secret},
        {"client_id": other_shop.client_id},
        {"client_id": shop.client_id.lower() + "x"},
    ):
        for answer in (
            shop.refresh(tokens["refresh_token"], **more),
            shop.revoke(tokens["refresh_token"], **more),
        ):
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert shop.refresh(tokens["refresh_token"], client_id=shop.client_id, client_secret="").status_code == 200


@pytest.mark.spec("RFC 6749 §5.2", "RFC 8414 §2")
def test_missing_credentials_get_401(shop: ClientApp, tokens: dict[str, Any]) -> None:
    assert_invalid_client(shop.refresh(tokens["refresh_token"], headers={}))
    assert_invalid_client(shop.refresh(tokens["refresh_token"], headers={}, client_id=shop.client_id))
    assert_invalid_client(shop.refresh(tokens["refresh_token"], headers={}, client_secret=shop.secret))


@pytest.mark.spec("docs/security.md", "RFC 6749 §10.10")
def test_no_table_holds_a_code_token_secret_cookie_or_password_in_the_clear(
    john: Browser, shop: ClientApp, tokens: dict[str, Any]
) -> None:
    code = john.open(shop.authorize_path()).code
    refreshed = shop.refresh(tokens["refresh_token"]).json()
    assert john.person
    secrets = [code, tokens["access_token"], tokens["refresh_token"], refreshed["access_token"], shop.secret]
    secrets += [john.person.password, *(str(cookie.value) for cookie in john.http.cookies)]
    client = boto3.client("dynamodb")
    kept = ""
    for model in tables.MODELS:
        for page in client.get_paginator("scan").paginate(TableName=model.table()):
            kept += str(page["Items"])
    assert shop.client_id in kept
    for secret in filter(None, secrets):
        assert secret not in kept
        assert secret[-49:] not in kept


@pytest.mark.spec("RFC 6749 §2.3.1", "RFC 9110 §5.3")
def test_two_authorization_headers_get_401(
    shop: ClientApp, tokens: dict[str, Any], application: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = basic(f"{shop.client_id}:{shop.secret}")["Authorization"]
    client = requests.Session()
    client.mount("https://", Gateway(application, "", repeated={"Authorization": [basic("a:b")["Authorization"], own]}))
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    monkeypatch.setattr(settings, "SETTINGS", replace(settings.SETTINGS, public_url=None))
    assert_invalid_client(client.post("https://abc.example/api/v1/oauth/token", data=form))
