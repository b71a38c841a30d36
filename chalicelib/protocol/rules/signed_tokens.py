"""JSON Web Tokens that others signed (RFC 7519, RFC 7515): whose key signed one, and when it counts.

joserfc does the cryptography. It is imported when a token arrives: requests without one do not pay for the import.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from chalicelib.protocol.rules import strict_json


class NotSigned(ValueError):
    """The token cannot be accepted. The message says why, after "it"."""


def decoded(text: str) -> bytes:
    """Base64url without padding, as bytes. Raises ValueError."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def header(token: str) -> dict[str, Any]:
    """The unverified header. Raises NotSigned if header and claims are not JSON objects."""
    try:  # joserfc would follow any depth of nesting in a header
        first, second, _ = token.split(".")
        strict_json.read_object(decoded(second))
        return strict_json.read_object(decoded(first))
    except ValueError as error:
        raise NotSigned("is not a JWT") from error


def signed_by(token: str, key: Mapping[str, Any]) -> dict[str, Any]:
    """Return the claims if this key signed the token with its own `alg`, whatever the header says. key: a public JWK.

    Raises NotSigned.
    """
    from joserfc.errors import JoseError
    from joserfc.jwk import import_key
    from joserfc.jws import JWSRegistry

    header(token)
    signed, _, signature = token.rpartition(".")
    # Not through joserfc's deserialization: it warns of the name EdDSA, which clients still expect (RFC 9864 is new).
    model = JWSRegistry.algorithms[key["alg"]]
    try:
        is_good = model.verify(signed.encode(), decoded(signature), import_key(dict(key)))
    except (JoseError, ValueError, TypeError) as error:
        raise NotSigned("has a signature that cannot be read") from error
    if not is_good:
        raise NotSigned("was not signed by this key")
    return strict_json.read_object(decoded(signed.partition(".")[2]))


def verified(token: str, keys: Iterable[Mapping[str, Any]], algorithms: Collection[str]) -> dict[str, Any]:
    """Return the claims if one of the keys signed them. keys: public JWKs; those of other kinds are passed over.

    Raises NotSigned.
    """
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import import_key

    header(token)
    for key in keys:
        try:
            return dict(jwt.decode(token, import_key(dict(key)), algorithms=list(algorithms)).claims)
        except (JoseError, ValueError, TypeError, KeyError):
            continue
    raise NotSigned("was not signed by any of the known keys")
