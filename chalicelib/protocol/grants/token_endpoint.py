"""The token endpoint: oauthlib hands each request to the grant type that it names (RFC 6749 §3.2).

It takes the HTTP request's values and returns status, headers and JSON, for errors too. Raises StoreUnavailable.
"""

from __future__ import annotations

from oauthlib.oauth2 import BearerToken, TokenEndpoint
from oauthlib.oauth2.rfc6749 import errors

from chalicelib import logs
from chalicelib.protocol.clients import client_request, dpop, recent_requests
from chalicelib.protocol.clients.client_request import ClientRequest, ProtocolAnswer
from chalicelib.protocol.grants.authorization_code import AuthorizationCodeGrant
from chalicelib.protocol.grants.client_credentials import ClientCredentialsGrant
from chalicelib.protocol.grants.device_code import DeviceCodeGrant
from chalicelib.protocol.grants.refresh_token import RefreshTokenGrant
from chalicelib.protocol.rules import request_parameters

# Every grant type, in the order of the metadata.
_GRANTS = {
    grant.name: grant for grant in (AuthorizationCodeGrant, RefreshTokenGrant, ClientCredentialsGrant, DeviceCodeGrant)
}
GRANT_TYPES = tuple(_GRANTS)
# oauthlib insists on a default grant type and a token maker. Neither is used: the named grant type makes the tokens.
_ENDPOINT = TokenEndpoint(
    AuthorizationCodeGrant.name, BearerToken(), {name: grant() for name, grant in _GRANTS.items()}
)


def token_response(request: ClientRequest) -> ProtocolAnswer:
    """Exchange a code, a refresh token or other grant for an access token (§4.1.3, §6)."""
    return client_request.answer(_create, request)


def _create(request: ClientRequest) -> ProtocolAnswer:
    parameters = client_request.read_form(request, request_parameters.TOKEN)
    grant_type = parameters.get("grant_type")
    if grant_type is None:
        raise errors.InvalidRequestError("grant_type is missing.")
    if grant_type not in _GRANTS:
        raise errors.UnsupportedGrantTypeError(f"grant_type must be one of: {', '.join(_GRANTS)}.")
    logs.note(grant_type=grant_type)
    recent_requests.note_grant_type(grant_type)
    proof = dpop.read(request.dpop, request.url)
    headers = {"Authorization": request.authorization} if request.authorization is not None else {}
    # The grant type reads our issuer URL from the request's address: assertions must name it. oauthlib ignores it,
    # and hands the proof on as `extra_credentials`.
    _, body, status = _ENDPOINT.create_token_response(
        request.issuer, "POST", request_parameters.encode(parameters), headers, proof
    )
    return client_request.finish(status, body)
