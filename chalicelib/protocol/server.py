"""The token and revocation endpoints: oauthlib's, with the gaps that it leaves closed around it.

In: what HTTP brought. Out: status, headers and JSON, the same for success and error. Raises StoreUnavailable.
"""

from __future__ import annotations

from oauthlib.oauth2 import (
    AuthorizationCodeGrant,
    BearerToken,
    ClientCredentialsGrant,
    RefreshTokenGrant,
    RevocationEndpoint,
    TokenEndpoint,
)
from oauthlib.oauth2.rfc6749 import errors

from chalicelib import logs, settings
from chalicelib.protocol import client_request, device, issuing, requests
from chalicelib.protocol.client_request import ClientRequest, ProtocolAnswer
from chalicelib.protocol.validator import Validator

_VALIDATOR = Validator()
_BEARER = BearerToken(
    _VALIDATOR,
    token_generator=issuing.new_access_token,
    refresh_token_generator=issuing.new_refresh_token,
    expires_in=settings.ACCESS_TOKEN_LIFETIME_SECONDS,
)
_GRANT_TYPES = {
    "authorization_code": AuthorizationCodeGrant(_VALIDATOR),
    "refresh_token": RefreshTokenGrant(_VALIDATOR),
    "client_credentials": ClientCredentialsGrant(_VALIDATOR),
    device.GRANT_TYPE: device.DeviceCodeGrant(_VALIDATOR),
}
GRANT_TYPES = tuple(_GRANT_TYPES)
_TOKEN_ENDPOINT = TokenEndpoint("authorization_code", _BEARER, _GRANT_TYPES)
_REVOCATION_ENDPOINT = RevocationEndpoint(_VALIDATOR)


def token_response(request: ClientRequest) -> ProtocolAnswer:
    """Exchange a code or a refresh token (RFC 6749 §4.1.3, §6)."""
    return client_request.answer(_create_token, request)


def revocation_response(request: ClientRequest) -> ProtocolAnswer:
    """End a token (RFC 7009). 200 for a token that was not this client's to end, or not there: it has no power now."""
    return client_request.answer(_create_revocation, request)


def _create_token(request: ClientRequest) -> ProtocolAnswer:
    parameters = client_request.read_form(request, requests.TOKEN)
    grant_type = parameters.get("grant_type")
    if grant_type is None:
        raise errors.InvalidRequestError("grant_type is missing.")
    if grant_type not in _GRANT_TYPES:
        raise errors.UnsupportedGrantTypeError(f"grant_type must be one of: {', '.join(_GRANT_TYPES)}.")
    logs.note(grant_type=grant_type)
    _, body, status = _TOKEN_ENDPOINT.create_token_response(*_as_oauthlib(request, parameters))
    return client_request.finish(status, body)


def _create_revocation(request: ClientRequest) -> ProtocolAnswer:
    parameters = client_request.read_form(request, requests.REVOCATION)
    _, body, status = _REVOCATION_ENDPOINT.create_revocation_response(*_as_oauthlib(request, parameters))
    return client_request.finish(status, body)


def _as_oauthlib(request: ClientRequest, parameters: dict[str, str]) -> tuple[str, str, str, dict[str, str]]:
    headers = {"Authorization": request.authorization} if request.authorization is not None else {}
    # As the request's address the validator gets ours, which assertions have to name; oauthlib needs no more of it.
    return request.issuer, "POST", requests.encode(parameters), headers
