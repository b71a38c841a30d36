"""Stops a foreground program on a signal, and the processes that it started."""

from __future__ import annotations

import signal
import subprocess
import time

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STOP_SECONDS = 20


class Stopped(Exception):
    """The program was told to stop: by Ctrl-C, SIGTERM, or a closed terminal."""


class Request:
    """Records that the program was told to stop, for a loop that polls it.

    The signal handler raises nothing: an exception from a second signal (GNU make sends two), or one between starting a
    process and recording it, would leave something running. The flag is a plain attribute, because a threading.Event
    that is set while the same thread waits for it deadlocks.
    """

    def __init__(self) -> None:
        self._is_asked = False
        for number in SIGNALS:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup ignores it on purpose
                signal.signal(number, self._note)

    def pause(self, seconds: float) -> None:
        """Sleep for a moment. Raises Stopped if the program was told to stop."""
        if not self._is_asked:
            time.sleep(seconds)
        if self._is_asked:
            raise Stopped

    def _note(self, *_: object) -> None:
        self._is_asked = True


def end(process: subprocess.Popen[str] | subprocess.Popen[bytes] | None, *, seconds: float = STOP_SECONDS) -> None:
    """End a process with SIGTERM, or with SIGKILL if it is still running after this many seconds."""
    if process is None:
        return
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
