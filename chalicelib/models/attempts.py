"""Tries of a write that another one may come before: read again, and write again, for a short time."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

from chalicelib import settings

_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 0.32


def attempts(seconds: float = settings.CONTENTION_SECONDS) -> Iterator[int]:
    """Count tries, with a random pause between two, as long as `seconds` are not over. There is always a first one.

    The pauses grow, so that however many write at once, each comes through.
    """
    until = time.monotonic() + seconds
    attempt = 0
    while True:
        yield attempt
        pause = random.uniform(0, min(_LONGEST_PAUSE_SECONDS, _PAUSE_SECONDS * 2.0**attempt))
        if time.monotonic() + pause >= until:
            return
        time.sleep(pause)
        attempt += 1
