"""/sign-up: whoever reads the mail at an address can open an account for it, where the operator lets them.

The account is made when the mailed link is used, with what its owner types then. Before that there is nothing of it: a
password that somebody else chose cannot wait in it, and an address cannot be taken from its owner.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from chalice.app import Blueprint, Response

from chalicelib import logs, mail, names, settings
from chalicelib.endpoints import browser_session, http
from chalicelib.endpoints.browser_session import CSRF_FIELD
from chalicelib.messages import Message
from chalicelib.models import mail_link, security_event, throttle, user
from chalicelib.models.mail_link import Purpose, Unusable
from chalicelib.pages import language, render
from chalicelib.protocol.requests import Parameters, single

ASK = "/sign-up"
FINISH = "/sign-up/finish"
PROFILE = "/settings/profile"
blueprint = Blueprint(__name__)


@dataclass
class Fields:
    """The form as it was filled in. problems: what is wrong, by the field's name."""

    fullname: str = ""
    password: str = ""
    problems: dict[str, str] = field(default_factory=dict)


@http.route(blueprint, ASK, "GET", "POST", is_page=True)
def ask(request: http.Request) -> Response:
    """The answer is the same, and as much work, for an address that has an account already."""
    _check_open()
    if not mail.is_set_up():
        return http.page(request, "mail_not_set_up.html", 503)
    next_path = browser_session.local_path(single(request.query if request.method == "GET" else request.form, "next"))
    if request.method == "GET":
        return _ask_page(request, next_path)
    browser_session.check_visitor_form(request, ASK)
    typed = single(request.form, "email") or ""
    try:
        email = names.check_mail_address(typed)
    except names.NameProblem as error:
        problem = Message("The address %(problem)s.", problem=error.message)
        return _ask_page(request, next_path, email=typed, problem=problem, status=400)
    throttle.count_mail(email, request.network)
    _send_link(request, email)
    logs.note(outcome="sign-up asked for")
    cookies = browser_session.keep_place(next_path)
    return http.page(request, "mail_sent.html", headers={"Set-Cookie": cookies}, email=email)


@http.route(blueprint, FINISH, "GET", "POST", is_page=True)
def finish(request: http.Request) -> Response:
    """The link leads here. Looking at the page uses nothing up, since mail programs look at links by themselves."""
    _check_open()
    token = single(request.query, "token")
    if token and request.method == "GET":
        return http.see_other(http.here(request, FINISH), headers={"Set-Cookie": browser_session.keep_link(token)})
    try:
        if request.method == "GET":
            return _finish_page(request, Fields(), browser_session.kept_link(request))
        return _open_account(request)
    except Unusable as error:
        logs.note(outcome=f"link {error.state}")
        cookies = browser_session.forget_link()
        return http.page(
            request, "link_unusable.html", 410, headers={"Set-Cookie": cookies}, state=str(error.state), again=ASK
        )


def _check_open() -> None:
    if not settings.SETTINGS.sign_up_open:
        message = Message("Accounts here are created by an administrator. Ask yours for one.")
        raise http.Refusal(403, "sign_up_closed", message)


def _send_link(request: http.Request, email: str) -> None:
    found = user.find_by_email(email)
    token = mail_link.create(Purpose.OPEN_ACCOUNT, email=email)
    if found is not None:
        subject, text = render.mail(
            "account_exists.txt",
            site=http.SITE,
            accept_language=request.header("accept-language"),
            user=found,
            log_in=f"{request.base_url}/login",
        )
        mail.send(found.email if found.active else None, subject, text)
        return
    subject, text = render.mail(
        "sign_up.txt",
        site=http.SITE,
        accept_language=request.header("accept-language"),
        link=f"{request.base_url}{FINISH}?token={token}",
        minutes=settings.MAIL_LINK_LIFETIME_SECONDS // 60,
    )
    mail.send(email, subject, text)


def _open_account(request: http.Request) -> Response:
    browser_session.check_visitor_form(request, FINISH)
    token = single(request.form, "token")
    link = mail_link.find(token, Purpose.OPEN_ACCOUNT)
    filled = _read_fields(request.form)
    if filled.problems:
        return _finish_page(request, filled, token, status=400)
    made = mail_link.open_account(
        link,
        password=filled.password,
        fullname=filled.fullname,
        locale=language.choose(None, request.header("accept-language")),
        timezone=settings.DEFAULT_TIMEZONE,
    )
    security_event.record(made.user_id, security_event.Kind.ACCOUNT_CREATED, request.caller)
    logs.note(outcome="account opened", user_id=made.user_id)
    place = browser_session.kept_place(request)
    cookies = [
        *browser_session.start(request, made),
        *browser_session.forget_link(),
        *browser_session.forget_place(),
    ]
    # To where they were going when they found that they needed an account; else to what the account still lacks.
    return http.see_other(http.here(request, place if place != "/" else PROFILE), headers={"Set-Cookie": cookies})


def _read_fields(form: Parameters) -> Fields:
    filled = Fields(single(form, "fullname") or "", single(form, "password") or "")
    try:
        filled.fullname = names.check_name(filled.fullname)
    except names.NameProblem as error:
        filled.problems["fullname"] = Message("The name %(problem)s.", problem=error.message)
    try:
        names.check_password(filled.password)
    except names.NameProblem as error:
        filled.problems["password"] = Message("The password %(problem)s.", problem=error.message)
    return filled


def _ask_page(
    request: http.Request, next_path: str, *, email: str = "", problem: str = "", status: int = 200
) -> Response:
    csrf_token, cookies = browser_session.visitor_form(request, ASK)
    return http.page(
        request,
        "sign_up.html",
        status,
        headers={"Set-Cookie": cookies},
        hidden={CSRF_FIELD: csrf_token, "next": next_path},
        email=email,
        problem=problem,
    )


def _finish_page(request: http.Request, filled: Fields, token: str | None, *, status: int = 200) -> Response:
    """Raises Unusable."""
    link = mail_link.find(token, Purpose.OPEN_ACCOUNT)
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
