"""The page that asks for an address to mail a link to, and the page behind that link, whatever the link is for."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from chalice.app import Response

from chalicelib import logs, mail, names
from chalicelib.endpoints import http
from chalicelib.endpoints.http import browser_session
from chalicelib.endpoints.http.browser_session import CSRF_FIELD
from chalicelib.messages import Message
from chalicelib.models import throttle
from chalicelib.models.mail_link import Unusable
from chalicelib.protocol.rules.request_parameters import single

ASKED = ("email", "next")  # the fields of the form that asks for a link


def ask(
    request: http.Request,
    path: str,
    *,
    template: str,
    check: Callable[[str], str],
    send: Callable[[http.Request, str], None],
    outcome: str,
) -> Response:
    """The form at `path`, and the response to it, which does not depend on whose address it is.

    check: takes the address as typed, returns it as stored, raises InputProblem. send: mails the link, with the same
    work for every address, and counts it with `sending`. Raises TooManyTries, and whatever `send` raises.
    """
    if not mail.is_set_up():
        return http.page(request, "mail_not_set_up.html", 503)
    next_path = browser_session.local_path(single(request.given, "next"))

    def form(email: str = "", problem: str = "", status: int = 200) -> Response:
        csrf_token, cookies = browser_session.visitor_form(request, path)
        hidden = {CSRF_FIELD: csrf_token, "next": next_path}
        headers = {"Set-Cookie": cookies}
        return http.page(request, template, status, headers=headers, hidden=hidden, email=email, problem=problem)

    if request.method == "GET":
        return form(single(request.typed, "email") or "")
    browser_session.check_visitor_form(request, path)
    typed = single(request.form, "email") or ""
    try:
        email = check(typed)
    except names.InputProblem as error:
        return form(typed, Message("The address %(problem)s.", problem=error.message), 400)
    with throttle.asking_for_mail(path, email, request.network, not_made=(mail.MailUnavailable,)):
        send(request, email)
    logs.note(outcome=outcome)
    cookies = browser_session.keep_place(next_path)
    return http.page(request, "mail_sent.html", headers={"Set-Cookie": cookies}, email=email)


def sending(path: str, to: str | None) -> AbstractContextManager[object]:
    """Count the mail that the form at `path` sends. to: its recipient; None if it is not sent. Raises TooManyTries."""
    return throttle.mailing(path, is_to_somebody=to is not None, not_made=(mail.MailUnavailable,))


def token(request: http.Request) -> str | None:
    """The link's token, for the page behind the link: from a form that is shown again, or from its cookie."""
    return single(request.typed, "token") or browser_session.kept_link(request)


def use(
    request: http.Request,
    path: str,
    *,
    again: str,
    show: Callable[[http.Request], Response],
    submit: Callable[[http.Request], Response],
) -> Response:
    """The page at `path` behind the link: `show` answers a GET and `submit` a POST. Both may raise Unusable.

    again: the path where another link can be requested. Viewing the page does not use up the link, since mail programs
    open links by themselves. The token moves from the URL into a cookie, because URLs are stored and passed on.
    """
    named = single(request.query, "token")
    if named and request.method == "GET":
        return http.see_other(http.here(request, path), headers={"Set-Cookie": browser_session.keep_link(named)})
    try:
        return show(request) if request.method == "GET" else submit(request)
    except Unusable as error:
        logs.note(outcome=f"link {error.state}")
        headers = {"Set-Cookie": browser_session.forget_link()}
        return http.page(request, "link_unusable.html", 410, headers=headers, state=str(error.state), again=again)
