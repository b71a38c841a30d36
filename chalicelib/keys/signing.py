"""The keys that this provider signs with: ID tokens, access tokens for APIs that check them alone (RFC 7515, RFC 7517).

A JWK Set with private keys, in SIGNING_KEYS. The one with the status `active` signs; all of them are published, so that
a successor is known before it signs, and a predecessor until the last token that it signed has expired. A stage without
signing keys signs nothing, and costs nothing more than before.

joserfc does the cryptography. It is imported when something is signed or the keys are requested.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib import settings

ACTIVE = "active"
ALGORITHMS = ("RS256", "ES256", "EdDSA")


class SigningKeyMissing(Exception):
    """The operator has not set a key that signs."""


@dataclass(frozen=True)
class SigningKey:
    """private: the JWK with its private members. status: ACTIVE for the one that signs."""

    key_id: str
    algorithm: str
    status: str
    private: Mapping[str, Any] = field(repr=False)

    @property
    def public(self) -> dict[str, Any]:
        """The JWK as it is published (RFC 7517 §4)."""
        from joserfc.jwk import import_key

        made = import_key(dict(self.private)).as_dict(private=False)
        return {**made, "kid": self.key_id, "alg": self.algorithm, "use": "sig"}


def is_on() -> bool:
    """True if this stage signs. Reads nothing from AWS."""
    return bool(settings.SETTINGS.signing_keys)


def algorithm() -> str:
    """The algorithm of the key that signs. Raises SigningKeyMissing."""
    return _active().algorithm


def sign(claims: Mapping[str, Any], *, token_type: str) -> str:
    """A JWT with these claims, in the compact serialization. token_type: the header `typ`, such as `at+jwt`.

    Raises SigningKeyMissing.
    """
    from joserfc import jwt
    from joserfc.jwk import import_key

    key = _active()
    header = {"alg": key.algorithm, "kid": key.key_id, "typ": token_type}
    return jwt.encode(header, dict(claims), import_key(dict(key.private)), algorithms=[key.algorithm])


def published() -> list[dict[str, Any]]:
    """All public keys, as JWKs. Empty if the stage signs nothing."""
    return [key.public for key in _keys()]


def _active() -> SigningKey:
    found = next((key for key in _keys() if key.status == ACTIVE), None)
    if found is None:
        raise SigningKeyMissing("Set SIGNING_KEYS: nothing can be signed without a key.")
    return found


def _keys() -> tuple[SigningKey, ...]:
    return _parsed(settings.SETTINGS.signing_keys) if settings.SETTINGS.signing_keys else ()


@functools.lru_cache(maxsize=4)
def _parsed(text: str) -> tuple[SigningKey, ...]:
    return tuple(SigningKey(key["kid"], key["alg"], key.get("status", ACTIVE), key) for key in json.loads(text)["keys"])
