"""An authorization code is bound to its client, redirect URI, scope and challenge, and expires."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable

import pytest
import requests

from tests.actors import Browser, ClientApp
from tests.conftest import Clock

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
PKCE = {
    "code_challenge": base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("="),
    "code_challenge_method": "S256",
}


def a_code(browser: Browser, shop: ClientApp, **changed: str | None) -> str:
    page = browser.open(shop.authorize_path(**changed))
    return (page if page.left_to else browser.allow(page, "Big Events LLC")).code


def assert_invalid_grant(answer: requests.Response) -> None:
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant"), answer.text


@pytest.mark.spec("RFC 6749 §4.1.3", "RFC 6749 §10.10")
def test_client_cannot_choose_its_refresh_token(john: Browser, shop: ClientApp) -> None:
    tokens = shop.exchange(a_code(john, shop), refresh_token="lyrt_chosen").json()
    assert len(tokens["refresh_token"]) > 60
    assert shop.refresh("lyrt_chosen").json()["error"] == "invalid_grant"


@pytest.mark.spec("RFC 6749 §4.1.3", "RFC 6749 §4.1.2")
def test_code_expires_after_a_minute(john: Browser, shop: ClientApp, clock: Clock) -> None:
    code = a_code(john, shop)
    clock.advance(61)
    assert_invalid_grant(shop.exchange(code))
    code = a_code(john, shop)
    clock.advance(55)
    assert shop.exchange(code).status_code == 200


@pytest.mark.spec("RFC 6749 §4.1.3")
def test_code_with_a_different_redirect_uri_is_refused_even_if_it_is_registered(
    john: Browser, a_browser: Callable[..., Browser]
) -> None:
    uris = ("https://shop.example.com/callback?x=1", "https://shop.example.com/other")
    shop = a_browser().register_application("A shop", *uris)
    wrong = [uris[1], uris[0] + "&y=2", uris[0].upper(), uris[0].partition("?")[0], "https://evil.example.com/", "x"]
    for redirect_uri in [*wrong, None]:
        assert_invalid_grant(shop.exchange(a_code(john, shop), redirect_uri=redirect_uri))
    code = a_code(john, shop)
    assert_invalid_grant(shop.exchange(code, redirect_uri=uris[1]))
    assert shop.exchange(code).status_code == 200


@pytest.mark.spec("RFC 6749 §4.1.3")
def test_redirect_uri_left_out_of_the_request_may_be_left_out_of_the_exchange(john: Browser, shop: ClientApp) -> None:
    code = a_code(john, shop, redirect_uri=None)
    assert shop.exchange(code, redirect_uri=None).status_code == 200
    code = a_code(john, shop, redirect_uri=None)
    assert_invalid_grant(shop.exchange(code, redirect_uri="https://evil.example.com/"))
    assert shop.exchange(code).status_code == 200


@pytest.mark.spec("RFC 6749 §4.1.3", "RFC 6749 §4.1.2")
@pytest.mark.parametrize("asked", ["read", "write", "read write", "write read", "profile"])
def test_code_keeps_its_scope_and_the_token_request_cannot_widen_it(john: Browser, shop: ClientApp, asked: str) -> None:
    page = john.open(shop.authorize_path(scope=asked))
    page = john.allow(page) if asked == "profile" else john.allow(page, "Big Events LLC")
    answer = shop.exchange(page.code, scope="read write profile")
    assert answer.status_code == 200
    assert set(answer.json()["scope"].split()) == set(asked.split())
    scopes = set(asked.split())
    token = answer.json()["access_token"]
    assert (shop.organizers(token).status_code == 200) is ("read" in scopes)
    assert shop.me(token).status_code == 200


@pytest.mark.spec("RFC 7636 §4.2", "RFC 7636 §4.6")
def test_code_with_a_challenge_is_exchanged_with_its_verifier(john: Browser, shop: ClientApp) -> None:
    assert shop.exchange(a_code(john, shop, **PKCE), code_verifier=VERIFIER).status_code == 200


@pytest.mark.spec("RFC 9700 §4.8.2", "RFC 7636 §4.6", "CVE-2026-41213")
@pytest.mark.parametrize(
    "verifier",
    [
        None,
        "",
        VERIFIER[:-1],
        VERIFIER + "x",
        VERIFIER.swapcase(),
        "a" * 42,
        "a" * 129,
        PKCE["code_challenge"],
        "ä" * 43,
    ],
)
def test_wrong_verifier_uses_up_the_code(john: Browser, shop: ClientApp, verifier: str | None) -> None:
    code = a_code(john, shop, **PKCE)
    assert_invalid_grant(shop.exchange(code, code_verifier=verifier))
    assert_invalid_grant(shop.exchange(code, code_verifier=VERIFIER))


@pytest.mark.spec("RFC 9700 §4.8.2", "CVE-2026-41213")
def test_wrong_verifier_from_another_client_does_not_use_up_the_code(
    john: Browser, shop: ClientApp, other_shop: ClientApp
) -> None:
    code = a_code(john, shop, **PKCE)
    assert_invalid_grant(other_shop.exchange(code, code_verifier="a" * 43))
    assert shop.exchange(code, auth=(shop.client_id, "wrong"), code_verifier="a" * 43).status_code == 401
    assert shop.exchange(code, code_verifier=VERIFIER).status_code == 200


@pytest.mark.spec("RFC 9700 §4.8.2", "CVE-2025-4144")
def test_verifier_for_a_code_without_a_challenge_is_refused(john: Browser, shop: ClientApp) -> None:
    assert_invalid_grant(shop.exchange(a_code(john, shop), code_verifier=VERIFIER))
