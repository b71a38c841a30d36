"""How what was started in the foreground is told to end, and ends whatever it started itself."""

from __future__ import annotations

import signal
import subprocess
import time

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STOP_SECONDS = 20


class Stopped(Exception):
    """Somebody asked for the end: Ctrl-C, SIGTERM, or a terminal that was closed."""


class Request:
    """Notes that the end was asked for, and lets whoever waits look.

    A signal raises nothing by itself: one that comes twice, as GNU make's do, or between the start of a process and
    the note of it, would leave something running. The note is a plain attribute: a threading.Event that is set while
    it is waited for, in the same thread, waits for itself.
    """

    def __init__(self) -> None:
        self._is_asked = False
        for number in SIGNALS:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup ignores it on purpose
                signal.signal(number, self._note)

    def pause(self, seconds: float) -> None:
        """Wait that long: a moment. Raises Stopped where the end was asked for."""
        if not self._is_asked:
            time.sleep(seconds)
        if self._is_asked:
            raise Stopped

    def _note(self, *_: object) -> None:
        self._is_asked = True


def end(process: subprocess.Popen[str] | subprocess.Popen[bytes] | None, *, seconds: float = STOP_SECONDS) -> None:
    """End a process with SIGTERM, and with SIGKILL where it has not ended after that many seconds."""
    if process is None:
        return
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
