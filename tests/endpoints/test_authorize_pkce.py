"""PKCE is enforced at the authorization endpoint and at the token endpoint (RFC 7636)."""

from __future__ import annotations

import base64
import hashlib

import pytest

from tests.actors import Browser, ClientApp

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"


def challenge_of(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


CHALLENGE = challenge_of(VERIFIER)


def code_for(browser: Browser, shop: ClientApp, challenge: str | None) -> str:
    method = "S256" if challenge else None
    path = shop.authorize_path(code_challenge=challenge, code_challenge_method=method)
    page = browser.open(path)
    return (page if page.left_to else browser.allow(page, "Small Shows")).code


@pytest.mark.spec("RFC 7636 §4.2", "RFC 7636 §4.6", "RFC 7636 appendix B")
@pytest.mark.parametrize("verifier", [VERIFIER, "a" * 43, "-._~" * 32])
def test_code_is_exchanged_with_its_verifier(john: Browser, shop: ClientApp, verifier: str) -> None:
    code = code_for(john, shop, challenge_of(verifier))
    assert shop.exchange(code, code_verifier=verifier).status_code == 200


@pytest.mark.spec("RFC 7636 §4.2", "RFC 7636 §4.4.1", "CVE-2025-4144")
@pytest.mark.parametrize(
    ("challenge", "method"),
    [
        (CHALLENGE, None),
        (CHALLENGE, ""),
        (CHALLENGE, "plain"),
        (CHALLENGE, "s256"),
        (CHALLENGE, "S512"),
        (VERIFIER, "plain"),
        (CHALLENGE[:42], "S256"),
        (CHALLENGE + "A", "S256"),
        (CHALLENGE + "=", "S256"),
        (CHALLENGE[:42] + "+", "S256"),
        (CHALLENGE[:42] + "é", "S256"),
        (CHALLENGE + "\n", "S256"),
        (None, "S256"),
        ("", "S256"),
    ],
)
def test_code_challenge_that_is_malformed_or_not_s256_is_refused(
    john: Browser, shop: ClientApp, challenge: str | None, method: str | None
) -> None:
    code_for(john, shop, CHALLENGE)
    page = john.open(shop.authorize_path(code_challenge=challenge, code_challenge_method=method))
    assert page.answer["error"] == "invalid_request"
    assert "code_challenge" in page.answer["error_description"]
    assert page.answer["state"] == "xyz"


@pytest.mark.spec("RFC 7636 §4.2", "RFC 9700 §4.8.2", "RFC 7636 §4.6", "CVE-2026-41213")
@pytest.mark.parametrize("wrong", [None, "", VERIFIER[:-1] + "x", CHALLENGE, VERIFIER + "\n"])
def test_wrong_verifier_uses_up_the_code(john: Browser, shop: ClientApp, wrong: str | None) -> None:
    code = code_for(john, shop, CHALLENGE)
    guess = shop.exchange(code, code_verifier=wrong)
    assert (guess.status_code, guess.json()["error"]) == (400, "invalid_grant")
    right = shop.exchange(code, code_verifier=VERIFIER)
    assert (right.status_code, right.json()["error"]) == (400, "invalid_grant")


@pytest.mark.spec("RFC 7636 §4.2", "RFC 7636 §4.1", "CVE-2026-41213")
@pytest.mark.parametrize("weak", ["a", "a" * 42, "a" * 129, "a" * 42 + "+", "a" * 42 + " "])
def test_too_short_verifier_is_refused_even_if_it_matches(john: Browser, shop: ClientApp, weak: str) -> None:
    answer = shop.exchange(code_for(john, shop, challenge_of(weak)), code_verifier=weak)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


@pytest.mark.spec("RFC 9700 §4.8.2", "CVE-2025-4144")
def test_verifier_for_a_code_without_a_challenge_is_refused_as_a_downgrade(john: Browser, shop: ClientApp) -> None:
    stripped = shop.exchange(code_for(john, shop, None), code_verifier=VERIFIER)
    assert (stripped.status_code, stripped.json()["error"]) == (400, "invalid_grant")


@pytest.mark.spec("RFC 7636 §4.2", "RFC 9700 §2.1.1")
def test_code_is_not_exchanged_with_the_verifier_of_another_code(john: Browser, shop: ClientApp) -> None:
    mine, injected = code_for(john, shop, CHALLENGE), code_for(john, shop, challenge_of("b" * 50))
    assert shop.exchange(injected, code_verifier=VERIFIER).json()["error"] == "invalid_grant"
    assert shop.exchange(mine, code_verifier=VERIFIER).status_code == 200
