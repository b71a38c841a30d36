"""Throttle: counters of tries, each for one thing in one window of time, gone by their TTL."""

from __future__ import annotations

from collections.abc import Mapping

from pynamodb.attributes import UnicodeAttribute

from chalicelib import clock, credentials, settings
from chalicelib.models import store
from chalicelib.models.email_address import normalize
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


class TooManyTries(Exception):
    """One of the limits is reached; the try may not be made."""


def count_tries(limits: Mapping[str, int], *, window_seconds: int) -> list[int]:
    """Count one more try for each of `limits` and give their numbers, in that order. Raises TooManyTries.

    Called before the try is made, so that many at once are all counted.
    """
    counts = []
    for what, limit in limits.items():
        counts.append(count_try(what, window_seconds=window_seconds))
        if counts[-1] > limit:
            raise TooManyTries
    return counts


def count_mail(email: str, address: str) -> None:
    """Count a mail that somebody at `address` asks for. Raises TooManyTries. Alike for accounts that do not exist."""
    limits = {
        f"mail address {address}": settings.MAILS_PER_ADDRESS,
        f"mail account {normalize(email)}": settings.MAILS_PER_ACCOUNT,
    }
    count_tries(limits, window_seconds=settings.MAIL_WINDOW_SECONDS)


def log_in_account(email: str) -> str:
    """What log-in tries for an account are counted as. Alike for accounts that do not exist."""
    return f"log-in account {normalize(email)}"


def log_in_address(address: str) -> str:
    return f"log-in address {address}"


def forget(what: str, *, window_seconds: int) -> None:
    store.write(store.Delete(Throttle.key(what, window_seconds)))


def uncount(what: str, *, window_seconds: int) -> None:
    """Take one try back: it turned out well."""
    store.change(Throttle.key(what, window_seconds), [Throttle.tries.add(-1)])
