"""How long a request may still wait: for the store, and for whatever else it calls.

A request has REQUEST_SECONDS. Each try of a call to the store asks here how long it may wait, and it gets no more than
what is left. Where nothing is left the try is not made. A call to another service is given up when nothing is left.

What the answer does not need, such as a line of history, is an aside: it is tried once, for a short time. The asides of
a request share STORE_ASIDE_SECONDS, and the end of the request is kept for them. So they cannot hold up the answer, and
a try at a sign-in can still be taken back after the store has used up the time for everything else.

Outside of a request, as in manage.py, there is no deadline, and an aside is a call like any other.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

from chalicelib import clock, settings

T = TypeVar("T")


class DeadlineExceeded(Exception):
    """The request has no time left for it."""


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


def seconds_for(most_seconds: float) -> float:
    """How long something else than a try of the store may take: at most `most_seconds`, and never what is kept for
    asides, which come after it. Raises DeadlineExceeded."""
    seconds = min(most_seconds, _left())
    if seconds < settings.STORE_LEAST_READ_SECONDS:
        raise DeadlineExceeded
    return seconds


def within(most_seconds: float, call: Callable[[], T]) -> T:
    """What `call` gives, if it does in time; `seconds_for` says how long that is. Raises DeadlineExceeded.

    In a thread of its own, which goes on until its own time-outs end it. These bound each look-up, each address of the
    service and each read by itself, so they do not bound the call. What becomes of it then is not known.
    """
    limit = seconds_for(most_seconds)
    given: list[T] = []
    raised: list[BaseException] = []

    def make() -> None:
        try:
            given.append(call())
        except BaseException as error:
            raised.append(error)

    worker = threading.Thread(target=make, daemon=True)
    worker.start()
    worker.join(None if limit == math.inf else limit)
    for error in raised:
        raise error
    for answer in given:
        return answer
    raise DeadlineExceeded


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
