"""Throttle: counters of tries, each for one thing in one window of time, gone by their TTL.

A try is counted before it is made, so that many at once are all counted, and taken back where it could not be made.
What the store may have counted without saying so is taken back too: an outage must keep nobody out after it has ended.
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

from chalicelib import clock, credentials, settings
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
        """`what` is digested: the table holds no address that somebody tried."""
        return Key(cls, f"{credentials.digest(what)}:{clock.now() // window_seconds}")

    @classmethod
    def lasting_key(cls, what: str) -> Key[Throttle]:
        """Of a counter without windows, which goes when nothing was counted for a while."""
        return Key(cls, f"{credentials.digest(what)}:lasting")


@dataclass(frozen=True)
class Limit:
    """How often something may be tried in a window.

    what: as `named` gives it. tries: how many may fail. exempt: how many may be made that are held against nobody, such
    as those that went well; None for any number. is_exempt: is this try known to be one of these? counts_as: 0 for a
    try that is refused where others are, and takes nothing from them.
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
        """What a try adds to."""
        return Throttle.exempt if self.is_exempt else Throttle.tries

    def is_exceeded(self, counted: Throttle) -> bool:
        if self.exempt is not None and (counted.exempt or 0) + (0 if self.is_exempt else 1) > self.exempt:
            return True
        return not self.is_exempt and counted.tries + (1 - self.counts_as) > self.tries


@dataclass(frozen=True)
class Tried:
    """A try as it was counted against one limit: by which item, whatever window has begun meanwhile.

    What becomes of it is noted in one round trip that raises nothing: a count too many keeps nobody out for long.
    """

    limit: Limit
    key: Key[Throttle]
    expires_at: int

    def take_back(self, times: int = 1) -> None:
        """It could not be made, or was none to be afraid of. times: how often it may have been counted; no count falls
        below 0 where it was not."""
        counter, times = self.limit.counter(), times * self.limit.counts_as
        with store.aside():
            try:
                store.change(self.key, [counter.add(-times)], counter >= times)
            except store.ConditionFailed:
                store.change(self.key, [counter.set(0)], counter < times)

    def exempt(self) -> None:
        """It went well: it is held against nobody, and still counts as made."""
        self._note([Throttle.tries.add(-1), Throttle.exempt.add(1)])

    def forgive(self) -> None:
        """It went well, and none of those before it is held against anybody."""
        self._note([Throttle.tries.set(0), Throttle.exempt.add(1)])

    def _note(self, actions: list[Action]) -> None:
        _aside(self.key, [*actions, Throttle.expires_at.set(self.expires_at)])


class TooManyTries(Exception):
    """One of the limits is reached; the try may not be made. window_seconds: how long at most until it may."""

    def __init__(self, window_seconds: int) -> None:
        super().__init__("too many tries")
        self.window_seconds = window_seconds


def named(*parts: str) -> str:
    """What tries are counted as, unambiguously: no part that a stranger chooses can pass for two, or for another."""
    return json.dumps(parts)


def per_network(
    purpose: str, network: str, tries: int, *, of: tuple[str, ...] = (), exempt: int | None = None
) -> list[Limit]:
    """The limits for the place that a request came from, the narrowest first.

    network: an address, or of an IPv6 one the /64, all of which one caller can use. Many have a /56 or a /48: these are
    counted beside it, each with a limit that is higher, since several people may share it. of: what is counted apart at
    each place, such as an account.
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
        for length, factor in settings.IPV6_LIMIT_FACTORS.items()
    ]


def in_all(purpose: str, tries: int, *, counts_as: int = 1) -> Limit:
    """A limit for everybody together. It is spread over several counters, of which one is chosen at random: a single
    one would be an item that all requests write. So the first are refused at some four fifths of it, and none gets past
    it."""
    shard = secrets.randbelow(settings.THROTTLE_SHARDS)
    return Limit(named(purpose, "in all", str(shard)), tries // settings.THROTTLE_SHARDS, counts_as=counts_as)


@contextmanager
def trying(
    limits: Iterable[Limit],
    *,
    window_seconds: int,
    not_made: tuple[type[Exception], ...] = (store.StoreUnavailable,),
) -> Iterator[list[Tried]]:
    """Count a try against each limit, in their order, while it is made. Raises TooManyTries: it may not be made.

    not_made: errors that say that it could not be made, and so does not count. They are raised all the same.
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
    """Count one more try and give how many there were in this window. Atomic: tries at once are all counted."""
    return _count(Limit(what, tries=0), window_seconds)[1].tries


def count_lasting(what: str, *, kept_seconds: int) -> None:
    """Count what is kept until nothing was counted for `kept_seconds`. Never raises."""
    expires_at = clock.now() + kept_seconds
    _aside(Throttle.lasting_key(what), [Throttle.tries.add(1), Throttle.expires_at.set(expires_at)])


def asking_for_mail(
    purpose: str, email: str, network: str, *, not_made: tuple[type[Exception], ...]
) -> AbstractContextManager[list[Tried]]:
    """Count that somebody at `network` asks for a mail. Raises TooManyTries. Alike for accounts that do not exist.

    purpose: what the mail is for. An address is counted apart for each, or strangers who ask for one kind would keep
    its owner from the other; and the window is no longer than a link lives, so that who is told to wait has one that
    works. Who is refused because of others, by `mailing`, loses none of their own tries.
    """
    own = [
        *per_network("mail address", network, settings.MAILS_PER_ADDRESS),
        Limit(named("mail account", purpose, normalize(email)), settings.MAILS_PER_ACCOUNT),
    ]
    not_made = (store.StoreUnavailable, TooManyTries, *not_made)
    return trying(own, window_seconds=settings.MAIL_WINDOW_SECONDS, not_made=not_made)


def mailing(
    purpose: str, *, is_to_somebody: bool, not_made: tuple[type[Exception], ...]
) -> AbstractContextManager[list[Tried]]:
    """Count a mail that is sent, among everybody's. Raises TooManyTries.

    purpose: what the mail is for. Each has a limit of its own, so that a flood of sign-ups, from wherever it comes,
    does not stop the password resets of others.
    is_to_somebody: a mail to nobody costs the same write and is refused alike, so that nobody can tell them apart. It
    does not bring the limit nearer, or whoever makes up addresses could stop everybody's mail.
    """
    limit = in_all(f"mail {purpose}", settings.MAILS_IN_ALL, counts_as=1 if is_to_somebody else 0)
    not_made = (store.StoreUnavailable, *not_made)
    return trying([limit], window_seconds=settings.MAIL_WINDOW_SECONDS, not_made=not_made)


def may_send_notice() -> bool:
    """Count a mail that nobody asked for, among all such. False: the limit is reached. Never raises.

    Where it cannot be counted it may be sent: what its owner learns matters more.
    """
    with store.aside():
        limit = in_all("mail notice", settings.MAILS_IN_ALL)
        try:
            with trying([limit], window_seconds=settings.MAIL_WINDOW_SECONDS):
                return True
        except TooManyTries:
            return False
    return True


def seconds_left(window_seconds: int) -> int:
    """Until the present window ends."""
    return window_seconds - clock.now() % window_seconds


def forget(what: str, *, window_seconds: int) -> None:
    """Take all tries back. Never raises."""
    forget_all([Throttle.key(what, window_seconds)])


def forget_all(keys: list[Key[Throttle]]) -> None:
    """Take all tries back, in one round trip. Never raises."""
    with store.aside():
        store.delete_all(keys)


def _count(limit: Limit, window_seconds: int) -> tuple[Tried, Throttle]:
    """Count a try; gives also the counter as it stands afterwards. Raises StoreUnavailable: it is not counted.

    Where an answer was lost nobody knows whether that try was counted, and it is taken back as if it had been: a count
    too few lets somebody try once more, and a count too many would lock its owner out.
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
