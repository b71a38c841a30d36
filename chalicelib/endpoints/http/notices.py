"""Notices that the next page shows once: that something was done, or why the page is shown.

A cookie carries a word from a fixed list, from a redirect to its target. In the URL, the word would be shown again at
each reload, and anybody could put it in a link.
"""

from __future__ import annotations

from enum import StrEnum

from chalicelib.endpoints.http import cookies
from chalicelib.endpoints.http.request import Request

_KEPT_SECONDS = 60


class Notice(StrEnum):
    """The words. templates/notice.html has their sentences."""

    SIGNED_OUT = "signed-out"
    SESSION_ENDED = "session-ended"
    SESSION_ENDED_OF_PASSWORD = "session-ended-of-password"  # noqa: S105 - a word for a page
    STALE_FORM = "stale-form"
    PROFILE_SAVED = "profile-saved"
    PASSWORD_CHANGED = "password-changed"  # noqa: S105 - a word for a page
    IDENTITY_LINKED = "identity-linked"
    IDENTITY_UNLINKED = "identity-unlinked"
    SIGNED_OUT_THERE = "signed-out-there"
    SIGNED_OUT_ELSEWHERE = "signed-out-elsewhere"
    ALREADY_REGISTERED = "already-registered"
    ALREADY_REGISTERED_WITH_SECRET = "already-registered-with-secret"  # noqa: S105 - likewise
    APPLICATION_SAVED = "application-saved"
    APPLICATION_DELETED = "application-deleted"
    USERS_DISCONNECTED = "users-disconnected"
    OWNER_INVITED = "owner-invited"
    INVITATION_WITHDRAWN = "invitation-withdrawn"
    INVITATION_DECLINED = "invitation-declined"
    NOW_AN_OWNER = "now-an-owner"
    OWNER_REMOVED = "owner-removed"
    OWNERSHIP_LEFT = "ownership-left"
    APPLICATION_TRANSFERRED = "application-transferred"
    REVOKED = "revoked"
    ALL_REVOKED = "all-revoked"


TO_VISITORS = (Notice.SIGNED_OUT, Notice.SESSION_ENDED)  # not true if somebody is signed in


def left_for(request: Request) -> Notice | None:
    """The notice that the previous response left; None if there is none, or if the cookie is not one of ours."""
    word = cookies.read(request, "notice")
    return Notice(word) if word and word in {*Notice} else None


def leave(notice: Notice) -> str:
    """The Set-Cookie value that leaves a notice for the next page."""
    return cookies.kept("notice", notice, _KEPT_SECONDS)


def said() -> str:
    """The Set-Cookie value that ends the notice."""
    return cookies.forgotten("notice")
