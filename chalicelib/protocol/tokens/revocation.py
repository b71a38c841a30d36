"""Revocation: an application ends one of its own tokens (RFC 7009)."""

from __future__ import annotations

from oauthlib.oauth2.rfc6749 import errors

from chalicelib import credentials, logs
from chalicelib.credentials import Kind
from chalicelib.models import access_token, grant_ending, store
from chalicelib.models.access_token import AccessToken
from chalicelib.models.application import Application
from chalicelib.models.grant import Grant
from chalicelib.protocol.clients import authentication, client_request
from chalicelib.protocol.clients.client_request import ClientRequest, ProtocolAnswer
from chalicelib.protocol.grants import refresh_rotation
from chalicelib.protocol.grants.refresh_rotation import Presented
from chalicelib.protocol.rules import request_parameters
from chalicelib.protocol.tokens import signed_access


def revocation_response(request: ClientRequest) -> ProtocolAnswer:
    """End a token. Also 200 if it does not exist or is another client's: it is of no use to this one (§2.2)."""
    return client_request.answer(_create, request)


def _create(request: ClientRequest) -> ProtocolAnswer:
    parameters = client_request.read_form(request, request_parameters.REVOCATION)
    if "token" not in parameters:
        raise errors.InvalidRequestError("token is missing.")
    sent = authentication.read(request.authorization, parameters)
    token = parameters["token"]
    jti = signed_access.recognize(token, issuer=request.issuer)
    application, found, live = _read(sent.client_id, token, jti)
    client = authentication.check(sent, application, issuer=request.issuer)
    _end(token, jti, client, found, live)
    return ProtocolAnswer(200, body="{}")  # clients parse what is labelled JSON, and an empty body is not JSON


def _read(client_id: str, token: str, jti: str | None) -> tuple[Application | None, Grant | None, AccessToken | None]:
    """Read everything at once. A token's prefix says what kind it is, so the hint is not needed (§2.1).

    jti: of a signed access token; None for any other token.
    """
    named = credentials.recognize(token, Kind.REFRESH_TOKEN, Kind.ACCESS_TOKEN)
    grant_id = named.names if named else access_token.grant_of(jti) if jti else None
    application, found, live = store.read(
        Application.key(client_id),
        Grant.key(named.names) if named else None,
        AccessToken.key(grant_id) if grant_id else None,
    )
    return application, found, live


def _end(token: str, jti: str | None, client: Application, found: Grant | None, live: AccessToken | None) -> None:
    """End the token if it is this client's."""
    if found is not None and found.client_id == client.client_id and token.startswith(Kind.REFRESH_TOKEN):
        if refresh_rotation.recognize(token, found) is not Presented.UNKNOWN:
            grant_ending.end(found)
            logs.note(outcome="grant revoked")
    elif live is not None and live.client_id == client.client_id and _is_presented(live, token, jti):
        access_token.revoke(live)
        logs.note(outcome="access token revoked")


def _is_presented(live: AccessToken, token: str, jti: str | None) -> bool:
    return signed_access.is_same(live, jti) if jti else credentials.matches(token, live.token_digest)
