"""The current time. Everything that expires gets it from here, so that a test can move the clock instead of waiting."""

import time


def now() -> int:
    """Whole seconds since the epoch."""
    return int(time.time())


def monotonic() -> float:
    """Seconds on a clock that is never set back, for measuring durations."""
    return time.monotonic()
