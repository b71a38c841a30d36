"""The provider's public keys, which others check its signatures with (RFC 7517)."""

from __future__ import annotations

import requests
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from chalicelib.keys import signing


def test_what_the_provider_signs_can_be_checked_with_what_it_publishes(base_url: str, signing_key: RSAKey) -> None:
    metadata = requests.get(f"{base_url}/.well-known/oauth-authorization-server", timeout=10).json()
    published = requests.get(metadata["jwks_uri"], timeout=10).json()
    token = signing.sign({"sub": "somebody"}, token_type="JWT")
    checked = jwt.decode(token, KeySet.import_key_set(published), algorithms=["RS256"])
    assert checked.claims == {"sub": "somebody"}
    assert checked.header == {"alg": "RS256", "kid": "first", "typ": "JWT"}


def test_no_private_part_of_a_key_is_published(base_url: str, signing_key: RSAKey) -> None:
    (published,) = requests.get(f"{base_url}/.well-known/jwks.json", timeout=10).json()["keys"]
    assert set(published) == {"kty", "n", "e", "kid", "alg", "use"}


def test_stage_without_signing_keys_publishes_none(base_url: str) -> None:
    metadata = requests.get(f"{base_url}/.well-known/oauth-authorization-server", timeout=10).json()
    assert "jwks_uri" not in metadata
    assert requests.get(f"{base_url}/.well-known/jwks.json", timeout=10).json() == {"keys": []}
