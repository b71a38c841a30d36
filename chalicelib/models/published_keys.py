"""The keys of an application that has a `jwks_uri`, as of when they were last fetched.

Whoever claims the fetch makes it; nobody else does for PUBLISHED_KEYS_RETRY_SECONDS, whatever came of it.
"""

from __future__ import annotations

from typing import Any

from pynamodb.expressions.update import Action

from chalicelib import clock, limits
from chalicelib.models import store
from chalicelib.models.application import Application, Profile


class AskedAlready(Exception):
    """Somebody has begun to fetch the keys within the last minute, or the application was changed just now."""


def dates(profile: Profile) -> dict[str, Any]:
    """The attributes of an application whose keys were fetched now, or that sends its keys itself."""
    return {"jwks_fetched_at": clock.now() if profile.jwks_uri else None, "jwks_asked_at": None}


def are_fresh(found: Application) -> bool:
    """True if the keys need not be fetched to see whether one was withdrawn."""
    return clock.now() - (found.jwks_fetched_at or 0) < limits.PUBLISHED_KEYS_FRESH_SECONDS


def may_be_asked_for(found: Application) -> bool:
    """True if nobody has asked for them within the last minute."""
    last = max(found.jwks_asked_at or 0, found.jwks_fetched_at or 0)
    return clock.now() - last >= limits.PUBLISHED_KEYS_RETRY_SECONDS


def are_being_fetched(found: Application) -> bool:
    """True if somebody has asked for them, and may not have an answer yet."""
    asked_at = found.jwks_asked_at or 0
    return asked_at > (found.jwks_fetched_at or 0) and clock.now() - asked_at <= limits.DOCUMENT_FETCH_SECONDS


def claim(found: Application) -> int:
    """Begin to fetch the keys. Returns when that was. Raises AskedAlready for all but one of those who begin at once,
    and StoreUnavailable."""
    now = clock.now()
    earlier = now - limits.PUBLISHED_KEYS_RETRY_SECONDS
    is_due = Application.jwks_asked_at.does_not_exist() | (Application.jwks_asked_at <= earlier)
    is_same = (Application.jwks_uri == found.jwks_uri) & (Application.jwks_fetched_at == found.jwks_fetched_at)
    try:
        store.change(found.own_key, [Application.jwks_asked_at.set(now)], is_same & is_due)
    except store.ConditionFailed as error:
        raise AskedAlready from error
    return now


def keep(found: Application, jwks: str, *, claimed_at: int) -> None:
    """Store what was fetched. Raises AskedAlready if the application was changed meanwhile, and StoreUnavailable."""
    actions: list[Action] = [Application.jwks.set(jwks), Application.jwks_fetched_at.set(clock.now())]
    is_own = (Application.jwks_uri == found.jwks_uri) & (Application.jwks_asked_at == claimed_at)
    try:
        store.change(found.own_key, actions, is_own)
    except store.ConditionFailed as error:
        raise AskedAlready from error
