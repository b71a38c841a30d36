"""OperatorEvent: what an operator did with manage.py, kept for two years.

The key begins with the month, so that a listing reads the newest months and never scans. An event names ids (of a user
or an application, an organizer's slug) and no email address, so nothing personal remains in it after an erasure.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pynamodb.attributes import UnicodeAttribute, UnicodeSetAttribute

from chalicelib import clock, credentials, limits
from chalicelib.models import store
from chalicelib.models.store.table import EpochSeconds, Item, Key, TableMeta, TableName, TimeToLive, as_set


class Outcome(StrEnum):
    """How a command ended. STARTED remains if its process was killed: its effects are then unknown."""

    STARTED = "started"
    DONE = "done"
    FAILED = "failed"


class OperatorEvent(Item):
    class Meta(TableMeta):
        table_name = TableName("operator_events")

    month = UnicodeAttribute(hash_key=True)
    event_key = UnicodeAttribute(range_key=True)
    at = EpochSeconds()
    operator = UnicodeAttribute()
    command = UnicodeAttribute()
    about = UnicodeSetAttribute(null=True)
    detail = UnicodeAttribute(null=True)
    outcome = UnicodeAttribute()
    forget_at = TimeToLive()

    @classmethod
    def key(cls, month: str, event_key: str) -> Key[OperatorEvent]:
        return Key(cls, month, event_key)


@dataclass(frozen=True)
class Filter:
    """Which events to list; all of them if neither is given.

    command: the words that the command begins with. about: ids; an event must name one of them.
    """

    command: str = ""
    about: frozenset[str] = frozenset()

    def fits(self, event: OperatorEvent) -> bool:
        is_command = f"{event.command} ".startswith(f"{self.command} ") if self.command else True
        return is_command and (not self.about or bool(self.about & set(event.about or ())))


def start(operator: str, command: str, about: Sequence[str], detail: str = "") -> OperatorEvent:
    """Record a command before it runs. Raises StoreUnavailable: what cannot be recorded is not done.

    operator: who runs it. command: its words, without options. about: the ids that it acts on. detail: what it gives or
    takes, such as scopes or a resource.
    """
    at = clock.now()
    event = OperatorEvent(
        month=_month(at),
        # Sorts by time. The serial number separates two events in the same microsecond.
        event_key=f"{at:011d}.{time.time_ns() // 1000 % 1_000_000:06d}.{credentials.new_serial()}",
        at=at,
        operator=operator,
        command=command,
        about=as_set(about),
        detail=detail or None,
        outcome=str(Outcome.STARTED),
        forget_at=at + limits.OPERATOR_EVENT_KEPT_SECONDS,
    )
    store.write(store.Put(event))
    return event


def finish(event: OperatorEvent, outcome: Outcome, made: Sequence[str] = ()) -> None:
    """Record how the command ended. made: the ids that it created. Raises StoreUnavailable."""
    event.outcome = str(outcome)
    event.about = as_set({*(event.about or ()), *made})
    store.write(store.Put(event))


def newest(chosen: Filter, *, after: str | None = None) -> Iterator[OperatorEvent]:
    """The events that match the filter, newest first, read lazily.

    after: the `event_key` of the last event on the previous page.
    """
    return (event for event in _newest_first(after) if event.forget_at > clock.now() and chosen.fits(event))


def _newest_first(after: str | None) -> Iterator[OperatorEvent]:
    year, month = time.gmtime(clock.now())[:2]
    for _ in range(limits.OPERATOR_EVENT_KEPT_SECONDS // (28 * 86_400) + 1):
        yield from store.newest_first(OperatorEvent, f"{year:04d}-{month:02d}", before=after)
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)


def _month(at: int) -> str:
    return time.strftime("%Y-%m", time.gmtime(at))
