"""The front page, sign-in and sign-out."""

from __future__ import annotations

from collections.abc import Mapping

from chalice.app import Blueprint, Response

from chalicelib import credentials, logs, settings
from chalicelib.endpoints import http
from chalicelib.endpoints.http import browser_session
from chalicelib.messages import Message
from chalicelib.models import security_event, sign_in_try, throttle, user
from chalicelib.models.email_address import normalize
from chalicelib.models.sign_in_try import SignInTry
from chalicelib.models.user import User
from chalicelib.protocol.rules.request_parameters import Parameters, single

WRONG = Message("Wrong email or password.")
blueprint = Blueprint(__name__)


@http.route(blueprint, "/", "GET", is_page=True)
def home(request: http.Request) -> Response:
    browser_session.signed_in(request)
    return http.page(request, "home.html", base_url=request.base_url, offers_sign_up=settings.SETTINGS.sign_up_open)


@http.route(blueprint, "/login", "GET", "POST", is_page=True, typed_again=("email", "next"))
def sign_in(request: http.Request) -> Response:
    if request.method == "POST":
        return _answer(request)
    next_path = browser_session.local_path(single(request.given, "next"))
    wants_another = single(request.query, "switch") is not None
    # A form that is shown again is of somebody who wants another account, or is not signed in.
    if browser_session.signed_in(request) and not wants_another and not request.is_shown_again:
        return http.see_other(http.here(request, next_path))
    return _sign_in_page(request, next_path, email=single(request.typed, "email") or "")


@http.route(blueprint, "/logout", "GET", "POST", is_page=True)
def sign_out(request: http.Request) -> Response:
    """A POST signs out; a GET asks first, since any page can send a browser here."""
    browser = browser_session.signed_in(request)
    if browser and request.method == "GET":
        return http.page(request, "sign_out.html", csrf_token=browser.csrf_token("sign-out"))
    if browser:
        browser.check_csrf(request.form, "sign-out")
        logs.note(outcome="signed out")
    cookies = browser_session.end(request)
    return http.see_other(http.here(request, "/"), headers={"Set-Cookie": cookies}, notice=http.Notice.SIGNED_OUT)


def _answer(request: http.Request) -> Response:
    form = request.form
    next_path = browser_session.local_path(single(form, "next"))
    try:
        browser_session.check_visitor_form(request, http.SIGN_IN)
    except http.StaleForm:
        browser = browser_session.signed_in(request)
        if browser and _names(form, browser.user):  # in another tab, meanwhile
            return browser_session.go_on(request, browser.user, next_path)
        raise
    email, password = single(form, "email") or "", single(form, "password") or ""
    # Read before the try is counted, since a browser that the account knows is counted by itself; the hash comes after.
    found, failed_before = sign_in_try.read(email)
    tried = SignInTry(email, request.network, browser_session.known_device(request, found), failed_before)
    try:
        with tried.counted() as counted:
            right = _check_password(found, password)
            cookies = _begun_session(request, right, password) if right and right.active else []
    except throttle.TooManyTries:
        logs.note(outcome="sign-in throttled")
        message = Message("Too many attempts. Wait 15 minutes, then try again.")
        retry_after = {"Retry-After": str(throttle.seconds_left(settings.SIGN_IN_WINDOW_SECONDS))}
        return _sign_in_page(request, next_path, email=email, problem=message, status=429, headers=retry_after)
    if right is None:
        tried.failed()
        logs.note(outcome="sign-in failed")
        return _sign_in_page(request, next_path, email=email, problem=WRONG, status=401)
    if not right.active:
        logs.note(outcome="sign-in of a disabled account")
        return _sign_in_page(request, next_path, email=email, is_disabled=True, status=403)
    tried.went_well(counted)
    logs.note(outcome="signed in", user_id=right.user_id)
    security_event.record(right.user_id, security_event.Kind.SIGN_IN, request.caller, failed_tries=failed_before)
    return browser_session.go_on(request, right, next_path, cookies=cookies)


def _names(form: Parameters, of: User) -> bool:
    """Is it this user's address that was typed?"""
    return normalize(single(form, "email") or "") == normalize(of.email)


def _check_password(found: User | None, password: str) -> User | None:
    """The user, disabled or not, if the password is theirs. Takes the same hashing for an unknown account, so that only
    who knows the password learns anything."""
    if len(password) > settings.PASSWORD_LIMIT_CHARACTERS:
        password = ""
    is_right = credentials.password_matches(password, found.password_hash if found else None)
    return found if found and is_right else None


def _begun_session(request: http.Request, right: User, password: str) -> list[str]:
    """Set-Cookie values. The password is at hand now, to be stored as it is stored today."""
    user.bring_up_to_date(right, password)
    return browser_session.start(request, right)


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
