"""What the endpoints that applications call directly share: JSON responses, errors in OAuth's format, and mostly form
requests."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from oauthlib.oauth2 import OAuth2Error
from oauthlib.oauth2.rfc6749 import errors

from chalicelib import credentials, logs
from chalicelib.models import client_secret
from chalicelib.protocol.clients import assertion_use, authentication, hashed_secrets, recent_requests
from chalicelib.protocol.rules import request_parameters, resource_indicators, scopes

_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class ProtocolAnswer:
    """status: the HTTP status. headers: in addition to those of every response. body: JSON, or "" for an empty one."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""


@dataclass(frozen=True)
class ClientRequest:
    """A request as received.

    path: the endpoint's. issuer: this provider's URL. address: the caller's IP address, which limits count by. query:
    the parameters in the URL. authorization, content_type, accept, dpop: the headers, or None. is_from_script: a web
    page sent it. url: as it was called, without the query.
    """

    path: str
    issuer: str
    address: str
    body: bytes
    query: request_parameters.Parameters
    authorization: str | None
    content_type: str | None
    is_from_script: bool = False
    accept: str | None = None
    dpop: str | None = None
    url: str = ""

    @property
    def digest(self) -> str:
        """A digest of everything that identifies this request."""
        return credentials.digest(f"{self.path} {self.authorization} {self.body.hex()}")


def answer(create: Callable[[ClientRequest], ProtocolAnswer], request: ClientRequest) -> ProtocolAnswer:
    """Return what `create` returns, or the error response if it raises an OAuth2Error."""
    with (
        assertion_use.attempt(request.digest) as attempt,
        recent_requests.watch() as watched,
        hashed_secrets.tried_from(request.address),
    ):
        try:
            answered = create(request)
        except OAuth2Error as error:
            _keep_for_developer(request, error, watched)
            answered = finish(error.status_code, error.json, getattr(error, "retry_after_seconds", None))
        except assertion_use.StillAnswering as waiting:
            error_body = {"error": "temporarily_unavailable", "error_description": str(waiting)}
            answered = finish(503, json.dumps(error_body), waiting.wait_seconds)
        attempt.is_final = "Retry-After" not in answered.headers
        if watched.application is not None and watched.secret_digest is not None:
            client_secret.note_use(watched.application, watched.secret_digest)
    return answered


def _keep_for_developer(request: ClientRequest, error: OAuth2Error, watched: recent_requests.Watched) -> None:
    claimed = "" if watched.is_looked_up else authentication.claimed_client_id(request.authorization, request.body)
    recent_requests.record(watched, claimed, request.path, error.error, _as_description(error.description or ""))


def media_type(request: ClientRequest) -> str:
    """The body's media type, without parameters such as charset; "" if there is no Content-Type."""
    return (request.content_type or "").partition(";")[0].strip(request_parameters.HTTP_BLANKS).lower()


def read_form(request: ClientRequest, names: Sequence[str]) -> dict[str, str]:
    """Raises InvalidRequestError for no form, repeated parameters, or ones in the URL (RFC 6749 §3.2, §2.3.1), and
    InvalidTargetError for several resources."""
    if request.query:
        raise errors.InvalidRequestError("Send the parameters in the body, not in the URL.")
    if media_type(request) != _FORM:
        raise errors.InvalidRequestError(f"The body must be {_FORM}.")
    try:
        form = request_parameters.read_form(request.body)
    except request_parameters.Undecodable as error:
        raise errors.InvalidRequestError(str(error)) from error
    twice = request_parameters.repeated(form, names)
    if twice:
        raise resource_indicators.repetition_error(twice)
    return request_parameters.known(form, names)


def finish(status: int, body: str | None, retry_after_seconds: int | None = None) -> ProtocolAnswer:
    """Make the response. body: JSON from oauthlib or a grant type. retry_after_seconds: None if not to retry."""
    parsed = json.loads(body) if body else {}
    if "error" in parsed:
        logs.note(outcome=parsed["error"])
    # oauthlib challenges with Bearer, but clients authenticate with Basic (RFC 6749 §5.2).
    headers = {"WWW-Authenticate": authentication.CHALLENGE} if status == 401 else {}
    if retry_after_seconds is not None:
        headers["Retry-After"] = str(retry_after_seconds)
    if "error_description" in parsed:
        parsed["error_description"] = _as_description(parsed["error_description"])
    parsed.pop("state", None)  # oauthlib adds it here too, but it belongs only in redirects (§4.1.2.1, not §5.2)
    if "scope" in parsed:
        parsed["scope"] = " ".join(scopes.of_application(parsed["scope"].split()))
    return ProtocolAnswer(status, headers, json.dumps(parsed) if parsed else "")


def _as_description(text: str) -> str:
    """Printable ASCII without quotation marks and backslashes (RFC 6749 §5.2), whatever `text` quotes."""
    plain = text.replace('"', "'").replace("\\", "/")
    return "".join(character if " " <= character <= "~" else "?" for character in plain)
