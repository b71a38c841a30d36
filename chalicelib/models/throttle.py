"""Throttle: counters of tries, each for one thing in one window of time, gone by their TTL."""

from __future__ import annotations

from pynamodb.attributes import UnicodeAttribute

from chalicelib import clock, credentials
from chalicelib.models import store
from chalicelib.models.table import Item, Key, TableMeta, TimeToLive, Whole, table_name


class Throttle(Item):
    class Meta(TableMeta):
        table_name = table_name("throttles")

    throttle_key = UnicodeAttribute(hash_key=True)
    tries = Whole()
    expires_at = TimeToLive()

    @classmethod
    def key(cls, what: str, window_seconds: int) -> Key[Throttle]:
        """`what` is digested: the table holds no address that somebody tried."""
        return Key(cls, f"{credentials.digest(what)}:{clock.now() // window_seconds}")


def count_try(what: str, *, window_seconds: int) -> int:
    """Count one more try and give how many there were in this window. Atomic: tries at once are all counted."""
    expires_at = (clock.now() // window_seconds + 1) * window_seconds
    key = Throttle.key(what, window_seconds)
    return store.change(key, [Throttle.tries.add(1), Throttle.expires_at.set(expires_at)]).tries


def forget(what: str, *, window_seconds: int) -> None:
    store.write(store.Delete(Throttle.key(what, window_seconds)))


def uncount(what: str, *, window_seconds: int) -> None:
    """Take one try back: it turned out well."""
    store.change(Throttle.key(what, window_seconds), [Throttle.tries.add(-1)])
