"""Changing a password with the current one, or through a mailed link for somebody who forgot it."""

from __future__ import annotations

from chalice.app import Blueprint, Response

from chalicelib import limits, logs, mail, names
from chalicelib.accounts import password_change
from chalicelib.endpoints import http
from chalicelib.endpoints.http import browser_session
from chalicelib.endpoints.http.browser_session import CSRF_FIELD, SignedIn
from chalicelib.endpoints.people import mailed_link
from chalicelib.messages import Message
from chalicelib.models import mail_link, user
from chalicelib.models.mail_link import MailLink, Purpose
from chalicelib.models.store import StoreUnavailable
from chalicelib.models.user import User
from chalicelib.pages import render
from chalicelib.protocol.authorization import disconnecting
from chalicelib.protocol.rules.request_parameters import single

ASK = "/password/reset"
CHOOSE = "/password/new"
CHANGE = "/settings/password"
SECURITY = "/settings/security"
blueprint = Blueprint(__name__)


@http.route(blueprint, ASK, "GET", "POST", is_page=True, typed_again=mailed_link.ASKED)
def ask(request: http.Request) -> Response:
    """The response and the work are the same for an address without an account."""
    http.check_passwords()
    return mailed_link.ask(
        request,
        ASK,
        template="password_reset.html",
        check=names.check_email,
        send=_send_link,
        outcome="password reset asked for",
    )


@http.route(blueprint, CHOOSE, "GET", "POST", is_page=True, typed_again=("token", "revoke_applications"))
def choose(request: http.Request) -> Response:
    http.check_passwords()
    return mailed_link.use(request, CHOOSE, again=ASK, show=_show_choose_page, submit=_choose)


@http.route(blueprint, CHANGE, "GET", "POST", is_page=True)
def change(request: http.Request) -> Response:
    http.check_passwords()
    # A second click arrives after the first one changed the password and ended the session; the notice covers both
    # cases.
    browser = browser_session.require(request, back_to=CHANGE, ended=http.Notice.SESSION_ENDED_OF_PASSWORD)
    if request.method == "GET":
        return _change_page(request, browser)
    browser.check_csrf(request.form, CHANGE)
    present, chosen = single(request.form, "present") or "", single(request.form, "password") or ""
    try:
        changed, is_repeated = password_change.change(browser.user, present, chosen, request.source)
    except password_change.Unusable as error:
        return _change_page(request, browser, problem=error.problem)
    except password_change.WrongPassword:
        logs.note(outcome="password change refused")
        return _change_page(request, browser, wrong=Message("That is not your current password."))
    logs.note(outcome="password changed")
    cookies = browser_session.start(request, changed, browser_session.BY_PASSWORD)
    if not is_repeated:
        _tell_owner(request, changed)
    headers = {"Set-Cookie": cookies}
    return http.see_other(http.here(request, SECURITY), headers=headers, notice=http.Notice.PASSWORD_CHANGED)


def _send_link(request: http.Request, email: str) -> None:
    found = user.find_by_email(email)
    owner = found if found and found.active else None
    # To the stored address, not the typed one: two addresses that are equal here may belong to two people elsewhere.
    to = owner.email if owner else None
    with mailed_link.sending(ASK, to):
        token = mail_link.create(Purpose.CHOOSE_PASSWORD, email=to or email, of=owner)
        subject, text = render.mail(
            "password_reset.txt",
            site=http.site(),
            accept_language=request.header("accept-language"),
            user=owner,
            link=f"{request.base_url}{CHOOSE}?token={token}",
            minutes=limits.MAIL_LINK_LIFETIME_SECONDS // 60,
        )
        mail.send(to, subject, text)


def _choose(request: http.Request) -> Response:
    browser_session.check_visitor_form(request, CHOOSE)
    token, chosen = single(request.form, "token"), single(request.form, "password") or ""
    link = mail_link.find(token, Purpose.CHOOSE_PASSWORD)
    owner = mail_link.owner(link)
    try:
        changed = password_change.choose(link, owner, chosen, network=request.network, source=request.source)
    except password_change.Unusable as error:
        return _choose_page(request, link, token, problem=error.problem)
    logs.note(outcome="password reset", user_id=changed.user_id)
    revoked = _revoke_applications(request, changed)
    _tell_owner(request, changed)
    cookies = [
        *browser_session.forget_link(),
        *browser_session.forget_place(),
        *browser_session.keep_device(request, changed),
    ]
    place = browser_session.kept_place(request)
    headers = {"Set-Cookie": cookies}
    return http.page(request, "password_chosen.html", headers=headers, next=place, revoked=revoked)


def _revoke_applications(request: http.Request, changed: User) -> bool | None:
    """Revoke all applications if the form asked for it. True if that succeeded; None if it was not asked for.

    The password is changed and the link used up by now, so if the store fails, the page says so: the user can sign in
    and revoke what is left.
    """
    if not _wants_revocation(request):
        return None
    try:
        disconnecting.take_back_all(changed.user_id, request.source)
    except StoreUnavailable as error:
        logs.note(store_error=error.code, applications="not all revoked")
        return False
    return True


def _wants_revocation(request: http.Request) -> bool:
    sent = request.typed if request.is_shown_again else request.form
    return single(sent, "revoke_applications") == "yes"


def _show_choose_page(request: http.Request) -> Response:
    """Raises Unusable."""
    token = mailed_link.token(request)
    return _choose_page(request, mail_link.find(token, Purpose.CHOOSE_PASSWORD), token)


def _choose_page(request: http.Request, link: MailLink, token: str | None, *, problem: str | None = None) -> Response:
    csrf_token, cookies = browser_session.visitor_form(request, CHOOSE)
    return http.page(
        request,
        "password_new.html",
        400 if problem else 200,
        headers={"Set-Cookie": cookies},
        hidden={CSRF_FIELD: csrf_token, "token": token},
        email=link.email,
        problem=Message("The password %(problem)s.", problem=problem) if problem else "",
        revokes=_wants_revocation(request),
    )


def _tell_owner(request: http.Request, changed: User) -> None:
    """Tell the owner about the change by mail, in case somebody else made it. Nothing depends on this mail."""
    reset = request.base_url + ASK
    http.mail_notice(request, changed.email, "password_changed.txt", user=changed, reset=reset)


def _change_page(request: http.Request, browser: SignedIn, *, wrong: str = "", problem: str | None = None) -> Response:
    """problem: what is wrong with the new password, to follow "The new password". wrong: with the current one."""
    return http.page(
        request,
        "password.html",
        400 if wrong or problem else 200,
        user=browser.user,
        hidden={CSRF_FIELD: browser.csrf_token(CHANGE)},
        wrong=wrong,
        problem=Message("The new password %(problem)s.", problem=problem) if problem else "",
    )
