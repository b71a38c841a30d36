"""What this provider signs: ID tokens, access tokens for APIs that check them alone (RFC 7515, RFC 7519).

The keys are in SIGNING_KEYS, or in a list in SSM, whose private keys are beside it or in KMS: keys/published_keys.py. A
stage without signing keys signs nothing, and costs nothing more than before.

Nothing signs with a key that is not published: `sign` takes its key from the list that `published` answers with, and a
private key that does not belong to the published one signs nothing.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from chalicelib import settings
from chalicelib.keys import kms, private_keys, published_keys
from chalicelib.keys.published_keys import SigningKeyUnavailable as SigningKeyUnavailable
from chalicelib.signing_keys import ACTIVE as ACTIVE
from chalicelib.signing_keys import ALGORITHMS as ALGORITHMS
from chalicelib.signing_keys import SigningKey as SigningKey


class SigningKeyMissing(Exception):
    """The operator has not set a key that signs, or none for the algorithm."""


def is_on() -> bool:
    """True if this stage signs. Reads nothing from AWS."""
    return bool(settings.SETTINGS.signing_keys or settings.SETTINGS.signing_keys_parameter)


def algorithm() -> str:
    """The algorithm that signs if nobody asks for another: RS256 if there is such a key.

    Raises SigningKeyMissing, SigningKeyUnavailable.
    """
    return _active(None).algorithm


def readable_algorithm() -> str | None:
    """The same for descriptions of this provider, which must not fail with the keys; None if the stage signs nothing,
    has no key yet, or cannot read its keys at the moment."""
    if not is_on():
        return None
    try:
        return algorithm()
    except (SigningKeyMissing, SigningKeyUnavailable):
        return None


def algorithms() -> tuple[str, ...]:
    """Those that `sign` accepts, the preferred one first. Empty if the stage signs nothing.

    Raises SigningKeyUnavailable.
    """
    return tuple(key.algorithm for key in _signing())


def sign(claims: Mapping[str, Any], *, token_type: str, algorithm: str | None = None) -> str:
    """A JWT with these claims, in the compact serialization (RFC 7515 §3.1).

    claims: JSON values. token_type: the header `typ`, such as `at+jwt`. algorithm: one of `algorithms()`; the preferred
    one if it is None. Raises SigningKeyMissing, SigningKeyUnavailable.
    """
    key = _active(algorithm)
    header = {"alg": key.algorithm, "kid": key.key_id, "typ": token_type}
    # By hand, since KMS gives a signature of these bytes, which no library takes. It also spares KMS's users joserfc.
    signed = f"{_base64url(_json(header))}.{_base64url(_json(claims))}".encode()
    signature = kms.sign(key, signed) if key.kms else private_keys.sign(key, signed)
    return f"{signed.decode()}.{_base64url(signature)}"


def published() -> list[dict[str, Any]]:
    """All public keys, as JWKs. Empty if the stage signs nothing. Raises SigningKeyUnavailable."""
    return [key.published for key in published_keys.read()]


def _active(algorithm: str | None) -> SigningKey:
    for key in _signing():
        if algorithm in (None, key.algorithm):
            return key
    what = "a key" if algorithm is None else f"a key for {algorithm}"
    raise SigningKeyMissing(f"Nothing can be signed without {what}: set SIGNING_KEYS_PARAMETER and run keys new.")


def _signing() -> list[SigningKey]:
    """The keys that sign, one per algorithm, the preferred one first."""
    found = [key for key in published_keys.read() if key.status == ACTIVE]
    return sorted(found, key=lambda key: ALGORITHMS.index(key.algorithm))


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
