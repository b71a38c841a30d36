"""The ID token: what an identity provider says about who signed in (OpenID Connect Core §3.1.3.7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib import clock, credentials, limits
from chalicelib.protocol.rules import signed_tokens
from chalicelib.protocol.rules.signed_tokens import NotSigned
from chalicelib.protocol.upstream import provider_documents
from chalicelib.protocol.upstream.provider_documents import ProviderMetadata

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")


def check(token: str, provider: ProviderMetadata, *, client_id: str, nonce: str) -> dict[str, Any]:
    """Return the claims of a token that this provider made for us, now, and for the sign-in with this nonce.

    Raises NotSigned, ProviderUnavailable.
    """
    if len(token) > limits.ID_TOKEN_LIMIT_CHARACTERS:
        raise NotSigned("is too long")
    key_id = signed_tokens.header(token).get("kid")
    if key_id is not None and not isinstance(key_id, str):
        raise NotSigned("names a key by something that is no text")
    claims = signed_tokens.verified(token, provider_documents.keys_for(provider, key_id), ALGORITHMS)
    _check_issuer_and_audience(claims, provider.issuer, client_id)
    _check_times(claims)
    sent = claims.get("nonce")
    if not isinstance(sent, str) or not credentials.is_same(sent, nonce):
        raise NotSigned("is not for this sign-in")
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise NotSigned("has no sub")
    return claims


def _check_issuer_and_audience(claims: Mapping[str, Any], issuer: str, client_id: str) -> None:
    if claims.get("iss") != issuer:
        raise NotSigned("names another issuer")
    audience = claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    if client_id not in named:
        raise NotSigned("is for another client")
    # With more than one audience, or where it is named, the party that it was issued to must be us.
    if (len(named) > 1 or "azp" in claims) and claims.get("azp") != client_id:
        raise NotSigned("was issued to another client")


def _check_times(claims: Mapping[str, Any]) -> None:
    now, skew = clock.now(), limits.ID_TOKEN_SKEW_SECONDS
    for name in ("exp", "iat", *({"nbf"} & set(claims))):
        if isinstance(claims.get(name), bool) or not isinstance(claims.get(name), int | float):
            raise NotSigned(f"has no {name}")
    if claims["exp"] <= now - skew:
        raise NotSigned("has expired")
    if claims["iat"] > now + skew or claims.get("nbf", 0) > now + skew:
        raise NotSigned("is from the future")
