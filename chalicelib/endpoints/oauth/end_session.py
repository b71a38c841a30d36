"""GET and POST /api/v1/oauth/end_session: an application asks to sign its user out (RP-Initiated Logout 1.0).

The user is always asked, on a page that says which application wants it. Nothing in the request lets a site sign
somebody out without them, nor lead them through here to an address that the application did not register.
"""

from __future__ import annotations

from chalice.app import Blueprint, Response

from chalicelib import logs, settings
from chalicelib.endpoints import http
from chalicelib.endpoints.http import browser_session
from chalicelib.endpoints.http.browser_session import CSRF_FIELD, SignedIn
from chalicelib.keys import signing
from chalicelib.messages import Message
from chalicelib.models import store
from chalicelib.models.application import Application
from chalicelib.protocol.clients import recent_requests
from chalicelib.protocol.openid import end_session as rules
from chalicelib.protocol.openid.end_session import Logout, LogoutProblem, LogoutRequest
from chalicelib.protocol.rules import paths, redirect_uris, request_parameters

PATH = paths.END_SESSION
_PURPOSE = "end session"
blueprint = Blueprint(__name__)


@http.route(blueprint, PATH, "GET", "POST", is_page=True)
def end_session(request: http.Request) -> Response:
    if not signing.is_on():
        raise http.Refusal(404, "not_found", Message("There is nothing at this address."))
    form = request.form if request.method == "POST" else None
    # Our form's address contains the request. A request that is itself a POST may have it in its body (§2).
    parameters = request.query if form is None or request.query else form
    if form is not None and CSRF_FIELD not in form:
        # A browser sends a form of another site without its cookie. It sends the cookie to the address of the redirect.
        return http.see_other(http.here(request, _address(parameters)))
    try:
        asked = rules.read(parameters, issuer=request.base_url)
        request.languages = asked.languages
        browser, application = _read(request, asked)
        logout = _checked(asked, application)
    except LogoutProblem as error:
        if request.user is None:
            browser_session.signed_in(request)  # so that the page has the link to sign out without the application
        raise http.Refusal(400, "invalid_request", error.message) from error
    if logout.application:
        logs.note(client_id=logout.application.public_id)
    if browser is None:
        return _nobody_page(request, logout)
    if form is None:
        return _question(request, browser, logout, _address(parameters))
    browser.check_csrf(form, _PURPOSE)
    logs.note(outcome="signed out")
    headers = {"Set-Cookie": browser_session.end(request, browser)}
    if logout.location:
        return http.see_other(logout.location, headers=headers)
    return http.see_other(http.here(request, "/"), headers=headers, notice=http.Notice.SIGNED_OUT)


def _read(request: http.Request, asked: LogoutRequest) -> tuple[SignedIn | None, Application | None]:
    """The browser's user and the application that asks, in one round trip."""
    cookie = browser_session.read_cookie(request)
    key = Application.key(asked.client_id) if asked.client_id and rules.is_client_id(asked.client_id) else None
    if cookie is None:
        return None, store.read(key)[0] if key else None
    session, user, application = store.read(cookie.session_key, cookie.user_key, key)
    return browser_session.recognize(request, cookie, session, user), application


def _checked(asked: LogoutRequest, application: Application | None) -> Logout:
    """Raises LogoutProblem, of which the application's developer is told too."""
    try:
        return rules.checked(asked, application)
    except LogoutProblem as error:
        if application is not None and application.public_id == asked.client_id:
            code = "invalid_request"
            recent_requests.record_authorization(application, PATH, code, str(error), redirect_uri=asked.redirect_uri)
        raise


def _question(request: http.Request, browser: SignedIn, logout: Logout, address: str) -> Response:
    return http.page(
        request,
        "end_session.html",
        form_target=redirect_uris.form_target(logout.redirect_uri) if logout.redirect_uri else "",
        application=logout.application,
        is_about_another=logout.is_about_another(browser.user.user_id),
        place=redirect_uris.place(logout.redirect_uri) if logout.redirect_uri else None,
        action=http.here(request, address),
        hidden={CSRF_FIELD: browser.csrf_token(_PURPOSE)},
    )


def _nobody_page(request: http.Request, logout: Logout) -> Response:
    """Nobody is signed in, so nobody is asked. A redirect at once would let anybody who can register an application
    lead people through here to any site (RFC 9700 §4.11.2): then a page has the link."""
    logs.note(outcome="already signed out")
    location, application = logout.location, logout.application
    is_operators_word = application is not None and not application.registered_itself
    if location and is_operators_word and not settings.SETTINGS.sign_up_open:
        return http.see_other(location)
    return http.page(
        request,
        "signed_out.html",
        application=application,
        location=location,
        place=redirect_uris.place(location) if location else None,
    )


def _address(parameters: request_parameters.Parameters) -> str:
    """The path of a GET that repeats the request, including its mistakes."""
    return f"{PATH}?{request_parameters.encode_all(parameters, rules.PARAMETERS)}"
