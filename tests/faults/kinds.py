"""The kinds of fault, the calls that each can happen to, and how long each lasts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum

from tests.store_proxy import Call, Fault

_BATCHES = ("BatchGetItem", "BatchWriteItem")
_READS = ("GetItem", "BatchGetItem", "Query", "Scan")


class Kind(StrEnum):
    """What goes wrong with a call to the store. The values are the names shown to people."""

    REFUSED = "refused"
    RESET = "reset"
    HUNG_BEFORE = "hung before the write"
    HUNG_AFTER = "hung after the write"
    THROTTLED = "throttled"
    INTERNAL_ERROR = "500"
    UNAVAILABLE = "503"
    CONFLICT = "conflict"
    IN_PROGRESS = "in progress"
    TRUNCATED = "truncated"
    BAD_CHECKSUM = "bad checksum"
    UNPROCESSED = "unprocessed"
    LATE = "late write"
    KILLED_BEFORE = "killed before the write"
    KILLED_AFTER = "killed after the write"

    @property
    def kills(self) -> bool:
        return self in (Kind.KILLED_BEFORE, Kind.KILLED_AFTER)

    def befalls(self, call: Call) -> bool:
        """Whether this can happen to such a call, and differs there from the other kinds."""
        match self:
            case Kind.IN_PROGRESS:
                return call.operation == "TransactWriteItems"
            case Kind.UNPROCESSED:
                return call.operation in _BATCHES
            case Kind.HUNG_AFTER | Kind.LATE | Kind.CONFLICT:
                return is_write(call)
            case _:
                return True


MEANINGS = {
    Kind.REFUSED: "the connection is refused: nothing listens at the store's address",
    Kind.RESET: "the connection is reset before a response; nothing was done",
    Kind.HUNG_BEFORE: "nothing is done, and no response comes before the call's timeout",
    Kind.HUNG_AFTER: "the write is done, but no response comes before the call's timeout",
    Kind.THROTTLED: "`ThrottlingException`",
    Kind.INTERNAL_ERROR: "`InternalServerError`, status 500",
    Kind.UNAVAILABLE: "`ServiceUnavailable`, status 503",
    Kind.CONFLICT: "the write conflicts with another transaction: `TransactionConflict`",
    Kind.IN_PROGRESS: "the write is done, but the response is `TransactionInProgressException`",
    Kind.TRUNCATED: "the write is done, but the connection closes after half of the response",
    Kind.BAD_CHECKSUM: "the write is done, but the response does not match its `x-amz-crc32`",
    Kind.UNPROCESSED: "nothing in a batch is processed: `UnprocessedKeys`, `UnprocessedItems`",
    Kind.LATE: "the connection breaks, and the write arrives after the client's retry has finished",
    Kind.KILLED_BEFORE: "the process that serves the request dies before the call, and the client gets no response",
    Kind.KILLED_AFTER: "the process dies after the call is done, and the client gets no response",
}


class Span(Enum):
    """How long a fault lasts."""

    ONCE = "once"  # one try of one call
    EVERY_TRY = "on every try"  # all tries of one call; the request's other calls succeed
    OUTAGE = "from there on"  # this call and all after it, until the client retries


SPANS = {kind: (Span.ONCE,) if kind.kills else tuple(Span) for kind in Kind}

ON_THE_WIRE = {
    Kind.RESET: Fault.RESETS,
    Kind.HUNG_BEFORE: Fault.HANGS,
    Kind.HUNG_AFTER: Fault.HANGS_AFTERWARDS,
    Kind.THROTTLED: Fault.THROTTLED,
    Kind.INTERNAL_ERROR: Fault.INTERNAL_ERROR,
    Kind.UNAVAILABLE: Fault.UNAVAILABLE,
    Kind.CONFLICT: Fault.CONFLICT,
    Kind.IN_PROGRESS: Fault.IN_PROGRESS,
    Kind.TRUNCATED: Fault.CUT_OFF,
    Kind.BAD_CHECKSUM: Fault.BAD_CHECKSUM,
    Kind.UNPROCESSED: Fault.LEAVES_KEYS,
    Kind.LATE: Fault.ARRIVES_LATE,
}
HANGING = {Kind.HUNG_BEFORE, Kind.HUNG_AFTER}


@dataclass(frozen=True)
class Plan:
    """What goes wrong in a request. number: that of the call, from 1, in the order made if nothing fails."""

    number: int
    kind: Kind
    span: Span = Span.ONCE


def is_write(call: Call) -> bool:
    return call.operation not in _READS


def described(call: Call, prefix: str) -> str:
    """A description for people: "TransactWriteItems on authorization_codes, grants"."""
    tables = ", ".join(dict.fromkeys(table.removeprefix(prefix) for table in call.tables))
    return f"{call.operation} on {tables}"
