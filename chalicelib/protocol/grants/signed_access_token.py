"""Signed access tokens: JWTs that an API checks by itself (RFC 9068), if the permission catalogue says so for it.

The stored item of the token has everything that the token says. So the same token can be made again for a client whose
response was lost: with the same key, RS256 and EdDSA give the same bytes. ES256 gives another signature each time, of
the same claims and `jti`.

Lanyard's own API takes none of them: what it gives out has to end at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chalicelib import clock
from chalicelib.keys import signing
from chalicelib.models import ended_tokens
from chalicelib.models.access_token import AccessToken
from chalicelib.models.application import Application
from chalicelib.protocol.grants.grant_type import TokenAnswer
from chalicelib.protocol.rules import resource_indicators, scopes, subjects

TYPE = "at+jwt"  # RFC 9068 §2.1


def handed_out(
    tokens: TokenAnswer, item: AccessToken, client: Application, *, issuer: str, signed_in_at: int | None = None
) -> TokenAnswer:
    """What the client gets: the tokens, with the signed token in place of the opaque one if the item says so. Then
    nobody ever sees the opaque one, whose digest is in the signed token's `jti`.

    signed_in_at: when the user signed in, if that is known. Call it before the item is stored: a code must not be used
    up by a request that cannot sign. Raises SigningKeyMissing, SigningKeyUnavailable.
    """
    tokens = replace(tokens, is_bound=item.jkt is not None)
    if not item.signed:
        return tokens
    lifetime = max(0, item.expires_at - clock.now())
    signed = signing.sign(claims(item, client, issuer=issuer, signed_in_at=signed_in_at), token_type=TYPE)
    return replace(tokens, access_token=signed, expires_in=lifetime)


def claims(
    item: AccessToken, client: Application, *, issuer: str, signed_in_at: int | None = None
) -> Mapping[str, Any]:
    """The claims of a signed access token (RFC 9068 §2.2). The one place that puts them together: what else a token
    says is an attribute of the stored item or of its grant, and a line here."""
    return {
        "iss": issuer,
        "aud": resource_indicators.as_in_catalogue(item.resource or ""),
        "sub": client.public_id if item.user_id == item.client_id else subjects.of(client, item.user_id),
        "client_id": client.public_id,
        "scope": _scope(item),
        "jti": item.jti,
        "iat": int(item.issued_at),
        "exp": int(item.expires_at),
        **({"auth_time": int(signed_in_at)} if signed_in_at is not None else {}),
        **({"cnf": {"jkt": item.jkt}} if item.jkt else {}),  # RFC 9449 §6.1
        **_organizers(item),
        "ends_with": _handles(item),
    }


def _handles(item: AccessToken) -> list[str]:
    """Where the list of ended tokens names one of these, this token has ended (models/ended_tokens.py)."""
    return [
        ended_tokens.handle_of_user(item.user_id),
        ended_tokens.handle_of_application(item.client_id),
        *([ended_tokens.handle_of_consent(item.consent_id)] if item.consent_id else []),
        ended_tokens.handle_of_token(item.jti),
    ]


def _scope(item: AccessToken) -> str:
    """The token's scopes and all that they include, as introspection says it: the API does not have our catalogue."""
    given = item.scope.split()
    return " ".join(scopes.narrowed({*given, *scopes.with_implied(given)}, item.resource))


def _organizers(item: AccessToken) -> dict[str, Any]:
    """Which organizers the token covers; only how many, if they are too many for a header: then the API has to ask."""
    count = len(item.organizers or ())
    if len(item.told_organizers) < count:
        return {"organizers_count": count}
    return {"organizers": sorted(item.told_organizers)} if count else {}
