"""Tries of a write that another one may come before: read again, and write again, for a short time."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

from chalicelib import settings

_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 0.32


def attempts() -> Iterator[int]:
    """Count tries, with a random pause between two, for CONTENTION_SECONDS. There is always a first one.

    The pauses grow, so that however many write at once, each comes through.
    """
    until = time.monotonic() + settings.CONTENTION_SECONDS
    attempt = 0
    while True:
        yield attempt
        pause = random.uniform(0, min(_LONGEST_PAUSE_SECONDS, _PAUSE_SECONDS * 2.0**attempt))
        if time.monotonic() + pause >= until:
            return
        time.sleep(pause)
        attempt += 1
