"""The token endpoint: oauthlib hands each request to the grant that it names (RFC 6749 §3.2).

In: what HTTP brought. Out: status, headers and JSON, the same for success and error. Raises StoreUnavailable.
"""

from __future__ import annotations

from oauthlib.oauth2 import BearerToken, TokenEndpoint
from oauthlib.oauth2.rfc6749 import errors

from chalicelib import logs
from chalicelib.protocol.clients import client_request
from chalicelib.protocol.clients.client_request import ClientRequest, ProtocolAnswer
from chalicelib.protocol.grants.authorization_code import AuthorizationCodeGrant
from chalicelib.protocol.grants.client_credentials import ClientCredentialsGrant
from chalicelib.protocol.grants.device_code import DeviceCodeGrant
from chalicelib.protocol.grants.refresh_token import RefreshTokenGrant
from chalicelib.protocol.rules import request_parameters

# Every grant there is, in the order in which metadata lists them.
_GRANTS = {
    grant.name: grant for grant in (AuthorizationCodeGrant, RefreshTokenGrant, ClientCredentialsGrant, DeviceCodeGrant)
}
GRANT_TYPES = tuple(_GRANTS)
# oauthlib wants a default and a maker of tokens, and needs neither: a request names its grant, which makes its tokens.
_ENDPOINT = TokenEndpoint(
    AuthorizationCodeGrant.name, BearerToken(), {name: grant() for name, grant in _GRANTS.items()}
)


def token_response(request: ClientRequest) -> ProtocolAnswer:
    """Exchange a code, a refresh token or the like for an access token (§4.1.3, §6)."""
    return client_request.answer(_create, request)


def _create(request: ClientRequest) -> ProtocolAnswer:
    parameters = client_request.read_form(request, request_parameters.TOKEN)
    grant_type = parameters.get("grant_type")
    if grant_type is None:
        raise errors.InvalidRequestError("grant_type is missing.")
    if grant_type not in _GRANTS:
        raise errors.UnsupportedGrantTypeError(f"grant_type must be one of: {', '.join(_GRANTS)}.")
    logs.note(grant_type=grant_type)
    headers = {"Authorization": request.authorization} if request.authorization is not None else {}
    # As the request's address the grant gets ours, which assertions have to name; oauthlib needs no more of it.
    _, body, status = _ENDPOINT.create_token_response(
        request.issuer, "POST", request_parameters.encode(parameters), headers
    )
    return client_request.finish(status, body)
