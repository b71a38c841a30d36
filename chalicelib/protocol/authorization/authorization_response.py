"""The authorization response: the user's answer and the redirect to the application (RFC 6749 §4.1.2)."""

from __future__ import annotations

from collections.abc import Iterable

from oauthlib.oauth2 import OAuth2Error
from oauthlib.oauth2.rfc6749 import errors

from chalicelib import clock, credentials, logs, settings
from chalicelib.credentials import Kind
from chalicelib.models import authorization_code, pushed_request, session, store, user_organizers
from chalicelib.models.authorization_code import AuthorizationCode
from chalicelib.models.consent import Consent, in_force, place
from chalicelib.models.pushed_request import PushedRequest
from chalicelib.models.session import Authentication
from chalicelib.models.store.attempts import attempts
from chalicelib.models.store.table import as_set
from chalicelib.models.user import User
from chalicelib.protocol.authorization import consents
from chalicelib.protocol.authorization.authorization_request import (
    AuthorizationRequest,
    refused,
)
from chalicelib.protocol.authorization.redirect import (
    AnotherUserError,
    ConsentRequiredError,
    InteractionRequiredError,
    LoginRequiredError,
    NotProvenError,
    Redirect,
    RefusedRequest,
    error_at,
)
from chalicelib.protocol.clients import fapi
from chalicelib.protocol.openid import claims
from chalicelib.protocol.rules import given_scopes, redirect_uris, scopes


def is_remembered(request: AuthorizationRequest, consent: Consent | None, user: User) -> bool:
    """True if the request can be answered without asking: the user has already allowed this application all of it."""
    consent = in_force(consent, request.application)
    if consent is None or request.always_asks:
        return False
    if not given_scopes.are_covered(request.scopes, consent.allowed_at(request.origin, request.resource)):
        return False
    return not request.needs_organizers or bool(consents.still_member(consent.organizers or (), user))


def allow_again(
    request: AuthorizationRequest,
    consent: Consent,
    user: User,
    *,
    authentication: Authentication,
    browser_key: str,
    issuer: str,
) -> Redirect | None:
    """Issue a code for the same organizers as before; None if the consent has since been revoked.

    authentication: how the user signed in. browser_key: see `repeat`. Raises AlreadyAnswered,
    SessionEnded.
    """
    organizers = consents.still_member(consent.organizers or (), user) if request.needs_organizers else set()
    allowed = consent.allowed_at(request.origin, request.resource) or ()
    given = given_scopes.given_again(request.scopes, allowed)
    code, item = _new_code(request, user, given, organizers, consent.consent_id, browser_key)
    noted = _describe_sign_in(item, request, user, authentication, issuer)
    try:
        authorization_code.give_again(item, request.application, pushed=request.pushed, noted=noted)
    except store.ConditionFailed:
        return None
    logs.note(outcome="allowed, remembered")
    return _with_code(request, code, issuer)


def allow(
    request: AuthorizationRequest,
    user: User,
    ticked: Iterable[str],
    *,
    known: Consent | None,
    authentication: Authentication,
    browser_key: str,
    issuer: str,
) -> Redirect:
    """Remember what the user allowed and issue a code for it.

    ticked: slugs as posted; see `consents.chosen`. known: the consent as it was before, or None. authentication: how
    the user signed in. browser_key: see `repeat`. Raises ChoiceProblem, AlreadyAnswered, SessionEnded.
    """
    organizers = consents.chosen(request.scopes, ticked, user)
    client_id, given = request.application.client_id, given_scopes.given_now(request.scopes)
    at = place(request.origin, request.resource)
    for _ in attempts():  # other tabs may answer at the same moment
        consent = consents.remembered(request.application, given, organizers, user, known, place=at)
        code, item = _new_code(request, user, given, organizers, consent.consent_id, browser_key)
        noted = _describe_sign_in(item, request, user, authentication, issuer)
        try:
            authorization_code.give(item, consent, known=known, pushed=request.pushed, noted=noted)
        except store.ConditionFailed:
            known = store.read(Consent.key(user.user_id, client_id))[0]
            continue
        logs.note(outcome="allowed")
        return _with_code(request, code, issuer)
    raise store.StoreUnavailable("consent changed again and again")


def unasked(request: AuthorizationRequest, user: User | None, *, issuer: str) -> RefusedRequest:
    """Why a request with `prompt=none` cannot be answered: what the user would have to do on a page."""
    if user is None:
        return refused(request, LoginRequiredError(), issuer=issuer)
    if (
        request.needs_organizers
        and not user_organizers.has_any(user)
        and not scopes.possible_without_organizers(request.scopes)
    ):
        return refused(request, InteractionRequiredError(), issuer=issuer)
    return refused(request, ConsentRequiredError(), issuer=issuer)


def wrong_sign_in(request: AuthorizationRequest, user: User, authentication: Authentication) -> OAuth2Error | None:
    """Why the signed-in user cannot answer, after they had the chance to sign in in another way; None if they can."""
    if request.openid is None:
        return None
    if not request.openid.is_for(user.user_id, request.application):
        return AnotherUserError()
    return None if request.openid.is_met_by(authentication) else NotProvenError()


def used_up(request: AuthorizationRequest, *, issuer: str) -> RefusedRequest:
    """The refusal of a pushed request with `prompt=none` that was answered before."""
    reason = errors.InvalidRequestError("request_uri was already used. Push the request again.")
    return refused(request, reason, issuer=issuer)


def is_told_at_once(error: RefusedRequest, consent: Consent | None, user: User | None) -> bool:
    """True if the browser may be redirected with the error without asking the user first (RFC 6749 §4.1.2.1).

    Where anybody can register an application, that would let anybody redirect people through this provider to any site
    (RFC 9700 §4.11.2). So the application must be the user's own, or allowed at this origin before. user: None if
    nobody is signed in; then only the operator's word counts, that strangers register nothing.
    """
    application = error.application
    if application.registered_itself:
        return False
    if not settings.SETTINGS.sign_up_open or (user is not None and application.is_owned_by(user.user_id)):
        return True
    consent = in_force(consent, application)
    origin = redirect_uris.origin(error.redirect.uri, is_native=application.is_native)
    return consent is not None and consent.knows_origin(origin)


def deny(request: AuthorizationRequest, user: User, *, issuer: str) -> Redirect:
    """Return the redirect that says so. Raises AlreadyAnswered."""
    if request.pushed:
        pushed_request.deny(request.pushed, user.user_id)
    logs.note(outcome="denied")
    return _denial(request, issuer)


def repeat(request: AuthorizationRequest, answer: str, *, browser_key: str, issuer: str) -> Redirect | None:
    """The same redirect again, for a second click on a pushed request that was already given this answer. None if it
    was given another answer or in another browser, or if its code is used, expired or bound to another redirect URI.

    browser_key: a secret of the browser's session. A pushed request's code is derived from it; codes are not stored.
    """
    if request.pushed is None or request.pushed.answer != answer:
        return None
    if answer == pushed_request.DENIED:
        return _denial(request, issuer)
    code = _code_for(request.pushed, browser_key)
    stored = store.read(AuthorizationCode.key(credentials.digest(code)))[0]
    if stored is None or stored.is_used or stored.is_expired or stored.redirect_uri != request.redirect_uri:
        return None
    logs.note(outcome="allowed", repeated=True)
    return _with_code(request, code, issuer)


def _new_code(
    request: AuthorizationRequest,
    user: User,
    given: list[str],
    organizers: set[str],
    consent_id: str,
    browser_key: str,
) -> tuple[str, AuthorizationCode]:
    code = _code_for(request.pushed, browser_key) if request.pushed else credentials.mint(Kind.AUTHORIZATION_CODE)
    now, lifetime = clock.now(), fapi.code_lifetime_seconds(request.application)
    item = AuthorizationCode(
        code_digest=credentials.digest(code),
        client_id=request.application.client_id,
        user_id=user.user_id,
        consent_id=consent_id,
        scope=" ".join(given),
        organizers=as_set(organizers),
        redirect_uri=request.redirect_uri,
        redirect_uri_given=request.redirect_uri_given,
        code_challenge=request.code_challenge,
        jkt=request.jkt,
        resource=request.resource,
        created_at=now,
        expires_at=now + lifetime,
        forget_at=now + lifetime,
    )
    return code, item


def _code_for(pushed: PushedRequest, browser_key: str) -> str:
    source = str(pushed.request_digest)
    return credentials.mint_derived(Kind.AUTHORIZATION_CODE, "", key=browser_key.encode(), source=source)


def _describe_sign_in(
    item: AuthorizationCode, request: AuthorizationRequest, user: User, authentication: Authentication, issuer: str
) -> store.Change | None:
    """Note on the code what its ID token says about the sign-in, and about the user if it was asked to (OpenID Connect
    Core §2, §5.5): the exchange does not read the user. Returns the change that notes the same on the session, for
    when it ends; None if there is none. Nothing for a request without OpenID Connect."""
    if request.openid is None or not scopes.has_openid(request.scopes):
        return None
    item.nonce = request.openid.nonce
    item.auth_time, item.session_id = authentication.at, authentication.session_id
    item.amr, item.acr = " ".join(authentication.proof.methods) or None, authentication.proof.context
    item.id_token_claims = claims.as_text(claims.for_id_token(request.openid.claims.in_id_token, request.scopes, user))
    return session.noting(authentication, request.application, issuer)


def _denial(request: AuthorizationRequest, issuer: str) -> Redirect:
    return error_at(
        request.redirect_uri,
        issuer,
        request.state,
        error="access_denied",
        description="The user did not allow the access.",
        is_posted=request.is_answer_posted,
    )


def _with_code(request: AuthorizationRequest, code: str, issuer: str) -> Redirect:
    answer = {"code": code, **({"state": request.state} if request.state else {}), "iss": issuer}
    return Redirect(request.redirect_uri, answer, request.is_answer_posted)
