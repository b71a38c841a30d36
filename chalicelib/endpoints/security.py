"""/settings/security: a user's signed-in browsers, their password, and what happened to their account."""

from __future__ import annotations

from dataclasses import dataclass

from chalice.app import Blueprint, Response

from chalicelib import caller, credentials, logs, names, settings
from chalicelib.endpoints import browser_session, http
from chalicelib.endpoints.browser_session import CSRF_FIELD, SignedIn
from chalicelib.models import security_event, session, throttle, user
from chalicelib.models.session import Session
from chalicelib.protocol.requests import single

PATH = "/settings/security"
CHANGE = "/settings/password"
OTHERS = "others"
blueprint = Blueprint(__name__)


@dataclass(frozen=True)
class Listed:
    """A session or an event, and the device that it was on. Both names are "" where they are not known."""

    item: Session | security_event.SecurityEvent
    browser: str
    system: str


@http.route(blueprint, PATH, "GET", "POST", is_page=True)
def security(request: http.Request) -> Response:
    browser = browser_session.require(request, back_to=PATH)
    if request.method == "POST":
        return _end_sessions(request, browser)
    before = single(request.query, "before") or ""
    mine = browser.cookie.named.digest
    sessions = sorted(session.live_ones(browser.user), key=lambda found: found.session_digest != mine)
    events, older = _events(browser, before)
    return http.page(
        request,
        "security.html",
        user=browser.user,
        sessions=[_listed(found) for found in sessions],
        current=mine,
        events=[_listed(event) for event in events],
        older=older,
        is_first_page=not before,
        csrf_field=CSRF_FIELD,
        csrf_tokens={of: browser.csrf_token(_end(of)) for of in [OTHERS, *(found.short_id for found in sessions)]},
    )


@http.route(blueprint, CHANGE, "GET", "POST", is_page=True)
def password(request: http.Request) -> Response:
    browser = browser_session.require(request, back_to=CHANGE)
    if request.method == "GET":
        return _password_page(request, browser)
    browser.check_csrf(request.form, CHANGE)
    present, chosen = single(request.form, "present") or "", single(request.form, "password") or ""
    try:
        names.check_password(chosen)
    except names.NameProblem as error:
        return _password_page(request, browser, problem=f"The new password {error}.", status=400)
    if not _is_present_password(browser, present):
        logs.note(outcome="password change refused")
        return _password_page(request, browser, wrong="That is not your present password.", status=400)
    changed = user.change_password(browser.user, chosen)
    session.clear_away(changed.user_id)
    security_event.record(changed.user_id, security_event.Kind.PASSWORD_CHANGED, request.caller)
    logs.note(outcome="password changed")
    cookies = browser_session.start(request, changed)
    return http.see_other(http.here(request, PATH), headers={"Set-Cookie": cookies})


def _end_sessions(request: http.Request, browser: SignedIn) -> Response:
    which = single(request.form, "session") or ""
    browser.check_csrf(request.form, _end(which))
    mine = browser.cookie.named.digest
    others = [found for found in session.live_ones(browser.user) if found.session_digest != mine]
    ended = [found for found in others if which in (OTHERS, found.short_id)]
    for found in ended:
        session.end(browser.user.user_id, found.session_digest)
    if ended:
        security_event.record(browser.user.user_id, security_event.Kind.SESSION_ENDED, request.caller)
    logs.note(outcome=f"{len(ended)} sessions ended")
    return http.see_other(http.here(request, PATH))


def _end(which: str) -> str:
    return f"end session {which}"


def _events(browser: SignedIn, before: str) -> tuple[list[security_event.SecurityEvent], str | None]:
    """A page of events, and the key from which the next page goes on; None where there is none."""
    size = settings.SECURITY_EVENTS_PER_PAGE
    found = security_event.recent(browser.user.user_id, limit=size + 1, before=before[:64] or None)
    return found[:size], found[size - 1].event_key if len(found) > size else None


def _is_present_password(browser: SignedIn, present: str) -> bool:
    """Raises TooManyTries: somebody at a browser that was left open must not guess on."""
    what = f"password change {browser.user.user_id}"
    limits = {what: settings.LOGIN_TRIES_PER_ACCOUNT}
    throttle.count_tries(limits, window_seconds=settings.LOGIN_WINDOW_SECONDS)
    tried = present if len(present) <= settings.PASSWORD_LIMIT_CHARACTERS else ""
    if not credentials.password_matches(tried, browser.user.password_hash):
        return False
    throttle.forget(what, window_seconds=settings.LOGIN_WINDOW_SECONDS)
    return True


def _listed(item: Session | security_event.SecurityEvent) -> Listed:
    return Listed(item, caller.browser_name(item.user_agent), caller.system_name(item.user_agent))


def _password_page(
    request: http.Request, browser: SignedIn, *, wrong: str = "", problem: str = "", status: int = 200
) -> Response:
    hidden = {CSRF_FIELD: browser.csrf_token(CHANGE)}
    return http.page(request, "password.html", status, user=browser.user, hidden=hidden, wrong=wrong, problem=problem)
