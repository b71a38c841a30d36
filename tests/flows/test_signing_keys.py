"""The provider's public keys, which others check its signatures with (RFC 7517)."""

from __future__ import annotations

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from chalicelib import limits
from chalicelib.keys import signing

JWKS = "{}/.well-known/jwks.json"


def test_what_the_provider_signs_can_be_checked_with_what_it_publishes(base_url: str, signing_key: RSAKey) -> None:
    metadata = requests.get(f"{base_url}/.well-known/oauth-authorization-server", timeout=10).json()
    published = requests.get(metadata["jwks_uri"], timeout=10).json()
    token = signing.sign({"sub": "somebody"}, token_type="JWT")
    checked = jwt.decode(token, KeySet.import_key_set(published), algorithms=["RS256"])
    assert checked.claims == {"sub": "somebody"}
    assert checked.header == {"alg": "RS256", "kid": "first", "typ": "JWT"}


def test_no_private_part_of_a_key_is_published(base_url: str, signing_key: RSAKey) -> None:
    published = requests.get(f"{base_url}/.well-known/jwks.json", timeout=10).json()["keys"]
    assert [set(key) for key in published] == [{"kty", "n", "e", "kid", "alg", "use"}] * 2


@pytest.mark.usefixtures("monkeypatch")  # a deployment has keys
def test_stage_without_signing_keys_publishes_none(base_url: str) -> None:
    metadata = requests.get(f"{base_url}/.well-known/oauth-authorization-server", timeout=10).json()
    assert "jwks_uri" not in metadata
    assert requests.get(JWKS.format(base_url), timeout=10).json() == {"keys": []}


@pytest.mark.usefixtures("signing_key")
def test_published_keys_may_be_cached_and_read_by_scripts_of_any_site(base_url: str) -> None:
    answer = requests.get(JWKS.format(base_url), headers={"Origin": "https://spa.example.com"}, timeout=10)
    assert answer.headers["Cache-Control"] == f"public, max-age={limits.PUBLISHED_KEYS_CACHED_SECONDS}"
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "ETag" not in answer.headers
    assert "Set-Cookie" not in answer.headers


@pytest.mark.usefixtures("signing_key")
def test_published_keys_answer_head_and_refuse_other_methods(base_url: str) -> None:
    head = requests.head(JWKS.format(base_url), timeout=10)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Cache-Control"] == f"public, max-age={limits.PUBLISHED_KEYS_CACHED_SECONDS}"
    post = requests.post(JWKS.format(base_url), json={"keys": []}, timeout=10)
    assert (post.status_code, set(post.headers["Allow"].split(", "))) == (405, {"GET", "HEAD"})


def test_stage_without_signing_keys_signs_nothing_and_says_what_to_set(base_url: str) -> None:
    assert base_url
    assert not signing.is_on()
    assert signing.algorithms() == ()
    with pytest.raises(signing.SigningKeyMissing, match="SIGNING_KEYS_PARAMETER"):
        signing.sign({}, token_type="JWT")
