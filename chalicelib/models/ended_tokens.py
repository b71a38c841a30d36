"""EndedTokens: which signed access tokens count no more, before they expire.

APIs that check signed tokens by themselves fetch this list. An entry is a handle and a moment: it ends every token
that has the handle and was issued at or before that moment. A token has four handles: its own, and those of its user,
of what the user allowed, and of its application. Whoever ends one of these writes the entry in the same transaction. It
is kept until the last of those tokens has expired.

Anybody may read the list, so a handle is a digest. It tells nothing to those who do not know what was digested, and of
a consent nobody outside knows that.

The range key begins with the moment of expiry, so that a reader passes over nothing that has expired. The list is
spread over a few hash keys, since every entry would otherwise be written to the same one.
"""

from __future__ import annotations

import hashlib
import heapq
import itertools
import zlib
from dataclasses import dataclass

from pynamodb.attributes import UnicodeAttribute

from chalicelib import clock, limits, settings
from chalicelib.models import store
from chalicelib.models.store.table import EpochSeconds, Item, Key, TableMeta, TableName, TimeToLive

_SHARDS = limits.ENDED_TOKENS_SHARDS
_HANDLE_LENGTH = 32  # 128 bits in hexadecimal


class EndedTokens(Item):
    class Meta(TableMeta):
        table_name = TableName("ended_tokens")

    shard = UnicodeAttribute(hash_key=True)
    entry_key = UnicodeAttribute(range_key=True)
    handle = UnicodeAttribute()
    before = EpochSeconds()
    expires_at = TimeToLive()

    @classmethod
    def key(cls, shard: str, entry_key: str) -> Key[EndedTokens]:
        return Key(cls, shard, entry_key)


@dataclass(frozen=True)
class Page:
    """Entries in the order in which they expire. next_after: where the next page begins; None after the last one."""

    entries: list[EndedTokens]
    next_after: str | None


def handle_of_token(jti: str) -> str:
    return _handle("token", jti)


def handle_of_user(user_id: str) -> str:
    """user_id: for an application's own tokens, its stored client id."""
    return _handle("user", user_id)


def handle_of_consent(consent_id: str) -> str:
    return _handle("consent", consent_id)


def handle_of_application(client_id: str) -> str:
    """client_id: as stored."""
    return _handle("application", client_id)


def handle_of_membership(user_id: str, slug: str) -> str:
    """No token has it: APIs derive it from the user's handle, for each organizer of a token. It ends the token for this
    organizer alone."""
    return _handle(handle_of_user(user_id), slug)


def token(jti: str, expires_at: int) -> list[store.Change]:
    """The change that lists one token, for the transaction that ends it; none for a token that has expired."""
    return [_listed(handle_of_token(jti), expires_at, expires_at)] if expires_at > clock.now() else []


def are_listed() -> bool:
    """True if the permission catalogue has an API that checks signed tokens by itself."""
    return settings.SETTINGS.permissions.has_signed_tokens


def all_with(handle: str, *, before: int | None = None) -> list[store.Change]:
    """The change that lists every token with this handle, for the transaction that ends them; none if no API takes
    signed tokens.

    before: the last moment at which they were issued; a little after now if it is None, since servers' clocks differ.
    """
    if not are_listed():
        return []
    before = clock.now() + limits.CLOCKS_APART_SECONDS if before is None else before
    return [_listed(handle, before, before + limits.ACCESS_TOKEN_LIFETIME_SECONDS)]


def page(after: str | None = None) -> Page:
    """What is listed now, at most ENDED_TOKENS_PER_PAGE. after: `next_after` of the page before.

    One query for each shard.
    """
    start = max(after or "", f"{clock.now() + 1:011d}")
    most = limits.ENDED_TOKENS_PER_PAGE + 1
    shards = [store.query(EndedTokens, str(shard), after=start, most=most) for shard in range(_SHARDS)]
    entries = list(itertools.islice(heapq.merge(*shards, key=lambda entry: str(entry.entry_key)), most))
    kept = entries[: limits.ENDED_TOKENS_PER_PAGE]
    return Page(kept, str(kept[-1].entry_key) if len(entries) > len(kept) else None)


def _listed(handle: str, before: int, expires_at: int) -> store.Put:
    shard = str(zlib.crc32(handle.encode()) % _SHARDS)
    entry_key = f"{expires_at:011d} {handle}"
    return store.Put(EndedTokens(shard=shard, entry_key=entry_key, handle=handle, before=before, expires_at=expires_at))


def _handle(*parts: str) -> str:
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:_HANDLE_LENGTH]
