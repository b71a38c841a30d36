"""The token and revocation endpoints: oauthlib's, with the gaps that it leaves closed around it.

In: what HTTP brought. Out: status, headers and JSON, the same for success and error. Raises StoreUnavailable.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from oauthlib.oauth2 import (
    AuthorizationCodeGrant,
    BearerToken,
    OAuth2Error,
    RefreshTokenGrant,
    RevocationEndpoint,
    TokenEndpoint,
)
from oauthlib.oauth2.rfc6749 import errors

from chalicelib import logs, settings
from chalicelib.protocol import client_authentication, issuing, requests, scopes
from chalicelib.protocol.validator import Validator

_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class ProtocolAnswer:
    """status: HTTP's. headers: besides those that every answer has. body: JSON, or "" for an empty one."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""


@dataclass(frozen=True)
class FormRequest:
    """A POST as it came. issuer: our own address. query: the parameters in the request's. authorization, content_type:
    the headers, or None."""

    issuer: str
    body: bytes
    query: requests.Parameters
    authorization: str | None
    content_type: str | None


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
}
_TOKEN_ENDPOINT = TokenEndpoint("authorization_code", _BEARER, _GRANT_TYPES)
_REVOCATION_ENDPOINT = RevocationEndpoint(_VALIDATOR)


def token_response(request: FormRequest) -> ProtocolAnswer:
    """Exchange a code or a refresh token (RFC 6749 §4.1.3, §6)."""
    return _answer(_create_token, request)


def revocation_response(request: FormRequest) -> ProtocolAnswer:
    """End a token (RFC 7009). 200 for a token that was not this client's to end, or not there: it has no power now."""
    return _answer(_create_revocation, request)


def _create_token(request: FormRequest) -> ProtocolAnswer:
    parameters = _read_form(request, requests.TOKEN)
    grant_type = parameters.get("grant_type")
    if grant_type is None:
        raise errors.InvalidRequestError("grant_type is missing.")
    if grant_type not in _GRANT_TYPES:
        raise errors.UnsupportedGrantTypeError("grant_type must be authorization_code or refresh_token.")
    logs.note(grant_type=grant_type)
    _, body, status = _TOKEN_ENDPOINT.create_token_response(*_as_oauthlib(request, parameters))
    return _finish(status, body)


def _create_revocation(request: FormRequest) -> ProtocolAnswer:
    parameters = _read_form(request, requests.REVOCATION)
    _, body, status = _REVOCATION_ENDPOINT.create_revocation_response(*_as_oauthlib(request, parameters))
    return _finish(status, body)


def _answer(create: Any, request: FormRequest) -> ProtocolAnswer:
    try:
        return create(request)  # type: ignore[no-any-return]
    except OAuth2Error as error:  # from the checks around oauthlib, and from `save_bearer_token`, where it catches none
        return _finish(error.status_code, error.json)


def _read_form(request: FormRequest, names: Sequence[str]) -> dict[str, str]:
    """Raises InvalidRequestError for what is no form, is repeated, or comes in the address (RFC 6749 §3.2, §2.3.1)."""
    if request.query:
        raise errors.InvalidRequestError("Send the parameters in the body; none belong in the address.")
    if (request.content_type or "").partition(";")[0].strip().lower() != _FORM:
        raise errors.InvalidRequestError(f"The body must be {_FORM}.")
    try:
        form = requests.read_form(request.body)
    except requests.Undecodable as error:
        raise errors.InvalidRequestError(str(error)) from error
    twice = requests.repeated(form, names)
    if twice:
        raise errors.InvalidRequestError(f"{twice[0]} was sent more than once.")
    return requests.known(form, names)


def _as_oauthlib(request: FormRequest, parameters: dict[str, str]) -> tuple[str, str, str, dict[str, str]]:
    headers = {"Authorization": request.authorization} if request.authorization is not None else {}
    # As the request's address the validator gets ours, which assertions have to name; oauthlib needs no more of it.
    return request.issuer, "POST", requests.encode(parameters), headers


def _finish(status: int, body: str | None) -> ProtocolAnswer:
    parsed = json.loads(body) if body else {}
    if "error" in parsed:
        logs.note(outcome=parsed["error"])
    # oauthlib challenges with Bearer, which is not how a client authenticates (RFC 6749 §5.2).
    headers = {"WWW-Authenticate": client_authentication.CHALLENGE} if status == 401 else {}
    if "scope" in parsed:
        parsed["scope"] = scopes.as_text(parsed["scope"].split())
    return ProtocolAnswer(status, headers, json.dumps(parsed) if parsed else "")
