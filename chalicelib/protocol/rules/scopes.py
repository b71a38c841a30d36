"""Scopes: what an application may be allowed to do (RFC 6749 §3.3)."""

from __future__ import annotations

from collections.abc import Iterable

READ = "read"
WRITE = "write"
PROFILE = "profile"
ALL = (READ, WRITE, PROFILE)
DEFAULT = (READ, WRITE)
# Scopes of OpenID Connect that many clients ask for without needing them. They mean nothing here and are left out, so
# that these clients connect. To give one a meaning, move it from here to ALL.
ADDED_BY_HABIT = frozenset(("openid", "email", "offline_access"))
UNKNOWN = f"scope must be one or more of: {', '.join(ALL)}."
# Without `profile`: every token may read its user's profile at /me, so `profile` adds nothing to another scope.
_OF_ORGANIZERS = frozenset((READ, WRITE))


def are_known(scopes: Iterable[str]) -> bool:
    return all(scope in ALL for scope in scopes)


def without_habits(asked: Iterable[str]) -> list[str]:
    """What a client asks for, without the scopes that it adds by habit. Unchanged if nothing known would be left, so
    that a request for `openid` alone is an error, not a grant of something else. The token response says what was
    granted (RFC 6749 §3.3)."""
    asked = list(asked)
    kept = [scope for scope in asked if scope not in ADDED_BY_HABIT]
    return kept if any(scope in ALL for scope in kept) else asked


def ordered(scopes: Iterable[str]) -> list[str]:
    """Each scope once, in the fixed order."""
    given = set(scopes)
    return [scope for scope in ALL if scope in given]


def as_text(scopes: Iterable[str]) -> str:
    return " ".join(ordered(scopes))


def need_organizers(scopes: Iterable[str]) -> bool:
    """True if the scopes give access to organizers' data. All scopes except `profile` do."""
    return not _OF_ORGANIZERS.isdisjoint(scopes)


def are_covered(scopes: Iterable[str], given: Iterable[str] | None) -> bool:
    """True if a user who allowed `given` has allowed these scopes. None: the user has allowed nothing."""
    return given is not None and set(scopes) - {PROFILE} <= set(given)
