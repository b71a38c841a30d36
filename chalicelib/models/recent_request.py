"""RecentRequest: a request of an application that was refused, kept for seven days for its developer.

It is a help and decides nothing. An application has RECENT_REQUESTS_LIMIT slots, and a line overwrites the one in its
slot. So a line is one plain write, nothing has to be counted or deleted, and no flood can store more than that.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum

from pynamodb.attributes import UnicodeAttribute

from chalicelib import clock, limits
from chalicelib.models import store
from chalicelib.models.store.table import EpochSeconds, Item, Key, TableMeta, TableName, TimeToLive


class Sender(StrEnum):
    """Who sent a request, as far as is known. Each has half of the slots, so that strangers, who can name any
    application, cannot push out what its own server sent."""

    AUTHENTICATED = "authenticated"
    ANYBODY = "anybody"


@dataclass(frozen=True)
class Refusal:
    """Why a request was refused.

    endpoint: its path. error: the OAuth error code. description: our own sentence. grant_type: of a token request.
    sent_to: scheme and host of a redirect URI that is not registered.
    """

    endpoint: str
    error: str
    description: str
    grant_type: str | None = None
    sent_to: str | None = None


class RecentRequest(Item):
    class Meta(TableMeta):
        table_name = TableName("recent_requests")

    client_id = UnicodeAttribute(hash_key=True)
    slot = UnicodeAttribute(range_key=True)
    at = EpochSeconds()
    sender = UnicodeAttribute()
    endpoint = UnicodeAttribute()
    error = UnicodeAttribute()
    description = UnicodeAttribute()
    grant_type = UnicodeAttribute(null=True)
    sent_to = UnicodeAttribute(null=True)
    forget_at = TimeToLive()

    @classmethod
    def key(cls, client_id: str, slot: str) -> Key[RecentRequest]:
        return Key(cls, client_id, slot)


def keep(client_id: str, sender: Sender, refusal: Refusal, *, number: int) -> None:
    """Keep a line in one of the sender's slots. Raises StoreUnavailable.

    client_id: the application's stored id. number: counts up from one line of this application and sender to the next,
    and selects the slot.
    """
    at = clock.now()
    line = RecentRequest(
        client_id=client_id,
        slot=f"{sender}.{number % (limits.RECENT_REQUESTS_LIMIT // len(Sender)):02d}",
        at=at,
        sender=str(sender),
        forget_at=at + limits.RECENT_REQUEST_KEPT_SECONDS,
        **asdict(refusal),
    )
    store.write(store.Put(line))


def newest_first(client_id: str) -> list[RecentRequest]:
    """An application's lines. client_id: its stored id. Raises StoreUnavailable."""
    found = [line for line in store.query(RecentRequest, client_id) if line.forget_at > clock.now()]
    return sorted(found, key=lambda line: (line.at, line.slot), reverse=True)
