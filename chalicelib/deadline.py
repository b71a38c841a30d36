"""How long a request may still wait for the store.

A request has REQUEST_SECONDS. Each try of a call to the store asks here how long it may wait, and it gets no more than
what is left. Where nothing is left the try is not made.

What the answer does not need, such as a line of history, is an aside: it is tried once, for a short time. The asides of
a request share STORE_ASIDE_SECONDS, and the end of the request is kept for them. So they cannot hold up the answer, and
a try at a log-in can still be taken back after the store has used up the time for everything else.

Outside of a request, as in manage.py, there is no deadline, and an aside is a call like any other.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from chalicelib import clock, settings


class DeadlineExceeded(Exception):
    """The request has no time left for another try."""


@dataclass
class _Request:
    ends_at: float
    asides_left: float
    aside_ends_at: float | None = None


_request: ContextVar[_Request | None] = ContextVar("request", default=None)


@contextmanager
def begin() -> Iterator[None]:
    """Answer a request meanwhile."""
    request = _Request(clock.monotonic() + settings.REQUEST_SECONDS, settings.STORE_ASIDE_SECONDS)
    token = _request.set(request)
    try:
        yield
    finally:
        _request.reset(token)


@contextmanager
def aside() -> Iterator[None]:
    """Do something meanwhile that the answer does not need. One inside another is a part of it."""
    request = _request.get()
    if request is None or request.aside_ends_at is not None:
        yield
        return
    started = clock.monotonic()
    request.aside_ends_at = min(started + request.asides_left, request.ends_at)
    try:
        yield
    finally:
        request.aside_ends_at = None
        request.asides_left -= clock.monotonic() - started


def is_aside() -> bool:
    """Is the answer to a request waiting for something that it does not need?"""
    request = _request.get()
    return request is not None and request.aside_ends_at is not None


def read_seconds() -> float:
    """How long the next try may wait for the store's answer, after at most STORE_CONNECT_SECONDS for a connection.

    Raises DeadlineExceeded.
    """
    most = settings.STORE_ASIDE_READ_SECONDS if is_aside() else settings.STORE_READ_SECONDS
    seconds = min(most, _left() - settings.STORE_CONNECT_SECONDS)
    if seconds < settings.STORE_LEAST_READ_SECONDS:
        raise DeadlineExceeded
    return seconds


def pause(most_seconds: float) -> bool:
    """Wait before the next try, for a random time, so that those who failed together do not come back together.

    False, at once, where that would leave no time for it.
    """
    seconds = random.uniform(0, most_seconds)
    if _left() - seconds < settings.STORE_CONNECT_SECONDS + settings.STORE_LEAST_READ_SECONDS:
        return False
    time.sleep(seconds)
    return True


def _left() -> float:
    request = _request.get()
    if request is None:
        return math.inf
    ends_at = request.aside_ends_at
    return (request.ends_at - settings.STORE_ASIDE_SECONDS if ends_at is None else ends_at) - clock.monotonic()
