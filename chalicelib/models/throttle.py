"""Throttle: counters of tries, each for one thing in one window of time, gone by their TTL."""

from __future__ import annotations

import json
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


def named(*parts: str) -> str:
    """What tries are counted as, unambiguously: no part that a stranger chooses can pass for two, or for another."""
    return json.dumps(parts)


def count_try(what: str, *, window_seconds: int) -> int:
    """Count one more try and give how many there were in this window. Atomic: tries at once are all counted.

    A try whose answer the store loses may be counted twice: see store.count.
    """
    expires_at = (clock.now() // window_seconds + 1) * window_seconds
    key = Throttle.key(what, window_seconds)
    return store.count(key, [Throttle.tries.add(1), Throttle.expires_at.set(expires_at)]).tries


def seconds_left(window_seconds: int) -> int:
    """Until the present window ends."""
    return window_seconds - clock.now() % window_seconds


class TooManyTries(Exception):
    """One of the limits is reached; the try may not be made. window_seconds: how long at most until it may."""

    def __init__(self, window_seconds: int) -> None:
        super().__init__("too many tries")
        self.window_seconds = window_seconds


def count_tries(limits: Mapping[str, int], *, window_seconds: int) -> list[int]:
    """Count one more try for each of `limits` and give their numbers, in that order. Raises TooManyTries.

    Called before the try is made, so that many at once are all counted.
    """
    counts = []
    for what, limit in limits.items():
        counts.append(count_try(what, window_seconds=window_seconds))
        if counts[-1] > limit:
            raise TooManyTries(window_seconds)
    return counts


def count_mail(email: str, address: str) -> None:
    """Count a mail that somebody at `address` asks for. Raises TooManyTries. Alike for accounts that do not exist."""
    limits = {
        named("mail address", address): settings.MAILS_PER_ADDRESS,
        named("mail account", normalize(email)): settings.MAILS_PER_ACCOUNT,
    }
    count_tries(limits, window_seconds=settings.MAIL_WINDOW_SECONDS)


def log_in_account(email: str) -> str:
    """What log-in tries for an account are counted as. Alike for accounts that do not exist."""
    return named("log-in account", normalize(email))


def log_in_address(address: str) -> str:
    return named("log-in address", address)


def log_in_account_from(email: str, address: str) -> str:
    """For an account from one place, so that a stranger's tries elsewhere do not keep the owner out."""
    return named("log-in account from", normalize(email), address)


def forget_log_in_tries(email: str, address: str) -> None:
    """They got in, or chose another password: what was tried before is over."""
    for what in (log_in_account_from(email, address), log_in_account(email)):
        forget(what, window_seconds=settings.LOGIN_WINDOW_SECONDS)


def forget(what: str, *, window_seconds: int) -> None:
    """Take all tries back. An aside, as `uncount`."""
    with store.aside():
        store.write(store.Delete(Throttle.key(what, window_seconds)))


def uncount(what: str, *, window_seconds: int) -> None:
    """Take one try back, since it turned out well or could not be made.

    An aside, which has time left also where the store has used up the request's: a count too many keeps nobody out for
    long, so it never raises.
    """
    with store.aside():
        store.change(Throttle.key(what, window_seconds), [Throttle.tries.add(-1)], Throttle.tries > 0)
