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
from chalicelib.signing_keys import SIGNS_WITH
from chalicelib.signing_keys import SigningKey as SigningKey

# Every one that a stage may sign with, if it has the key, the preferred one first.
ALL = tuple(name for of_key in ALGORITHMS for name in SIGNS_WITH[of_key])


class SigningKeyMissing(Exception):
    """The operator has not set a key that signs, or none for the algorithm."""


def is_on() -> bool:
    """True if this stage signs. Reads nothing from AWS."""
    return bool(settings.SETTINGS.signing_keys or settings.SETTINGS.signing_keys_parameter)


def algorithm() -> str:
    """The algorithm that signs if nobody asks for another: RS256 if there is such a key.

    Raises SigningKeyMissing, SigningKeyUnavailable.
    """
    return _active(None)[1]


def algorithms() -> tuple[str, ...]:
    """Those that `sign` accepts, the preferred one first. Empty if the stage signs nothing or has no key yet.

    Raises SigningKeyUnavailable.
    """
    return tuple(_signing())


def readable_algorithms() -> tuple[str, ...]:
    """The same for descriptions of this provider, which must not fail with the keys: empty then."""
    try:
        return algorithms()
    except SigningKeyUnavailable:
        return ()


def sign(claims: Mapping[str, Any], *, token_type: str, algorithm: str | None = None) -> str:
    """A JWT with these claims, in the compact serialization (RFC 7515 §3.1).

    claims: JSON values. token_type: the header `typ`, such as `at+jwt`. algorithm: one of `algorithms()`; the preferred
    one if it is None. Raises SigningKeyMissing, SigningKeyUnavailable.
    """
    key, algorithm = _active(algorithm)
    header = {"alg": algorithm, "kid": key.id_for(algorithm), "typ": token_type}
    # By hand, since KMS gives a signature of these bytes, which no library takes. It also spares KMS's users joserfc.
    signed = f"{_base64url(_json(header))}.{_base64url(_json(claims))}".encode()
    signature = kms.sign(key, signed, algorithm) if key.kms else private_keys.sign(key, signed, algorithm)
    return f"{signed.decode()}.{_base64url(signature)}"


def published() -> list[dict[str, Any]]:
    """All public keys, as JWKs, an RSA key's second one after all others: a client that looks for no `kid` takes the
    first. Empty if the stage signs nothing. Raises SigningKeyUnavailable."""
    listed = [key.all_published for key in published_keys.read()]
    return [jwks[0] for jwks in listed] + [jwk for jwks in listed for jwk in jwks[1:]]


def _active(algorithm: str | None) -> tuple[SigningKey, str]:
    """The key for this algorithm, or for the preferred one, and the algorithm."""
    found = _signing()
    chosen = next(iter(found), None) if algorithm is None else algorithm
    if chosen in found:
        return found[chosen], chosen
    what = "a key" if algorithm is None else f"a key for {algorithm}"
    raise SigningKeyMissing(f"Nothing can be signed without {what}: set SIGNING_KEYS_PARAMETER and run keys new.")


def _signing() -> dict[str, SigningKey]:
    """The key that signs with each algorithm, the preferred one first."""
    found = [key for key in published_keys.read() if key.status == ACTIVE]
    found.sort(key=lambda key: ALGORITHMS.index(key.algorithm))
    return {name: key for key in found for name in SIGNS_WITH[key.algorithm]}


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
