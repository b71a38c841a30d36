"""/sign-up: anybody who reads mail at an address can create an account for it, if the operator allows it.

The account is created when the mailed link is used, with what its owner types then. Before that, nothing of it exists:
nobody else can have chosen its password, and an address cannot be taken from its owner.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from chalice.app import Blueprint, Response

from chalicelib import limits, logs, mail, names, settings
from chalicelib.accounts import passwords, sign_up
from chalicelib.endpoints import http
from chalicelib.endpoints.http import browser_session
from chalicelib.endpoints.http.browser_session import CSRF_FIELD
from chalicelib.endpoints.people import mailed_link
from chalicelib.messages import Message
from chalicelib.models import mail_link, user
from chalicelib.models.mail_link import MailLink, Purpose
from chalicelib.pages import language, render
from chalicelib.protocol.rules.request_parameters import Parameters, single

ASK = "/sign-up"
FINISH = "/sign-up/finish"
PROFILE = "/settings/profile"
blueprint = Blueprint(__name__)


@dataclass
class Fields:
    """The form as filled in. problems: what is wrong, by field name."""

    fullname: str = ""
    password: str = ""
    problems: dict[str, str] = field(default_factory=dict)


@http.route(blueprint, ASK, "GET", "POST", is_page=True, typed_again=mailed_link.ASKED)
def ask(request: http.Request) -> Response:
    """The response and the work are the same for an address that already has an account."""
    _check_open()
    return mailed_link.ask(
        request,
        ASK,
        template="sign_up.html",
        check=names.check_mail_address,
        send=_send_link,
        outcome="sign-up asked for",
    )


@http.route(blueprint, FINISH, "GET", "POST", is_page=True, typed_again=("token", "fullname"))
def finish(request: http.Request) -> Response:
    _check_open()
    return mailed_link.use(request, FINISH, again=ASK, show=_empty_page, submit=_open_account)


def _check_open() -> None:
    http.check_passwords()
    if not settings.SETTINGS.sign_up_open:
        message = Message("Accounts here are created by an administrator.")
        raise http.Refusal(403, "sign_up_closed", message, is_operators=True)


def _send_link(request: http.Request, email: str) -> None:
    found = user.find_by_email(email)
    to = (found.email if found.active else None) if found else email
    with mailed_link.sending(ASK, to):
        token = mail_link.create(Purpose.OPEN_ACCOUNT, email=email)
        site, accept_language = http.site(), request.header("accept-language")
        if found:
            sign_in = f"{request.base_url}/login"
            subject, text = render.mail(
                "account_exists.txt", site=site, accept_language=accept_language, user=found, sign_in=sign_in
            )
        else:
            subject, text = render.mail(
                "sign_up.txt",
                site=site,
                accept_language=accept_language,
                link=f"{request.base_url}{FINISH}?token={token}",
                minutes=limits.MAIL_LINK_LIFETIME_SECONDS // 60,
            )
        mail.send(to, subject, text)


def _open_account(request: http.Request) -> Response:
    browser_session.check_visitor_form(request, FINISH)
    token = single(request.form, "token")
    link = mail_link.find(token, Purpose.OPEN_ACCOUNT)
    mail_link.check_address_is_free(link)
    filled = _read_fields(request.form, link.email)
    if filled.problems:
        return _finish_page(request, filled, token, link, status=400)
    locale = language.choose(None, request.header("accept-language"))
    made = sign_up.open_account(
        link, password=filled.password, fullname=filled.fullname, locale=locale, source=request.source
    )
    logs.note(outcome="account opened", user_id=made.user_id)
    place = browser_session.kept_place(request)
    cookies = [
        *browser_session.start(request, made, browser_session.BY_PASSWORD),
        *browser_session.forget_link(),
        *browser_session.forget_place(),
    ]
    # To the page that made them sign up, or else to their profile, to complete it.
    return http.see_other(http.here(request, place if place != "/" else PROFILE), headers={"Set-Cookie": cookies})


def _read_fields(form: Parameters, email: str) -> Fields:
    filled = Fields(single(form, "fullname") or "", single(form, "password") or "")
    try:
        filled.fullname = names.check_name(filled.fullname)
    except names.InputProblem as error:
        filled.problems["fullname"] = Message("The name %(problem)s.", problem=error.message)
    try:
        passwords.check(filled.password, about=[email, filled.fullname])
    except names.InputProblem as error:
        filled.problems["password"] = Message("The password %(problem)s.", problem=error.message)
    return filled


def _empty_page(request: http.Request) -> Response:
    """Raises Unusable."""
    token = mailed_link.token(request)
    filled = Fields(single(request.typed, "fullname") or "")
    return _finish_page(request, filled, token, mail_link.find(token, Purpose.OPEN_ACCOUNT))


def _finish_page(
    request: http.Request, filled: Fields, token: str | None, link: MailLink, *, status: int = 200
) -> Response:
    csrf_token, cookies = browser_session.visitor_form(request, FINISH)
    return http.page(
        request,
        "sign_up_finish.html",
        status,
        headers={"Set-Cookie": cookies},
        hidden={CSRF_FIELD: csrf_token, "token": token},
        email=link.email,
        filled=filled,
    )
