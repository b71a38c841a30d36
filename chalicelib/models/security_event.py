"""SecurityEvent: something that happened to an account and that its owner can see later, kept for a year.

It is a history and decides nothing. If an event cannot be written, the log says so and the request goes on. Failed
sign-ins are not events: a write for accounts that exist, and none for others, would tell the two apart. Instead, a
sign-in says how many failed tries came before it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from pynamodb.attributes import UnicodeAttribute

from chalicelib import clock, credentials, limits, logs
from chalicelib.models import store
from chalicelib.models.store.table import EpochSeconds, Item, Key, TableMeta, TableName, TimeToLive, Whole
from chalicelib.request_source import UNKNOWN, RequestSource


class Kind(StrEnum):
    """What happened."""

    ACCOUNT_CREATED = "account_created"
    ACCOUNT_LINKED = "account_linked"
    ACCOUNT_DISABLED = "account_disabled"
    ACCOUNT_ENABLED = "account_enabled"
    SIGN_IN = "log_in"  # stored, so it cannot be renamed
    SESSION_ENDED = "session_ended"
    PASSWORD_CHANGED = "password_changed"
    PASSWORD_RESET = "password_reset"
    PASSWORD_SET_BY_OPERATOR = "password_set_by_operator"
    IDENTITY_LINKED = "identity_linked"
    IDENTITY_UNLINKED = "identity_unlinked"
    PROFILE_CHANGED = "profile_changed"
    CONSENT = "consent"
    REVOKE = "revoke"
    SECRET_REGENERATED = "secret_regenerated"
    OWNER_ADDED = "owner_added"
    OWNER_REMOVED = "owner_removed"
    APPLICATION_TRANSFERRED = "application_transferred"
    REPLAY_DETECTED = "replay_detected"
    CONNECTION_INTERRUPTED = "connection_interrupted"


class SecurityEvent(Item):
    class Meta(TableMeta):
        table_name = TableName("security_events")

    user_id = UnicodeAttribute(hash_key=True)
    event_key = UnicodeAttribute(range_key=True)
    kind = UnicodeAttribute()
    at = EpochSeconds()
    client_id = UnicodeAttribute(null=True)
    application_name = UnicodeAttribute(null=True)
    address = UnicodeAttribute(null=True)
    user_agent = UnicodeAttribute(null=True)
    failed_tries = Whole(null=True)
    forget_at = TimeToLive()

    @classmethod
    def key(cls, user_id: str, event_key: str) -> Key[SecurityEvent]:
        return Key(cls, user_id, event_key)


def record(user_id: str, kind: Kind, source: RequestSource = UNKNOWN, **described: Any) -> None:
    """Record an event (see `made`), in one round trip. An aside: the history must not stop what it records."""
    record_for([user_id], kind, source, **described)


def record_for(user_ids: Iterable[str], kind: Kind, source: RequestSource = UNKNOWN, **described: Any) -> None:
    """Record an event for each of these users, as `record` does."""
    try:
        with store.aside(security_event_lost=str(kind)):
            store.write(*(store.Put(made(user_id, kind, source, **described)) for user_id in user_ids))
    except Exception as error:  # a bug of ours must not stop it either
        logs.note(security_event_lost=str(kind), security_event_error=type(error).__name__)


def made(
    user_id: str,
    kind: Kind,
    source: RequestSource = UNKNOWN,
    *,
    client_id: str | None = None,
    application_name: str | None = None,
    failed_tries: int | None = None,
) -> SecurityEvent:
    """An event that happens now, not yet stored.

    source: where the request came from. application_name: as it is now, since the application may be deleted later.
    """
    at = clock.now()
    return SecurityEvent(
        user_id=user_id,
        # Sorts by time. The serial number separates two events in the same microsecond.
        event_key=f"{at:011d}.{time.time_ns() // 1000 % 1_000_000:06d}.{credentials.new_serial()}",
        kind=str(kind),
        at=at,
        client_id=client_id,
        application_name=application_name,
        address=source.address or None,
        user_agent=source.user_agent or None,
        failed_tries=failed_tries or None,
        forget_at=at + limits.SECURITY_EVENT_KEPT_SECONDS,
    )


def recent(user_id: str, *, limit: int, before: str | None = None) -> list[SecurityEvent]:
    """A user's events, newest first, at most `limit`. before: the `event_key` of the last one on the previous page."""
    found = store.latest(SecurityEvent, user_id, limit=limit, before=before)
    return [event for event in found if event.forget_at > clock.now()]
