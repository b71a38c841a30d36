"""Retries of a read and write that another write may get ahead of, for a short time."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

from chalicelib import limits

_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 0.32


def attempts() -> Iterator[int]:
    """Yield attempt numbers for CONTENTION_SECONDS, with a random pause between attempts. Yields at least one.

    The pauses grow, so that every writer succeeds, however many there are at once.
    """
    until = time.monotonic() + limits.CONTENTION_SECONDS
    attempt = 0
    while True:
        yield attempt
        pause = random.uniform(0, min(_LONGEST_PAUSE_SECONDS, _PAUSE_SECONDS * 2.0**attempt))
        if time.monotonic() + pause >= until:
            return
        time.sleep(pause)
        attempt += 1
