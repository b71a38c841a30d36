"""How long a request may still wait: for the store and for everything else that it calls.

A request has REQUEST_SECONDS. Each try of a call to the store asks here how long it may wait, and gets at most what is
left. If nothing is left, the try is not made. A call to another service is abandoned when nothing is left.

An aside is something that the response does not need, such as a history entry. It is tried once, for a short time. The
asides of a request share STORE_ASIDE_SECONDS, the last seconds of the request, which no other call gets. So they cannot
delay the response, and a sign-in try can still be taken off the counters after the store has used up all other time.

Outside a request, as in manage.py, there is no deadline, and an aside is an ordinary call.
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

from chalicelib import clock, limits

T = TypeVar("T")


class DeadlineExceeded(Exception):
    """The request has no time left for the call."""


@dataclass
class _Request:
    ends_at: float
    asides_left: float
    aside_ends_at: float | None = None


_request: ContextVar[_Request | None] = ContextVar("request", default=None)


@contextmanager
def begin() -> Iterator[None]:
    """Answer a request within the block: its deadline starts now."""
    request = _Request(clock.monotonic() + limits.REQUEST_SECONDS, limits.STORE_ASIDE_SECONDS)
    token = _request.set(request)
    try:
        yield
    finally:
        _request.reset(token)


@contextmanager
def aside() -> Iterator[None]:
    """Do something within the block that the response does not need. A nested aside is part of the outer one."""
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
    """True inside a request's aside."""
    request = _request.get()
    return request is not None and request.aside_ends_at is not None


def read_seconds() -> float:
    """How long the next try may wait for the store's answer, after up to STORE_CONNECT_SECONDS for a connection.

    Raises DeadlineExceeded.
    """
    most = limits.STORE_ASIDE_READ_SECONDS if is_aside() else limits.STORE_READ_SECONDS
    seconds = min(most, _left() - limits.STORE_CONNECT_SECONDS)
    if seconds < limits.STORE_LEAST_READ_SECONDS:
        raise DeadlineExceeded
    return seconds


def seconds_for(most_seconds: float) -> float:
    """How long a call to anything but the store may take: at most `most_seconds`, without the time reserved for asides,
    which come after it. Raises DeadlineExceeded."""
    seconds = min(most_seconds, _left())
    if seconds < limits.STORE_LEAST_READ_SECONDS:
        raise DeadlineExceeded
    return seconds


def within(most_seconds: float, call: Callable[[], T]) -> T:
    """Return what `call` returns, if it does so in time (see `seconds_for`). Raises DeadlineExceeded.

    The call runs in its own thread, which continues until its own timeouts end it, so its outcome is unknown. Those
    timeouts cannot limit the call as a whole: they apply to each lookup, each address of the service and each read.
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
    """Wait a random time before the next try, so that callers that failed together do not all retry at once.

    Returns False at once if that would leave no time for the try.
    """
    seconds = random.uniform(0, most_seconds)
    if _left() - seconds < limits.STORE_CONNECT_SECONDS + limits.STORE_LEAST_READ_SECONDS:
        return False
    time.sleep(seconds)
    return True


def _left() -> float:
    request = _request.get()
    if request is None:
        return math.inf
    ends_at = request.aside_ends_at
    return (request.ends_at - limits.STORE_ASIDE_SECONDS if ends_at is None else ends_at) - clock.monotonic()
