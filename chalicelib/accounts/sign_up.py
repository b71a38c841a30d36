"""Signing up: creating an account for somebody who reads mail at its address."""

from __future__ import annotations

from chalicelib import settings
from chalicelib.models import mail_link, security_event
from chalicelib.models.mail_link import MailLink
from chalicelib.models.user import User
from chalicelib.request_source import RequestSource


def open_account(link: MailLink, *, password: str, fullname: str, locale: str, source: RequestSource) -> User:
    """Create a user. password, fullname: checked. Uses up the link. Raises mail_link.Unusable, StoreUnavailable."""
    with mail_link.trying(link):
        made = mail_link.open_account(
            link, password=password, fullname=fullname, locale=locale, timezone=settings.DEFAULT_TIMEZONE
        )
    security_event.record(made.user_id, security_event.Kind.ACCOUNT_CREATED, source)
    return made
