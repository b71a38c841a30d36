"""What the endpoints that applications call themselves have in common: JSON out, errors in OAuth's shape, and most
often a form in."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from oauthlib.oauth2 import OAuth2Error
from oauthlib.oauth2.rfc6749 import errors

from chalicelib import logs
from chalicelib.protocol import client_authentication, requests, scopes

_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class ProtocolAnswer:
    """status: HTTP's. headers: besides those that every answer has. body: JSON, or "" for an empty one."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""


@dataclass(frozen=True)
class ClientRequest:
    """A request as it came. issuer: our own address. address: the caller's network, which tries are counted by. query:
    the parameters in the request's address. authorization, content_type: the headers, or None."""

    issuer: str
    address: str
    body: bytes
    query: requests.Parameters
    authorization: str | None
    content_type: str | None


def answer(create: Callable[[ClientRequest], ProtocolAnswer], request: ClientRequest) -> ProtocolAnswer:
    """What `create` answers; an OAuth2Error as the answer that it is."""
    try:
        return create(request)
    except OAuth2Error as error:
        answered = finish(error.status_code, error.json)
        wait = getattr(error, "retry_after_seconds", None)
        return replace(answered, headers={**answered.headers, "Retry-After": str(wait)}) if wait else answered


def read_form(request: ClientRequest, names: Sequence[str]) -> dict[str, str]:
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


def finish(status: int, body: str | None) -> ProtocolAnswer:
    """body: JSON, as oauthlib made it."""
    parsed = json.loads(body) if body else {}
    if "error" in parsed:
        logs.note(outcome=parsed["error"])
    # oauthlib challenges with Bearer, which is not how a client authenticates (RFC 6749 §5.2).
    headers = {"WWW-Authenticate": client_authentication.CHALLENGE} if status == 401 else {}
    parsed.pop("state", None)  # oauthlib repeats it here too; it belongs to redirects (§4.1.2.1, not §5.2)
    if "scope" in parsed:
        parsed["scope"] = scopes.as_text(parsed["scope"].split())
    return ProtocolAnswer(status, headers, json.dumps(parsed) if parsed else "")
