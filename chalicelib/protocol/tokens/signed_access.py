"""Signed access tokens that come back to us, to be introspected or revoked. No API of ours takes one.

A signature says only that we issued the token. Whether it counts is decided as for an opaque one: by its grant, whose
live access token has to be this one.
"""

from __future__ import annotations

import hmac

from chalicelib import limits
from chalicelib.keys import signing
from chalicelib.models import access_token
from chalicelib.models.access_token import AccessToken
from chalicelib.protocol.grants import signed_access_token
from chalicelib.protocol.rules import signed_tokens
from chalicelib.protocol.tokens import bearer
from chalicelib.protocol.tokens.bearer import Access, BearerError


def recognize(token: str, *, issuer: str) -> str | None:
    """The `jti` of an access token that we signed, expired or not; None for anything else. Reads no store.

    issuer: this provider's URL. Raises what reading the keys raises.
    """
    if token.count(".") != 2 or len(token) > limits.SIGNED_TOKEN_LIMIT_CHARACTERS or not signing.is_on():
        return None
    try:
        head = signed_tokens.header(token)
        key = next((key for key in signing.published() if key["kid"] == head.get("kid")), None)
        if key is None or head != {"alg": key["alg"], "kid": key["kid"], "typ": signed_access_token.TYPE}:
            return None
        claims = signed_tokens.signed_by(token, key)
    except signed_tokens.NotSigned:
        return None
    jti = claims.get("jti")
    return jti if claims.get("iss") == issuer and isinstance(jti, str) else None


def access_of(token: str, *, issuer: str) -> Access:
    """What a signed token allows at this moment. Raises BearerError if it does not count. One round trip."""
    jti = recognize(token, issuer=issuer)
    if jti is None:
        raise BearerError(401, "invalid_token", bearer.UNKNOWN)
    return bearer.access(access_token.grant_of(jti), lambda live: is_same(live, jti))


def is_same(live: AccessToken, jti: str) -> bool:
    """True if the live access token is the signed one with this id."""
    return bool(live.signed) and hmac.compare_digest(live.jti, jti)
