"""The front page, sign-in and sign-out."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from chalice.app import Blueprint, Response

from chalicelib import limits, logs, settings
from chalicelib.accounts import sign_in as accounts
from chalicelib.endpoints import http
from chalicelib.endpoints.http import browser_session
from chalicelib.messages import Message
from chalicelib.models import throttle
from chalicelib.models.email_address import normalize
from chalicelib.models.user import User
from chalicelib.protocol.rules import paths
from chalicelib.protocol.rules.request_parameters import Parameters, single

_SIGN_OUT = "log-out"  # the form's purpose; the word is that of earlier versions, whose forms may still be open
WRONG = Message("Wrong email or password.")
blueprint = Blueprint(__name__)


@http.route(blueprint, "/", "GET", is_page=True)
def home(request: http.Request) -> Response:
    browser_session.signed_in(request)
    return http.page(request, "home.html", base_url=request.base_url, offers_sign_up=settings.SETTINGS.sign_up_open)


@http.route(blueprint, "/login", "GET", "POST", is_page=True, typed_again=("email", "next"))
def sign_in(request: http.Request) -> Response:
    if request.method == "POST":
        http.check_passwords()
        return _answer(request)
    next_path = browser_session.local_path(single(request.given, "next"))
    wants_another, is_again = (single(request.query, name) is not None for name in ("switch", "again"))
    browser = browser_session.signed_in(request)
    # A form that is shown again belongs to somebody who wants another account or is not signed in.
    if browser is None and (only := _only_provider(request)):
        return http.see_other(http.here(request, f"{paths.SIGN_IN_WITH}/{only}?next={quote(next_path, safe='')}"))
    if browser is None or request.is_shown_again:
        return _sign_in_page(request, next_path, email=single(request.typed, "email") or "")
    if is_again:
        return http.sign_in_page(request, next_path, email=browser.user.email, is_again=True)
    if wants_another:
        return http.sign_in_page(request, next_path, signed_in_as=browser.user.email)
    return http.see_other(http.here(request, next_path))


@http.route(blueprint, "/logout", "GET", "POST", is_page=True)
def sign_out(request: http.Request) -> Response:
    """A POST signs out. A GET asks first, since any page can send a browser here."""
    browser = browser_session.signed_in(request)
    if browser and request.method == "GET":
        return http.page(request, "sign_out.html", csrf_token=browser.csrf_token(_SIGN_OUT))
    if browser:
        browser.check_csrf(request.form, _SIGN_OUT)
        logs.note(outcome="signed out")
    cookies = browser_session.end(request, browser)
    return http.see_other(http.here(request, "/"), headers={"Set-Cookie": cookies}, notice=http.Notice.SIGNED_OUT)


def _only_provider(request: http.Request) -> str | None:
    """The identity provider to lead to at once: the only way to sign in, for somebody who is on the way somewhere."""
    ways = settings.SETTINGS.providers
    is_obvious = not ways.has_passwords and len(ways.by_name) == 1 and "next" in request.query
    return next(iter(ways.by_name)) if is_obvious and "switch" not in request.query else None


def _answer(request: http.Request) -> Response:
    form = request.form
    next_path = browser_session.local_path(single(form, "next"))
    try:
        browser_session.check_visitor_form(request, http.SIGN_IN)
    except http.StaleForm:
        browser = browser_session.signed_in(request)
        if browser and _has_address_of(form, browser.user):  # signed in in another tab in the meantime
            return browser_session.go_on(request, browser.user, next_path)
        raise
    email, password = single(form, "email") or "", single(form, "password") or ""
    try:
        right, cookies = accounts.with_password(
            email,
            password,
            source=request.source,
            network=request.network,
            device_of=lambda found: browser_session.known_device(request, found),
            begin=lambda found: browser_session.start(request, found, browser_session.BY_PASSWORD),
        )
    except throttle.TooManyTries:
        logs.note(outcome="sign-in throttled")
        message = Message("Too many attempts. Wait 15 minutes, then try again.")
        retry_after = {"Retry-After": str(throttle.seconds_left(limits.SIGN_IN_WINDOW_SECONDS))}
        return _sign_in_page(request, next_path, email=email, problem=message, status=429, headers=retry_after)
    except accounts.WrongPassword:
        logs.note(outcome="sign-in failed")
        return _sign_in_page(request, next_path, email=email, problem=WRONG, status=401)
    except accounts.AccountDisabled:
        logs.note(outcome="sign-in of a disabled account")
        return _sign_in_page(request, next_path, email=email, is_disabled=True, status=403)
    logs.note(outcome="signed in", user_id=right.user_id)
    return browser_session.go_on(request, right, next_path, cookies=cookies)


def _has_address_of(form: Parameters, of: User) -> bool:
    """True if the typed address is this user's."""
    return normalize(single(form, "email") or "") == normalize(of.email)


def _sign_in_page(
    request: http.Request,
    next_path: str,
    *,
    email: str = "",
    problem: str = "",
    is_disabled: bool = False,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    return http.sign_in_page(
        request, next_path, email=email, problem=problem, is_disabled=is_disabled, status=status, headers=headers
    )
