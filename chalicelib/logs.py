"""One JSON line per request, with what the layers noted about it, and never a secret.

Views and rules call `note`, and the middleware writes the line. Callers choose the values: ids, outcomes, numbers.
Never note codes, tokens, secrets, cookies, passwords, query strings or bodies.
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
    """Passes warnings and worse on to the root logger."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        logging.getLogger().handle(record)


# At DEBUG, these libraries print requests, and so credentials. Whatever level the operator sets, on these loggers, on
# the loggers below them or on the root, only warnings leave them.
for _name in _TALKATIVE:
    logging.getLogger(_name).setLevel(logging.WARNING)
    logging.getLogger(_name).propagate = False
    logging.getLogger(_name).addHandler(_WarningsOnly())


class _Stdout(logging.StreamHandler[TextIO]):
    """Writes to the `sys.stdout` of the moment."""

    def __init__(self) -> None:
        super().__init__(sys.stdout)

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stdout
        super().emit(record)


def configure() -> None:
    """Make the `lanyard` loggers write their JSON lines with nothing around them."""
    log = logging.getLogger("lanyard")
    if not log.handlers:
        handler = _Stdout()
        handler.setFormatter(logging.Formatter("%(message)s"))
        log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False


def begin() -> None:
    """Start a request's notes."""
    _notes.set({})


def note(**facts: object) -> None:
    """Add to the current request's line."""
    notes = _notes.get()
    if notes is not None:
        notes.update(facts)


def count_round_trip() -> None:
    """Count a round trip to the store for the current request's line."""
    notes = _notes.get()
    if notes is not None:
        notes["store_round_trips"] = int(str(notes.get("store_round_trips", 0))) + 1


def write(**facts: object) -> None:
    """Write the line: `facts`, then the notes, then the members that make metrics of it."""
    line = {"store_round_trips": 0, **facts, **(_notes.get() or {})}
    line |= metrics.describe(line)
    logging.getLogger("lanyard").info(json.dumps(line, separators=(",", ":"), default=str))


def where(error: BaseException) -> list[str]:
    """Where an error was raised, innermost frame last, for a note. Without its message, which may quote a client."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    return [f"{'/'.join(frame.filename.split('/')[-2:])}:{frame.lineno} {frame.name}" for frame in frames]
