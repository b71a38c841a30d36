"""What time it is. Everything that expires asks here, so that a test can move the clock instead of waiting."""

import time


def now() -> int:
    """Seconds since the epoch, whole."""
    return int(time.time())


def monotonic() -> float:
    """Seconds of a clock that is never set back, for measuring how long something takes."""
    return time.monotonic()
