"""Foreground processes stop when told to, whatever they are doing."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from infra.laptop import ending
from tests.local_run import ROOT

# A suite that runs in the background, or under nohup, was started with some signals ignored.
DEFAULTS = """
import signal
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_DFL)
"""
WAITS = """
from infra.laptop import ending
request = ending.Request()
print("waits", flush=True)
try:
    while True:
        request.pause(0)
except ending.Stopped:
    print("stopped", flush=True)
"""
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('waits', flush=True); time.sleep(99)"
)


def started(code: str) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", DEFAULTS + code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "waits\n"
    return process


@pytest.mark.parametrize("number", ending.SIGNALS)
def test_signal_at_any_moment_is_recorded_without_waiting(number: signal.Signals) -> None:
    for _ in range(5):
        process = started(WAITS)
        for _ in range(20):
            process.send_signal(number)
        assert process.communicate(timeout=20)[0] == "stopped\n"


def test_process_that_ignores_sigterm_is_killed() -> None:
    process, begun = started(STUBBORN), time.monotonic()
    ending.end(process, seconds=0.5)
    assert process.returncode == -signal.SIGKILL
    assert time.monotonic() - begun < 20
    assert process.stdout is not None
    process.stdout.close()
    ending.end(process)
    ending.end(None)


def test_process_run_with_nohup_outlives_its_terminal() -> None:
    code = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)" + WAITS
    process = started(code)
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGHUP)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=20)[0] == "stopped\n"
