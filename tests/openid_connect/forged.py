"""Tokens that this provider did not make, which somebody could send as one of its own."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

from chalicelib.keys import signing


def every_kind(real: Mapping[str, Any], key: RSAKey) -> dict[str, str]:
    """By what is wrong with each. real: the claims of an ID token. key: that the provider signs with."""
    claims = dict(real)
    stranger = RSAKey.generate_key(2048, {"kid": str(key.kid)})
    return {
        "alg none": _unsigned({"alg": "none"}, claims),
        "another key": jwt.encode({"alg": "RS256", "kid": key.kid}, claims, stranger),
        "public key as a secret": _mac_with(key.as_pem(private=False), claims),
        "another issuer": signing.sign({**claims, "iss": "https://evil.example"}, token_type="JWT"),
        "no ID token": signing.sign({"iss": claims["iss"], "sub": "x", "aud": claims["aud"]}, token_type="JWT"),
        "nonsense": "nonsense",
        "long": "a." * 5000,
    }


def _unsigned(header: dict[str, str], claims: dict[str, Any]) -> str:
    parts = (json.dumps(part).encode() for part in (header, claims))
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "."


def _mac_with(secret: bytes, claims: dict[str, Any]) -> str:
    unsigned = _unsigned({"alg": "HS256"}, claims).removesuffix(".")
    mac = hmac.digest(secret, unsigned.encode(), "sha256")
    return f"{unsigned}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"
