"""One JSON line for each request, with what the layers noted about it, and never a secret.

Views and rules call `note`; the middleware writes the line. Values are the caller's to choose: ids, outcomes, numbers.
Codes, tokens, secrets, cookies, passwords, query strings and bodies have no business here.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from contextvars import ContextVar
from typing import TextIO

from chalicelib import metrics

_notes: ContextVar[dict[str, object] | None] = ContextVar("notes", default=None)

_TALKATIVE = ("oauthlib", "pynamodb", "botocore", "boto3", "urllib3")


class _WarningsOnly(logging.Handler):
    """Hands warnings, and nothing below, on to the root logger."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        logging.getLogger().handle(record)


# These print requests, and so credentials, at DEBUG. What they say ends here, whatever levels the operator sets on
# them, on the loggers below them or on the root.
for _name in _TALKATIVE:
    logging.getLogger(_name).setLevel(logging.WARNING)
    logging.getLogger(_name).propagate = False
    logging.getLogger(_name).addHandler(_WarningsOnly())


class _Stdout(logging.StreamHandler[TextIO]):
    """Writes to what `sys.stdout` is at the moment of writing."""

    def __init__(self) -> None:
        super().__init__(sys.stdout)

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stdout
        super().emit(record)


def configure() -> None:
    """Let `lanyard` loggers write their JSON lines, bare."""
    log = logging.getLogger("lanyard")
    if not log.handlers:
        handler = _Stdout()
        handler.setFormatter(logging.Formatter("%(message)s"))
        log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False


def begin() -> None:
    """Start the notes of a request."""
    _notes.set({})


def note(**facts: object) -> None:
    """Add to the line of the request that is being answered."""
    notes = _notes.get()
    if notes is not None:
        notes.update(facts)


def count_round_trip() -> None:
    """One more request to the store, for the line of the request that is being answered."""
    notes = _notes.get()
    if notes is not None:
        notes["store_round_trips"] = int(str(notes.get("store_round_trips", 0))) + 1


def write(**facts: object) -> None:
    """Write the line: `facts`, then what was noted, then what makes metrics of it."""
    line = {"store_round_trips": 0, **facts, **(_notes.get() or {})}
    line |= metrics.describe(line)
    logging.getLogger("lanyard").info(json.dumps(line, separators=(",", ":"), default=str))


def where(error: BaseException) -> list[str]:
    """An error's place, innermost last, for a note. Without its message, which may quote what a client sent."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    return [f"{'/'.join(frame.filename.split('/')[-2:])}:{frame.lineno} {frame.name}" for frame in frames]
