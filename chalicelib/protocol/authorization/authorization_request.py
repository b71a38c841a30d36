"""The authorization request: what an application asks of a user (RFC 6749 §4.1.1).

oauthlib only checks the request. `authorization_response` and `redirect` build the responses, because oauthlib rewrites
the redirect URI's own query, sends no `iss` and honors `response_mode`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from oauthlib.common import Request
from oauthlib.oauth2 import AuthorizationCodeGrant, FatalClientError, OAuth2Error
from oauthlib.oauth2.rfc6749 import errors

from chalicelib import limits
from chalicelib.keys import server_key, signing
from chalicelib.messages import Message
from chalicelib.models.application import Application
from chalicelib.models.pushed_request import PushedRequest
from chalicelib.protocol.authorization import openid_request
from chalicelib.protocol.authorization.openid_request import OpenIDRequest
from chalicelib.protocol.authorization.redirect import (
    FORM_POST,
    RefusedRequest,
    RequestNotSupportedError,
    RequestUriNotSupportedError,
    error_at,
)
from chalicelib.protocol.authorization.validator import Validator
from chalicelib.protocol.clients import dpop, fapi
from chalicelib.protocol.errors import NotThisApplication
from chalicelib.protocol.rules import (
    dpop_proof,
    openid_parameters,
    pkce,
    prompts,
    redirect_uris,
    request_objects,
    request_parameters,
    resource_indicators,
    scopes,
)


@dataclass(frozen=True)
class AuthorizationRequest:
    """A request that passed every check.

    parameters: the known ones, as received, for showing the request again. prompts: see `rules.prompts`. pushed: the
    pushed request that this one came from, if any. openid: what OpenID Connect adds; None if it is not asked for.
    is_answer_posted: the answer goes to the redirect URI in a form. jkt: the thumbprint of the key that the code is to
    be bound to (RFC 9449 §10); None for any.
    """

    application: Application
    redirect_uri: str
    redirect_uri_given: bool
    scopes: tuple[str, ...]
    state: str | None
    code_challenge: str | None
    resource: str | None
    prompts: frozenset[str]
    parameters: dict[str, str]
    pushed: PushedRequest | None = None
    openid: OpenIDRequest | None = None
    is_answer_posted: bool = False
    jkt: str | None = None

    @property
    def origin(self) -> str:
        """The origin that a remembered consent is limited to, as it is to scopes and organizers."""
        return redirect_uris.origin(self.redirect_uri, is_native=self.application.is_native)

    @property
    def always_asks(self) -> bool:
        """True if the consent page is never skipped."""
        return prompts.CONSENT in self.prompts or not self.application.is_confidential

    @property
    def is_silent(self) -> bool:
        """True if no page may be shown."""
        return prompts.NONE in self.prompts

    @property
    def needs_organizers(self) -> bool:
        return scopes.need_organizers(self.scopes)


def read_request(
    parameters: request_parameters.Parameters, application: Application | None, *, issuer: str, is_pushed: bool = False
) -> AuthorizationRequest:
    """Check an authorization request.

    parameters: as received. application: the one that `client_id` names, or None. issuer: this provider's URL.
    is_pushed: the application pushed it, so its length is not limited by what a URL can carry.
    Raises NotThisApplication, RefusedRequest; and ServerKeyMissing if tokens for this client could not be refreshed.
    """
    names = openid_parameters.of_authorization(parameters)
    twice = request_parameters.repeated(parameters, names)
    for name in ("client_id", "redirect_uri"):
        if name in twice:
            raise NotThisApplication("request", Message("%(name)s was sent more than once.", name=name))
    known = request_parameters.known(parameters, names)
    _check_length(known, is_pushed=is_pushed)
    request = Request(f"https://lanyard.invalid/?{request_parameters.encode(known)}")
    request.client, request.repeated, request.is_pushed = application, twice, is_pushed
    request.names_redirect_uri = "redirect_uri" in known
    try:
        _GRANT.validate_authorization_request(request)
        assert application is not None  # validate_client_id made sure of it
        asked = scopes.without_habits(request.scopes)
        openid = openid_request.read(known, application, issuer=issuer) if scopes.has_openid(asked) else None
        resource = resource_indicators.read(known.get("resource"), issuer=issuer)
        wanted = {*asked, *openid.claims.scopes} if openid else asked
        narrowed = resource_indicators.scopes_at(resource, scopes.ordered(wanted))
    except FatalClientError as error:
        raise _not_this_application(error, application, known.get("redirect_uri")) from error
    except OAuth2Error as error:
        raise _refusal(error, request, known, issuer=issuer) from error
    if application.rotates_refresh_tokens and not server_key.is_set():
        raise server_key.ServerKeyMissing
    return AuthorizationRequest(
        application=application,
        redirect_uri=request.redirect_uri,
        redirect_uri_given="redirect_uri" in known,
        scopes=tuple(narrowed),
        state=known.get("state"),
        code_challenge=known.get("code_challenge"),
        resource=resource,
        prompts=prompts.read(known),
        parameters=known,
        openid=openid,
        is_answer_posted=_is_posted(known),
        jkt=known.get("dpop_jkt") if dpop.is_on() else None,
    )


def response_modes() -> tuple[str, ...]:
    """How an answer can reach the application. A form comes with OpenID Connect, whose clients ask for it."""
    return ("query", FORM_POST) if signing.is_on() else ("query",)


def refused(request: AuthorizationRequest, error: OAuth2Error, *, issuer: str) -> RefusedRequest:
    """The refusal of a request that passed every check and cannot be answered nevertheless."""
    redirect = error_at(
        request.redirect_uri,
        issuer,
        request.state,
        error=error.error,
        description=error.description,
        is_posted=request.is_answer_posted,
    )
    return RefusedRequest(redirect, error, request.application, is_silent=request.is_silent)


def _refusal(error: OAuth2Error, request: Request, known: dict[str, str], *, issuer: str) -> RefusedRequest:
    """The refusal of a request of a known application, for its known redirect URI."""
    asked = request_objects.as_refused(known)
    redirect = error_at(
        request.redirect_uri,
        issuer,
        asked.get("state"),
        error=error.error,
        description=error.description,
        is_posted=_is_posted(asked),
    )
    return RefusedRequest(redirect, error, request.client, is_silent=prompts.NONE in prompts.read(known))


def _is_posted(known: Mapping[str, str]) -> bool:
    return known.get("response_mode") == FORM_POST and signing.is_on()


def _check_length(known: dict[str, str], *, is_pushed: bool) -> None:
    """Raises NotThisApplication, with the advice to push the request if that would help."""
    length, most = len(request_parameters.encode(known)), limits.PUSHED_REQUEST_LIMIT_CHARACTERS
    if length > most:
        problem = Message(
            "The request is longer than %(limit)s characters, URL-encoded. Shorten its state.", limit=most
        )
        raise NotThisApplication("request", problem)
    if not is_pushed and length > limits.AUTHORIZATION_REQUEST_LIMIT_CHARACTERS:
        problem = Message("The request is too long. Send it as a pushed authorization request (RFC 9126).")
        raise NotThisApplication("request", problem)


def _check_request_object(request: Request) -> dict[str, object]:
    """Refuse the request as a JWT, whose parameters must not be ignored (RFC 9101 §4, OpenID Connect Core §6.1)."""
    if getattr(request, "request", None) is not None:
        advice = "Send each parameter by itself, or push them (RFC 9126)."
        raise RequestNotSupportedError(f"request is not supported. {advice}")
    if getattr(request, "request_uri", None) is not None:
        raise RequestUriNotSupportedError
    return {}


def _check_response_mode(request: Request) -> dict[str, object]:
    """Refuse a fragment, where a code does not belong (RFC 9700 §4.3.1)."""
    modes = response_modes()
    if request.response_mode not in (None, *modes):
        raise errors.InvalidRequestError(f"response_mode must be {' or '.join(modes)}.")
    return {}


def _check_response_type(request: Request) -> dict[str, object]:
    """Accept only `code`: oauthlib accepts anything that contains it (RFC 6749 §3.1.1)."""
    if request.response_type is not None and request.response_type != "code":
        raise errors.UnsupportedResponseTypeError("response_type must be code.")
    return {}


def _check_repeated(request: Request) -> dict[str, object]:
    if request.repeated:
        raise resource_indicators.repetition_error(request.repeated)
    return {}


def _check_pushed(request: Request) -> dict[str, object]:
    """Refuse what the browser carried, if the application must push (RFC 9126 §4)."""
    if request.client.needs_par and not request.is_pushed:
        raise errors.InvalidRequestError("This application must push its requests (RFC 9126) and send a request_uri.")
    return {}


def _check_fapi(request: Request) -> dict[str, object]:
    sent = request.redirect_uri if request.names_redirect_uri else None
    if request.client.is_held_to_fapi and (problem := fapi.problem_with_request(sent)):
        raise errors.InvalidRequestError(problem)
    return {}


def _check_challenge(request: Request) -> dict[str, object]:
    problem = pkce.problem_with(request.code_challenge, request.code_challenge_method)
    if request.code_challenge is None and request.client.needs_pkce:
        problem = problem or "code_challenge is missing; this application must use PKCE with S256."
    if problem:
        raise errors.InvalidRequestError(problem)
    return {}


def _check_key(request: Request) -> dict[str, object]:
    thumbprint = getattr(request, "dpop_jkt", None)
    if thumbprint is not None and dpop.is_on() and not dpop_proof.is_thumbprint(thumbprint):
        raise errors.InvalidRequestError("dpop_jkt must be the SHA-256 thumbprint of a key, base64url without padding.")
    return {}


def _check_prompt(request: Request) -> dict[str, object]:
    problem = prompts.problem_with(request.prompt)
    if problem:
        raise errors.InvalidRequestError(problem)
    if getattr(request, "approval_prompt", "auto") not in ("auto", "force"):
        raise errors.InvalidRequestError("approval_prompt must be auto or force.")
    return {}


_GRANT = AuthorizationCodeGrant(
    Validator(),
    pre_auth=[
        _check_repeated,
        _check_pushed,
        _check_fapi,
        _check_request_object,
        _check_response_type,
        _check_response_mode,
        _check_challenge,
        _check_key,
        _check_prompt,
    ],
)


def _not_this_application(
    error: FatalClientError, application: Application | None, redirect_uri: str | None
) -> NotThisApplication:
    match error:
        case errors.MissingClientIdError():
            return NotThisApplication("client", Message("client_id is missing."))
        case errors.InvalidClientIdError():
            detail = Message("No application with this client_id is registered and active here.")
            return NotThisApplication("client", detail)
        case _:
            return NotThisApplication("redirect_uri", _not_registered(application, redirect_uri))


def _not_registered(application: Application | None, redirect_uri: str | None) -> Message:
    """Why the redirect URI is refused. One that can never be registered may well be in what the client sent to register
    or in its document: it was left out there, and here its developer learns why."""
    if application is not None and redirect_uri is not None:
        problem = redirect_uris.problem_with(
            redirect_uri, is_native=application.is_native, short_schemes=application.registered_itself
        )
        if problem is not None:
            return Message(
                "redirect_uri is not registered for this application. It cannot be: it %(problem)s.", problem=problem
            )
    return Message("redirect_uri is not registered for this application.")
