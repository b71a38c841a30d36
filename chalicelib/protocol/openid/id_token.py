"""The ID token: who signed in, when and how, signed for one application (OpenID Connect Core §2).

It is made from what is stored with the grant and its access token, and RS256 gives the same signature for the same
claims. So a refresh that is repeated after a lost response gets the same ID token; with PS256 and ES256, one with the
same claims.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib import limits
from chalicelib.keys import signing
from chalicelib.models.access_token import AccessToken
from chalicelib.models.application import Application
from chalicelib.models.grant import Grant
from chalicelib.protocol.rules import answer_algorithms, signed_tokens, subjects
from chalicelib.protocol.rules.signed_tokens import NotSigned

_HASHES = {"EdDSA": hashlib.sha512}  # the hash of each signature algorithm (§3.1.3.6); SHA-256 for the others


@dataclass(frozen=True)
class Hint:
    """An ID token of ours that an application sends back. subject, session_id: its `sub` and its `sid`, as
    `protocol.rules.subjects` made them for the application; session_id is None if it has none."""

    subject: str
    client_id: str
    session_id: str | None


def made(
    of: Grant,
    client: Application,
    access_token: str,
    stored: AccessToken,
    *,
    issuer: str,
    nonce: str | None,
    told: Mapping[str, Any],
) -> str:
    """The signed token.

    access_token: the token that is issued beside it. stored: its item. nonce: the authorization request's; None at a
    refresh (§12.2). told: claims about the user. Raises SigningKeyMissing, SigningKeyUnavailable.
    """
    algorithm = answer_algorithms.for_id_token(client)
    claims = {
        **told,
        "iss": issuer,
        "sub": subjects.of(client, of.user_id),
        "aud": client.public_id,
        "iat": int(stored.issued_at),
        "exp": int(stored.issued_at) + limits.ID_TOKEN_LIFETIME_SECONDS,
        "auth_time": of.auth_time,
        "nonce": nonce,
        "acr": of.acr,
        "amr": of.amr.split(" ") if of.amr else None,
        "sid": subjects.session_of(client, of.session_id),
        "at_hash": _half_hash(access_token, algorithm),
    }
    known = {name: value for name, value in claims.items() if value is not None}
    return signing.sign(known, token_type="JWT", algorithm=algorithm)  # noqa: S106


def read_hint(token: str, *, issuer: str) -> Hint:
    """Whom an ID token of ours is about. One that has expired still says it (§3.1.2.1).

    Raises NotSigned if we did not make it, or signed it with a key that is no longer published.
    """
    if len(token) > limits.ID_TOKEN_LIMIT_CHARACTERS:
        raise NotSigned("is too long")
    claims = signed_tokens.verified(token, signing.published(), signing.ALL)
    subject, client_id, session_id = (claims.get(name) for name in ("sub", "aud", "sid"))
    if claims.get("iss") != issuer or "at_hash" not in claims or not isinstance(subject, str):
        raise NotSigned("is not an ID token of this provider")
    if not isinstance(client_id, str):
        raise NotSigned("is for no application")
    return Hint(subject, client_id, session_id if isinstance(session_id, str) else None)


def _half_hash(text: str, algorithm: str) -> str:
    digest = _HASHES.get(algorithm, hashlib.sha256)(text.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).decode().rstrip("=")
