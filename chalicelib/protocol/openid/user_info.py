"""UserInfo: the claims that a user allowed, for whoever has the access token (OpenID Connect Core §5.3)."""

from __future__ import annotations

from typing import Any

from chalicelib.keys import signing
from chalicelib.models.application import Application
from chalicelib.models.user import User
from chalicelib.protocol.openid import claims
from chalicelib.protocol.rules import answer_algorithms, subjects


def described(user: User, client: Application, allowed: frozenset[str]) -> dict[str, Any]:
    """client, allowed: whose access token it is, and its scopes."""
    return {"sub": subjects.of(client, user.user_id), **claims.of_scopes(allowed, user)}


def signed(described: dict[str, Any], client: Application, *, issuer: str) -> str | None:
    """The same as a JWT, if the application registered for that (§5.3.2); None if it did not. Raises
    SigningKeyMissing."""
    algorithm = answer_algorithms.for_user_info(client)
    if algorithm is None:
        return None
    signed = {**described, "iss": issuer, "aud": client.public_id}
    return signing.sign(signed, token_type="JWT", algorithm=algorithm)  # noqa: S106
