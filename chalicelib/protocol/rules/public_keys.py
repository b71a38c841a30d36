"""The public keys of applications that are good enough to check a signature with (RFC 7517, RFC 7518)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.protocol.rules import signed_tokens

RSA_MIN_BITS = 2048
RSA_MAX_BITS = 8192
_RSA_EXPONENT_MAX_BITS = 32  # 65537 has 17
_PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


class Unreadable(ValueError):
    """The members of the key do not make a key."""


def is_public(key: object) -> bool:
    """True for a JWK that has no private part."""
    return isinstance(key, dict) and not _PRIVATE & set(key)


def is_fit(key: Mapping[str, Any]) -> bool:
    """True for a key to check signatures with: RSA, EC on P-256 or Ed25519. Raises Unreadable."""
    from joserfc.errors import JoseError
    from joserfc.jwk import import_key

    try:
        is_known = (key.get("kty"), key.get("crv")) in (("EC", "P-256"), ("OKP", "Ed25519"))
        is_good = (is_known or (key.get("kty") == "RSA" and _is_fit_for_rsa(key))) and key.get("use", "sig") == "sig"
        if is_good:
            import_key(dict(key))
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise Unreadable("not a key") from error
    return is_good


def thumbprint(key: Mapping[str, Any]) -> str:
    """The SHA-256 thumbprint of a fit key, base64url (RFC 7638)."""
    from joserfc.jwk import import_key

    return str(import_key(dict(key)).thumbprint())


def _is_fit_for_rsa(key: Mapping[str, Any]) -> bool:
    """True if the key is long enough to be safe and short enough to check quickly. OpenSSL limits the exponent too."""
    modulus, exponent = (int.from_bytes(signed_tokens.decoded(key[name])) for name in ("n", "e"))
    is_usual = exponent % 2 == 1 and 1 < exponent < 2**_RSA_EXPONENT_MAX_BITS
    return is_usual and RSA_MIN_BITS <= modulus.bit_length() <= RSA_MAX_BITS
