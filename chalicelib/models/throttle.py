"""Throttle: counters of tries, one per thing and time window, deleted by their TTL.

A try is counted before it is made, so that concurrent tries are all counted, and taken off the count if it could not be
made. A try that the store may have counted without answering is taken off too: nobody may be locked out because of a
past outage.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from ipaddress import ip_interface

from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.update import Action

from chalicelib import clock, credentials, limits
from chalicelib.models import store
from chalicelib.models.email_address import normalize
from chalicelib.models.store.table import Item, Key, TableMeta, TableName, TimeToLive, Whole


class Throttle(Item):
    class Meta(TableMeta):
        table_name = TableName("throttles")

    throttle_key = UnicodeAttribute(hash_key=True)
    tries = Whole()
    exempt = Whole(null=True)
    expires_at = TimeToLive()

    @classmethod
    def key(cls, what: str, window_seconds: int) -> Key[Throttle]:
        """The key of a counter. `what` is digested, so that the table contains no address that somebody tried."""
        return Key(cls, f"{credentials.digest(what)}:{clock.now() // window_seconds}")

    @classmethod
    def lasting_key(cls, what: str) -> Key[Throttle]:
        """The key of a counter without windows, which is deleted when nothing was counted for a while."""
        return Key(cls, f"{credentials.digest(what)}:lasting")


@dataclass(frozen=True)
class Limit:
    """How often something may be tried in a window.

    what: a name from `named`. tries: how many may fail. exempt: how many exempt tries may be made, which are held
    against nobody, such as successful ones; None for no limit. is_exempt: this try is known to be exempt. counts_as: 0
    for a try that is refused when others are, but does not use up the limit.
    """

    what: str
    tries: int
    exempt: int | None = None
    is_exempt: bool = False
    counts_as: int = 1

    @property
    def counted(self) -> list[Action]:
        return (
            [Throttle.tries.add(0), Throttle.exempt.add(1)] if self.is_exempt else [Throttle.tries.add(self.counts_as)]
        )

    def counter(self) -> Whole:
        """The counter that a try adds to."""
        return Throttle.exempt if self.is_exempt else Throttle.tries

    def is_exceeded(self, counted: Throttle) -> bool:
        if self.exempt is not None and (counted.exempt or 0) + (0 if self.is_exempt else 1) > self.exempt:
            return True
        return not self.is_exempt and counted.tries + (1 - self.counts_as) > self.tries


@dataclass(frozen=True)
class Tried:
    """A try as it was counted against one limit, by the same item even if another window has begun.

    Recording its outcome takes one round trip and raises nothing: one count too many locks nobody out for long.
    """

    limit: Limit
    key: Key[Throttle]
    expires_at: int

    def take_back(self, times: int = 1) -> None:
        """Take off a try that could not be made or was harmless. times: how often it may have been counted; the count
        does not fall below 0."""
        counter, times = self.limit.counter(), times * self.limit.counts_as
        with store.aside():
            try:
                store.change(self.key, [counter.add(-times)], counter >= times)
            except store.ConditionFailed:
                store.change(self.key, [counter.set(0)], counter < times)

    def exempt(self) -> None:
        """Exempt a successful try: it is held against nobody, and still counts as made."""
        self._note([Throttle.tries.add(-1), Throttle.exempt.add(1)])

    def forgive(self) -> None:
        """Exempt a successful try, and forgive those before it."""
        self._note([Throttle.tries.set(0), Throttle.exempt.add(1)])

    def _note(self, actions: list[Action]) -> None:
        _aside(self.key, [*actions, Throttle.expires_at.set(self.expires_at)])


class TooManyTries(Exception):
    """A limit is reached, so the try may not be made. window_seconds: how long until it may, at most."""

    def __init__(self, window_seconds: int) -> None:
        super().__init__("too many tries")
        self.window_seconds = window_seconds


def named(*parts: str) -> str:
    """An unambiguous name for what is counted. A part that a stranger chooses cannot imitate other parts."""
    return json.dumps(parts)


def per_network(
    purpose: str, network: str, tries: int, *, of: tuple[str, ...] = (), exempt: int | None = None
) -> list[Limit]:
    """The limits for the network that a request came from, narrowest first.

    network: an IPv4 address, or an IPv6 address or its /64, all of which one caller can use. Some callers have a /56 or
    a /48, so these are counted too, with higher limits, since several people may share one. of: what is counted
    separately in each network, such as an account.
    """
    try:
        found = ip_interface(network)
    except ValueError:
        return [Limit(named(purpose, *of, network), tries, exempt)]
    if found.version == 4:
        return [Limit(named(purpose, *of, network), tries, exempt)]
    return [
        Limit(
            named(purpose, *of, str(ip_interface(f"{found.ip}/{length}").network)),
            tries * factor,
            None if exempt is None else exempt * factor,
        )
        for length, factor in limits.IPV6_LIMIT_FACTORS.items()
    ]


def in_all(purpose: str, tries: int, *, counts_as: int = 1) -> Limit:
    """A limit for everybody together. It is spread over several counters, of which one is chosen at random, because all
    requests would write to a single one. So tries can be refused from about four fifths of it on, and it is never
    exceeded."""
    shard = secrets.randbelow(limits.THROTTLE_SHARDS)
    return Limit(named(purpose, "in all", str(shard)), tries // limits.THROTTLE_SHARDS, counts_as=counts_as)


@contextmanager
def trying(
    limits: Iterable[Limit],
    *,
    window_seconds: int,
    not_made: tuple[type[Exception], ...] = (store.StoreUnavailable,),
) -> Iterator[list[Tried]]:
    """Count a try against each limit, in order, around the block that makes it. Raises TooManyTries if it may not be.

    not_made: errors which mean that the try could not be made, so it does not count. They are raised again.
    """
    counted: list[Tried] = []
    try:
        for limit in limits:
            tried, found = _count(limit, window_seconds)
            counted.append(tried)
            if limit.is_exceeded(found):
                raise TooManyTries(window_seconds)
    except store.StoreUnavailable:
        _take_back(counted)
        raise
    try:
        yield counted
    except not_made:
        _take_back(counted)
        raise


def count_try(what: str, *, window_seconds: int) -> int:
    """Count a try and return how many there were in this window. Atomic: concurrent tries are all counted."""
    return _count(Limit(what, tries=0), window_seconds)[1].tries


def count_lasting(what: str, *, kept_seconds: int) -> None:
    """Add to a counter that is kept until nothing was counted for `kept_seconds`. Never raises."""
    expires_at = clock.now() + kept_seconds
    _aside(Throttle.lasting_key(what), [Throttle.tries.add(1), Throttle.expires_at.set(expires_at)])


def asking_for_mail(
    purpose: str, email: str, network: str, *, not_made: tuple[type[Exception], ...]
) -> AbstractContextManager[list[Tried]]:
    """Count a request for mail from `network`. Raises TooManyTries. The same for accounts that do not exist.

    purpose: what the mail is for. Each purpose has its own count for an address, or strangers who request one kind of
    mail would keep its owner from the other. The window is no longer than a link's lifetime, so anybody who is told to
    wait has a link that works. A request that `mailing` refuses because of others does not use up its own tries.
    """
    own = [
        *per_network("mail address", network, limits.MAILS_PER_ADDRESS),
        Limit(named("mail account", purpose, normalize(email)), limits.MAILS_PER_ACCOUNT),
    ]
    not_made = (store.StoreUnavailable, TooManyTries, *not_made)
    return trying(own, window_seconds=limits.MAIL_WINDOW_SECONDS, not_made=not_made)


def mailing(
    purpose: str, *, is_to_somebody: bool, not_made: tuple[type[Exception], ...]
) -> AbstractContextManager[list[Tried]]:
    """Count a mail toward the limit for everybody. Raises TooManyTries.

    purpose: what the mail is for. Each purpose has its own limit, so that a flood of sign-ups does not stop the
    password resets of others.
    is_to_somebody: False if the address is nobody's. Such a mail costs the same write and is
    refused alike, so that nobody can tell the two apart, but it does not use up the limit: otherwise, made-up addresses
    could stop everybody's mail.
    """
    limit = in_all(f"mail {purpose}", limits.MAILS_IN_ALL, counts_as=1 if is_to_somebody else 0)
    not_made = (store.StoreUnavailable, *not_made)
    return trying([limit], window_seconds=limits.MAIL_WINDOW_SECONDS, not_made=not_made)


def may_send_notice() -> bool:
    """Count a mail that nobody requested, among all of them. False if the limit is reached. Never raises.

    If it cannot be counted, it may be sent: telling its recipient matters more.
    """
    with store.aside():
        limit = in_all("mail notice", limits.MAILS_IN_ALL)
        try:
            with trying([limit], window_seconds=limits.MAIL_WINDOW_SECONDS):
                return True
        except TooManyTries:
            return False
    return True


def seconds_left(window_seconds: int) -> int:
    """Seconds until the current window ends."""
    return window_seconds - clock.now() % window_seconds


def forget(what: str, *, window_seconds: int) -> None:
    """Reset a count. Never raises."""
    forget_all([Throttle.key(what, window_seconds)])


def forget_all(keys: list[Key[Throttle]]) -> None:
    """Reset counts, in one round trip. Never raises."""
    with store.aside():
        store.delete_all(keys)


def _count(limit: Limit, window_seconds: int) -> tuple[Tried, Throttle]:
    """Count a try. Returns the counter's state too. Raises StoreUnavailable: then it is not counted.

    A try whose response was lost may have been counted, and is taken off as if it had been: a count too low gives
    somebody one more try, but a count too high would lock the owner out.
    """
    expires_at = (clock.now() // window_seconds + 1) * window_seconds
    tried = Tried(limit, Throttle.key(limit.what, window_seconds), expires_at)
    with store.doubts() as doubts:
        try:
            found = store.count(tried.key, [*limit.counted, Throttle.expires_at.set(expires_at)])
        except store.StoreUnavailable:
            if doubts:
                tried.take_back(len(doubts))
            raise
    if doubts:
        tried.take_back(len(doubts))
        name = limit.counter().attr_name
        left = getattr(found, name) - len(doubts) * limit.counts_as
        setattr(found, name, max(limit.counts_as, left))
    return tried, found


def _take_back(counted: Iterable[Tried]) -> None:
    for tried in counted:
        tried.take_back()


def _aside(key: Key[Throttle], actions: list[Action]) -> None:
    with store.aside():
        store.count(key, actions)
