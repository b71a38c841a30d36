"""Mail that tells somebody about something, and that no response depends on."""

from __future__ import annotations

from typing import Any

from chalicelib import logs, mail
from chalicelib.endpoints.http.request import Request
from chalicelib.endpoints.http.responses import site
from chalicelib.models import throttle
from chalicelib.models.user import User
from chalicelib.pages import render


def mail_notice(request: Request, to: str, template: str, *, user: User | None, **values: Any) -> None:
    """Send it if mail is set up and the limit for everybody allows it. Raises neither.

    user: the recipient; None if it is not known whose address it is. values: what the template shows.
    """
    if not mail.is_set_up():
        return
    if not throttle.may_send_notice():
        logs.note(notice="not sent: too many in all")
        return
    accept_language = request.header("accept-language")
    subject, text = render.mail(template, site=site(), accept_language=accept_language, user=user, **values)
    mail.send_if_possible(to, subject, text)
