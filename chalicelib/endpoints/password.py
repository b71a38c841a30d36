"""A password is changed by who knows the present one, and chosen anew, through a mailed link, by who forgot it."""

from __future__ import annotations

from chalice.app import Blueprint, Response

from chalicelib import credentials, logs, mail, names, settings
from chalicelib.endpoints import browser_session, http, mailed_link
from chalicelib.endpoints.browser_session import CSRF_FIELD, SignedIn
from chalicelib.messages import Message
from chalicelib.models import mail_link, security_event, session, throttle, user
from chalicelib.models.mail_link import Purpose
from chalicelib.models.user import User
from chalicelib.pages import render
from chalicelib.protocol.requests import single

ASK = "/password/reset"
CHOOSE = "/password/new"
CHANGE = "/settings/password"
SECURITY = "/settings/security"
blueprint = Blueprint(__name__)


@http.route(blueprint, ASK, "GET", "POST", is_page=True, typed_again=mailed_link.ASKED)
def ask(request: http.Request) -> Response:
    """The answer is the same, and as much work, for an address that nobody has here."""
    return mailed_link.ask(
        request,
        ASK,
        template="password_reset.html",
        check=names.check_email,
        send=_send_link,
        outcome="password reset asked for",
    )


@http.route(blueprint, CHOOSE, "GET", "POST", is_page=True, typed_again=("token",))
def choose(request: http.Request) -> Response:
    return mailed_link.use(request, CHOOSE, again=ASK, show=_choose_page, submit=_choose)


@http.route(blueprint, CHANGE, "GET", "POST", is_page=True)
def change(request: http.Request) -> Response:
    browser = browser_session.require(request, back_to=CHANGE)
    if request.method == "GET":
        return _change_page(request, browser)
    browser.check_csrf(request.form, CHANGE)
    present, chosen = single(request.form, "present") or "", single(request.form, "password") or ""
    try:
        names.check_password(chosen)
    except names.NameProblem as error:
        problem = Message("The new password %(problem)s.", problem=error.message)
        return _change_page(request, browser, problem=problem, status=400)
    if not _is_present_password(browser, present):
        logs.note(outcome="password change refused")
        return _change_page(request, browser, wrong=Message("That is not your current password."), status=400)
    changed = user.change_password(browser.user, chosen)
    session.clear_away(changed.user_id)
    security_event.record(changed.user_id, security_event.Kind.PASSWORD_CHANGED, request.caller)
    logs.note(outcome="password changed")
    cookies = browser_session.start(request, changed)
    _tell_owner(request, changed)
    headers = {"Set-Cookie": cookies}
    return http.see_other(http.here(request, SECURITY), headers=headers, notice=http.Notice.PASSWORD_CHANGED)


def _send_link(request: http.Request, email: str) -> None:
    found = user.find_by_email(email)
    to = found if found and found.active else None
    token = mail_link.create(Purpose.CHOOSE_PASSWORD, email=to.email if to else email, of=to)
    subject, text = render.mail(
        "password_reset.txt",
        site=http.SITE,
        accept_language=request.header("accept-language"),
        user=to,
        link=f"{request.base_url}{CHOOSE}?token={token}",
        minutes=settings.MAIL_LINK_LIFETIME_SECONDS // 60,
    )
    # To the address that is stored and not to the one that was typed: two that count as one here may be two people's.
    mail.send(to.email if to else None, subject, text)


def _choose(request: http.Request) -> Response:
    browser_session.check_visitor_form(request, CHOOSE)
    token = single(request.form, "token")
    link = mail_link.find(token, Purpose.CHOOSE_PASSWORD)
    try:
        chosen = names.check_password(single(request.form, "password") or "")
    except names.NameProblem as error:
        problem = Message("The password %(problem)s.", problem=error.message)
        return _choose_page(request, token=token, problem=problem, status=400)
    throttle.forget_log_in_tries(link.email, request.network)
    changed = mail_link.choose_password(link, chosen)
    session.clear_away(changed.user_id)
    security_event.record(changed.user_id, security_event.Kind.PASSWORD_RESET, request.caller)
    logs.note(outcome="password reset", user_id=changed.user_id)
    _tell_owner(request, changed)
    cookies = [*browser_session.forget_link(), *browser_session.forget_place()]
    place = browser_session.kept_place(request)
    return http.page(request, "password_chosen.html", headers={"Set-Cookie": cookies}, next=place)


def _choose_page(request: http.Request, *, token: str | None = None, problem: str = "", status: int = 200) -> Response:
    """Raises Unusable."""
    token = token or mailed_link.token(request)
    link = mail_link.find(token, Purpose.CHOOSE_PASSWORD)
    csrf_token, cookies = browser_session.visitor_form(request, CHOOSE)
    return http.page(
        request,
        "password_new.html",
        status,
        headers={"Set-Cookie": cookies},
        hidden={CSRF_FIELD: csrf_token, "token": token},
        email=link.email,
        problem=problem,
    )


def _tell_owner(request: http.Request, changed: User) -> None:
    """Who did not do it hears of it, where mail is set up; nothing hangs on that mail."""
    if mail.is_set_up():
        subject, text = render.mail(
            "password_changed.txt",
            site=http.SITE,
            accept_language=request.header("accept-language"),
            user=changed,
            reset=request.base_url + ASK,
        )
        mail.send_if_possible(changed.email, subject, text)


def _is_present_password(browser: SignedIn, present: str) -> bool:
    """Raises TooManyTries: somebody at a browser that was left open must not guess on."""
    what = throttle.named("password change", browser.user.user_id)
    limits = {what: settings.LOGIN_TRIES_PER_ACCOUNT}
    throttle.count_tries(limits, window_seconds=settings.LOGIN_WINDOW_SECONDS)
    tried = present if len(present) <= settings.PASSWORD_LIMIT_CHARACTERS else ""
    if not credentials.password_matches(tried, browser.user.password_hash):
        return False
    throttle.forget(what, window_seconds=settings.LOGIN_WINDOW_SECONDS)
    return True


def _change_page(
    request: http.Request, browser: SignedIn, *, wrong: str = "", problem: str = "", status: int = 200
) -> Response:
    hidden = {CSRF_FIELD: browser.csrf_token(CHANGE)}
    return http.page(request, "password.html", status, user=browser.user, hidden=hidden, wrong=wrong, problem=problem)
