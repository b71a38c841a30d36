"""Introspection: tells an API what an access token allows, and an application about its refresh tokens (RFC 7662).

Any application that authenticates may ask about an access token, since whoever holds it could use it anyway. An
application that the operator made the API of a resource may ask about tokens for that resource. No other application is
told about a token for a resource, except the one it was issued to.

Only the application it was issued to is told about a refresh token. Only the token endpoint takes one, and an API that
was told that it is active would take it for an access token.
"""

from __future__ import annotations

import json
from typing import Any

from oauthlib.oauth2.rfc6749 import errors

from chalicelib import clock, credentials, logs
from chalicelib.credentials import Kind
from chalicelib.keys import signing
from chalicelib.models import grant
from chalicelib.models.application import Application
from chalicelib.protocol.clients import authentication, client_request
from chalicelib.protocol.clients.client_request import ClientRequest, ProtocolAnswer
from chalicelib.protocol.rules import (
    answer_algorithms,
    given_scopes,
    request_parameters,
    resource_indicators,
    scopes,
    subjects,
)
from chalicelib.protocol.tokens import bearer, signed_access
from chalicelib.protocol.tokens.bearer import Access, BearerError

_SIGNED = "token-introspection+jwt"
_SIGNED_TYPE = "application/" + _SIGNED


def introspection_response(request: ClientRequest) -> ProtocolAnswer:
    return client_request.answer(_create, request)


def _create(request: ClientRequest) -> ProtocolAnswer:
    parameters = client_request.read_form(request, request_parameters.INTROSPECTION)
    asking = authentication.authenticate(request.authorization, parameters, issuer=request.issuer)
    if not asking.is_confidential:
        raise errors.UnauthorizedClientError("A public application cannot introspect tokens.")
    if "token" not in parameters:
        raise errors.InvalidRequestError("token is missing.")
    describe = _refresh_token if parameters["token"].startswith(Kind.REFRESH_TOKEN) else _access_token
    described = describe(parameters["token"], asking, request.issuer)
    logs.note(outcome="active" if described else "inactive")
    # The response must not tell why a token is not active (§2.2).
    return _answer(described or {"active": False}, asking, request)


def _answer(described: dict[str, Any], asking: Application, request: ClientRequest) -> ProtocolAnswer:
    """As JSON; signed, if the API asks for it and this server signs, as proof of what we said (RFC 9701 §4, §5)."""
    if not (signing.is_on() and _SIGNED_TYPE in (request.accept or "").lower()):
        return ProtocolAnswer(200, {}, json.dumps(described))
    claims = {"iss": request.issuer, "aud": asking.public_id, "iat": clock.now(), "token_introspection": described}
    algorithm = answer_algorithms.for_introspection(asking)
    signed = signing.sign(claims, token_type=_SIGNED, algorithm=algorithm)
    return ProtocolAnswer(200, {"Content-Type": _SIGNED_TYPE}, signed)


def _access_token(token: str, asking: Application, issuer: str) -> dict[str, Any] | None:
    """The description of a valid access token that this application may know about; else None."""
    try:
        is_signed = "." in token  # no opaque token has a dot
        access = signed_access.access_of(token, issuer=issuer) if is_signed else bearer.access_of(token)
    except BearerError:
        return None
    if not _may_know(access, asking):
        return None
    return {
        "active": True,
        "scope": " ".join(scopes.of_application(access.scopes)),
        "client_id": access.application.public_id,
        **_key(access.access_token.jkt),
        "exp": int(access.access_token.expires_at),
        "iat": int(access.access_token.issued_at),
        "sub": access.subject,
        "iss": issuer,
        **({"aud": access.resource} if access.resource else {}),
        **({"jti": access.access_token.jti} if access.access_token.signed else {}),
        "organizers": sorted(access.organizers),
    }


def _key(thumbprint: str | None) -> dict[str, Any]:
    """How the token is used: with a proof of the key that it is bound to, if it is (RFC 9449 §6.2). The API that asks
    checks the proof."""
    if thumbprint is None:
        return {"token_type": "Bearer"}
    return {"token_type": "DPoP", "cnf": {"jkt": thumbprint}}


def _refresh_token(token: str, asking: Application, issuer: str) -> dict[str, Any] | None:
    """The description of a refresh token, if its client could use it now; else None. One that was used before is only
    reported, whereas using it again would end its grant."""
    named = credentials.recognize(token, Kind.REFRESH_TOKEN)
    if named is None or grant.client_of(named.names) != asking.client_id:
        return None
    standing = grant.standing(named.names)
    if standing is None or not standing.is_good or standing.grant.is_idle:
        return None
    found = standing.grant
    allowed = scopes.narrowed(given_scopes.in_force(found.scope.split()), found.resource)
    if not allowed or not credentials.matches(token, found.refresh_digest):
        return None
    return {
        "active": True,
        "scope": scopes.as_text(allowed),
        "client_id": standing.application.public_id,
        # No token_type: the types of RFC 6749 §5.1 say how an access token is used.
        **({"cnf": {"jkt": found.jkt}} if found.jkt else {}),
        **({} if found.idle_at is None else {"exp": found.idle_at}),
        "iat": found.refresh_token_issued_at,
        "sub": subjects.of(standing.application, found.user_id),
        "iss": issuer,
        **({"aud": found.resource} if found.resource else {}),
        "organizers": sorted(standing.organizers_among(found.organizers or ())),
    }


def _may_know(access: Access, asking: Application) -> bool:
    if access.application.client_id == asking.client_id:
        return True
    return resource_indicators.is_good_at(access.resource, asking.resource or "")
