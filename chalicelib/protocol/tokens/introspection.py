"""Introspection: tells an API what an access token allows (RFC 7662).

Any application that authenticates may ask, since whoever holds a token could use it anyway. An application that the
operator made the API of a resource may ask about tokens for that resource. No other application is told about a token
for a resource, except the one it was issued to. Refresh tokens are not described: only the token endpoint takes them.
"""

from __future__ import annotations

import json
from typing import Any

from oauthlib.oauth2.rfc6749 import errors

from chalicelib import logs
from chalicelib.models.application import Application
from chalicelib.protocol.clients import authentication, client_request
from chalicelib.protocol.clients.client_request import ClientRequest, ProtocolAnswer
from chalicelib.protocol.rules import request_parameters, resource_indicators, scopes
from chalicelib.protocol.tokens import bearer
from chalicelib.protocol.tokens.bearer import Access, BearerError


def introspection_response(request: ClientRequest) -> ProtocolAnswer:
    return client_request.answer(_create, request)


def _create(request: ClientRequest) -> ProtocolAnswer:
    parameters = client_request.read_form(request, request_parameters.INTROSPECTION)
    asking = authentication.authenticate(request.authorization, parameters, issuer=request.issuer)
    if not asking.is_confidential:
        raise errors.UnauthorizedClientError("A public application cannot introspect tokens.")
    if "token" not in parameters:
        raise errors.InvalidRequestError("token is missing.")
    described = _described(parameters["token"], asking, issuer=request.issuer)
    logs.note(outcome="active" if described else "inactive")
    # The response must not tell why a token is not active (§2.2).
    return ProtocolAnswer(200, {}, json.dumps(described or {"active": False}))


def _described(token: str, asking: Application, *, issuer: str) -> dict[str, Any] | None:
    try:
        access = bearer.access_of(token)
    except BearerError:
        return None
    if not _may_know(access, asking):
        return None
    return {
        "active": True,
        "scope": scopes.as_text(access.scopes),
        "client_id": access.application.public_id,
        "token_type": "Bearer",
        "exp": int(access.access_token.expires_at),
        "iat": int(access.access_token.issued_at),
        "sub": access.subject,
        "iss": issuer,
        **({"aud": access.resource} if access.resource else {}),
        "organizers": sorted(access.organizers),
    }


def _may_know(access: Access, asking: Application) -> bool:
    if access.application.client_id == asking.client_id:
        return True
    return resource_indicators.is_good_at(access.resource, asking.resource or "")
