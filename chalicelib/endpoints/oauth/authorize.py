"""GET and POST /api/v1/oauth/authorize: the application asks, and the user answers (RFC 6749 §4.1.1)."""

from __future__ import annotations

from dataclasses import replace

from chalice.app import Blueprint, Response

from chalicelib import limits, logs
from chalicelib.endpoints import http
from chalicelib.endpoints.http import browser_session
from chalicelib.endpoints.http.browser_session import SignedIn
from chalicelib.endpoints.oauth import authorization_answer, consent_page, sign_in_again
from chalicelib.endpoints.oauth.consent_page import Question
from chalicelib.messages import Message
from chalicelib.models import pushed_request, store
from chalicelib.models.application import Application
from chalicelib.models.consent import Consent
from chalicelib.models.pushed_request import AlreadyAnswered, PushedRequest
from chalicelib.models.session import SessionEnded
from chalicelib.protocol.authorization import authorization_request, authorization_response, pushed_requests
from chalicelib.protocol.authorization.authorization_request import AuthorizationRequest
from chalicelib.protocol.authorization.consents import ChoiceProblem, chosen_scopes
from chalicelib.protocol.authorization.redirect import RefusedRequest
from chalicelib.protocol.clients import described_clients, metadata_documents
from chalicelib.protocol.errors import NotThisApplication
from chalicelib.protocol.rules import openid_parameters, paths, request_parameters

PATH = paths.AUTHORIZATION
_CODES = "authorization codes"
_DECISIONS = {"allow": pushed_request.ALLOWED, "deny": pushed_request.DENIED}
blueprint = Blueprint(__name__)


@http.route(
    blueprint,
    PATH,
    "GET",
    "POST",
    is_page=True,
    typed_again=consent_page.TYPED_AGAIN,
    answers_stale_forms=True,
    body_limit_bytes=limits.CONSENT_FORM_LIMIT_BYTES,
)
def authorize(request: http.Request) -> Response:
    if request.is_head:
        allowed = "GET, POST"  # a HEAD would issue a code
        raise http.Refusal(
            405, "invalid_request", Message("Only %(methods)s can be used here.", methods=allowed), {"Allow": allowed}
        )
    form = request.form if request.method == "POST" else None
    # The consent form's URL contains the request. A request that is itself a POST may have it all in its body (§3.1).
    parameters = request.query if form is None or request.query else form
    if form is not None and not consent_page.is_sent(request, form):
        return http.see_other(http.here(request, _path_of(parameters)))
    browser, application, consent, pushed = _read(request, parameters)
    user_id = browser.user.user_id if browser else None
    try:
        application = _as_described(parameters, browser, application)
        asked = pushed_requests.read_request(parameters, application, pushed, user_id=user_id, issuer=request.base_url)
    except NotThisApplication as error:
        return authorization_answer.not_this_application(request, error, parameters, application)
    except RefusedRequest as error:
        # Otherwise anybody's link could redirect through here to any site (RFC 9700 §4.11.2). `prompt=none` allows no
        # sign-in page; `_refused` decides whether it redirects.
        if browser is None and not error.is_silent:
            raise http.NotSignedIn(_path_of(parameters)) from error
        return authorization_answer.refused(request, error, browser, consent)
    logs.note(client_id=asked.application.public_id)
    asked = sign_in_again.as_asked(asked, parameters)
    request.languages = asked.openid.languages if asked.openid else ""
    if browser is None:
        if asked.is_silent:
            return authorization_answer.refused(
                request, authorization_response.unasked(asked, None, issuer=request.base_url)
            )
        raise http.NotSignedIn(_address(sign_in_again.asked_now(asked)))
    if sign_in_again.is_due(asked, browser):
        if asked.is_silent:
            missing = authorization_response.unasked(asked, None, issuer=request.base_url)
            return authorization_answer.refused(request, missing, browser, consent)
        logs.note(outcome="asked to sign in again")
        back_to = _address(sign_in_again.asked_now(asked))
        return http.see_other(http.here(request, sign_in_again.path(asked, back_to)))
    if (wrong := authorization_response.wrong_sign_in(asked, browser.user, browser.authentication)) is not None:
        refusal = authorization_request.refused(asked, wrong, issuer=request.base_url)
        return authorization_answer.refused(request, refusal, browser, consent)
    try:
        if asked.pushed and asked.pushed.answer:
            return _answered_before(request, asked, browser, consent, form)
        if form is None or asked.is_silent:
            return _ask_or_remember(request, asked, browser, consent)
        return _answer(request, asked, browser, consent, form)
    except AlreadyAnswered:  # since it was read, for example by a second click
        return _answered_meanwhile(request, asked, browser, consent, form)
    except SessionEnded as error:  # since it was read, for example in another tab
        raise http.NotSignedIn(_address(asked)) from error


def _path_of(parameters: request_parameters.Parameters) -> str:
    """The path of a GET that repeats the request, including its mistakes."""
    names = dict.fromkeys(
        (
            *openid_parameters.of_authorization(parameters),
            "request_uri",
            sign_in_again.ASKED_AT,
        )
    )
    return f"{PATH}?{request_parameters.encode_all(parameters, names)}"


def _address(asked: AuthorizationRequest) -> str:
    """The path that shows a request again."""
    return f"{PATH}?{request_parameters.encode(asked.parameters)}"


def _read(
    request: http.Request, parameters: request_parameters.Parameters
) -> tuple[SignedIn | None, Application | None, Consent | None, PushedRequest | None]:
    """Read everything that decides, in one round trip."""
    cookie = browser_session.read_cookie(request)
    client_id = request_parameters.single(parameters, "client_id") or ""
    is_one = request_parameters.is_id(client_id, limit=limits.CLIENT_ID_LIMIT_CHARACTERS)
    application_key = Application.key(client_id) if is_one else None
    pushed_key = pushed_requests.key_of(parameters)
    if cookie is None:
        application, pushed = store.read(application_key, pushed_key)
        return None, _if_named(application, client_id), None, pushed
    consent_key = Consent.key(cookie.user_id, application_key.hash_key) if application_key else None
    session, user, application, consent, pushed = store.read(
        cookie.session_key, cookie.user_key, application_key, consent_key, pushed_key
    )
    browser = browser_session.recognize(request, cookie, session, user)
    return browser, _if_named(application, client_id), consent, pushed


def _if_named(found: Application | None, client_id: str) -> Application | None:
    """The application, if this is its client id. A derived id, which some are stored under, is not."""
    return found if found is not None and found.public_id == client_id else None


def _as_described(
    parameters: request_parameters.Parameters, browser: SignedIn | None, known: Application | None
) -> Application | None:
    """The application as its document describes it now; for an application without a document, `known`.

    Raises NotSignedIn before anything is fetched: strangers must not make this server call others.
    """
    client_id = request_parameters.single(parameters, "client_id") or ""
    if not metadata_documents.is_one(client_id):
        return known
    if not metadata_documents.are_taken():
        return None
    if browser is None and known is None:
        raise http.NotSignedIn(_path_of(sign_in_again.stamped(parameters)))
    return described_clients.current(client_id, known, browser.user) if browser else known


def _ask_or_remember(
    request: http.Request, asked: AuthorizationRequest, browser: SignedIn, consent: Consent | None
) -> Response:
    if consent is not None and authorization_response.is_remembered(asked, consent, browser.user):
        redirect = authorization_response.allow_again(
            asked,
            consent,
            browser.user,
            authentication=browser.authentication,
            browser_key=browser.key_for(_CODES),
            issuer=request.base_url,
        )
        if redirect is not None:
            return authorization_answer.go(request, redirect)
    if asked.is_silent:
        error = authorization_response.unasked(asked, browser.user, issuer=request.base_url)
        return authorization_answer.refused(request, error, browser, consent)
    return consent_page.show(request, browser, _question(asked), consent)


def _answer(
    request: http.Request,
    asked: AuthorizationRequest,
    browser: SignedIn,
    consent: Consent | None,
    form: request_parameters.Parameters,
) -> Response:
    """Carry out the user's answer. It grants only what the shown request asked for and the user selected."""
    question = _question(asked)
    if not browser.sent(form, question.purpose):
        return consent_page.show_stale(request, browser, question, consent, form)
    if not consent_page.answers(form):
        return consent_page.show(request, browser, question, consent, form=form)
    if request_parameters.single(form, "decision") != "allow":
        denial = authorization_response.deny(asked, browser.user, issuer=request.base_url)
        return authorization_answer.go(request, denial)
    try:
        redirect = authorization_response.allow(
            replace(asked, scopes=chosen_scopes(asked.scopes, form.get("scopes", ()), browser.user)),
            browser.user,
            form.get("organizers", ()),
            known=consent,
            authentication=browser.authentication,
            browser_key=browser.key_for(_CODES),
            issuer=request.base_url,
        )
    except ChoiceProblem as error:
        return consent_page.show_problem(request, browser, question, consent, form, error)
    consent_page.note_allowed(request, browser, asked.application)
    return authorization_answer.go(request, redirect)


def _answered_before(
    request: http.Request,
    asked: AuthorizationRequest,
    browser: SignedIn,
    consent: Consent | None,
    form: request_parameters.Parameters | None,
) -> Response:
    """Respond for a pushed request that the user has answered: the same redirect for the same answer, else a page."""
    assert asked.pushed is not None
    if form is None:
        is_same = authorization_response.is_remembered(asked, consent, browser.user)
        wanted = pushed_request.ALLOWED if is_same else None
    else:
        is_own = browser.sent(form, _purpose(asked))
        wanted = _DECISIONS.get(request_parameters.single(form, "decision") or "") if is_own else None
    redirect = wanted and authorization_response.repeat(
        asked, wanted, browser_key=browser.key_for(_CODES), issuer=request.base_url
    )
    if redirect:
        return authorization_answer.go(request, redirect)
    logs.note(outcome="answered before")
    if asked.is_silent:
        return authorization_answer.refused(
            request, authorization_response.used_up(asked, issuer=request.base_url), browser, consent
        )
    is_allowed = asked.pushed.answer == pushed_request.ALLOWED
    return http.page(request, "already_answered.html", 400, application=asked.application, is_allowed=is_allowed)


def _answered_meanwhile(
    request: http.Request,
    asked: AuthorizationRequest,
    browser: SignedIn,
    consent: Consent | None,
    form: request_parameters.Parameters | None,
) -> Response:
    assert asked.pushed is not None
    pushed = store.read(asked.pushed.own_key)[0]
    if pushed is None or not pushed.answer or not pushed.is_for(browser.user.user_id):
        shown = {name: [value] for name, value in asked.parameters.items()}
        return authorization_answer.not_this_application(request, pushed_requests.unusable(), shown, asked.application)
    return _answered_before(request, replace(asked, pushed=pushed), browser, consent, form)


def _question(asked: AuthorizationRequest) -> Question:
    # In the URL and not in fields: browsers change line breaks in a field, so they would change a state.
    address = _address(asked)
    return Question(
        application=asked.application,
        scopes=asked.scopes,
        resource=asked.resource,
        purpose=_purpose(asked),
        address=address,
        post_to=address,
        redirect_uri=asked.redirect_uri,
        origin=asked.origin,
    )


def _purpose(asked: AuthorizationRequest) -> str:
    """Binds the form to the exact request that was shown, and to the redirect URI that was shown.

    A request without a `redirect_uri` goes to the first registered one, which may have changed.
    """
    return f"consent {request_parameters.encode(dict(sorted(asked.parameters.items())))} {asked.redirect_uri}"
