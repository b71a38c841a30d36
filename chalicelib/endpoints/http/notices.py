"""What the next page says once: that something was done, or why it is there.

A cookie keeps a word out of a fixed list from an answer that leads on to the page that it leads to. In an address the
word would be shown again at each reload, and from anybody's link.
"""

from __future__ import annotations

from enum import StrEnum

from chalicelib.endpoints.http import cookies
from chalicelib.endpoints.http.request import Request

_KEPT_SECONDS = 60


class Notice(StrEnum):
    """templates/notice.html has the sentences."""

    SIGNED_OUT = "signed-out"
    SESSION_ENDED = "session-ended"
    SESSION_ENDED_OF_PASSWORD = "session-ended-of-password"  # noqa: S105 - a word for a page
    STALE_FORM = "stale-form"
    PROFILE_SAVED = "profile-saved"
    PASSWORD_CHANGED = "password-changed"  # noqa: S105 - a word for a page
    SIGNED_OUT_THERE = "signed-out-there"
    SIGNED_OUT_ELSEWHERE = "signed-out-elsewhere"
    ALREADY_REGISTERED = "already-registered"
    ALREADY_REGISTERED_WITH_SECRET = "already-registered-with-secret"  # noqa: S105 - likewise
    APPLICATION_SAVED = "application-saved"
    APPLICATION_DELETED = "application-deleted"
    REVOKED = "revoked"
    ALL_REVOKED = "all-revoked"


TO_VISITORS = (Notice.SIGNED_OUT, Notice.SESSION_ENDED)  # not so where somebody is signed in


def left_for(request: Request) -> Notice | None:
    """What the answer before left to say; None where it left nothing, or the cookie is nothing of ours."""
    word = cookies.read(request, "notice")
    return Notice(word) if word and word in {*Notice} else None


def leave(notice: Notice) -> str:
    """The Set-Cookie value that leaves it for the next page."""
    return cookies.kept("notice", notice, _KEPT_SECONDS)


def said() -> str:
    """The Set-Cookie value that ends it."""
    return cookies.forgotten("notice")
