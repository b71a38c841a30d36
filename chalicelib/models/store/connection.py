"""The one connection to DynamoDB: every try of every call goes over it.

It makes its own tries, with botocore's switched off, so that each gets only the time that its request has left, and so
that all are counted. It accepts no damaged reply. botocore retries such a reply and, once its tries are used up,
returns what it could parse of the last one: an empty answer, as if nothing were stored.
"""

from __future__ import annotations

import json
from binascii import crc32
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from pynamodb.connection import Connection
from pynamodb.connection.base import MetaTable

from chalicelib import deadline, limits, logs
from chalicelib.models.store import failures
from chalicelib.models.store.failures import CorruptedReply, Failure

_PAUSE_SECONDS = 0.05
_THROTTLED_PAUSE_SECONDS = 0.5
# Every intact reply has one of these members. If an item does not exist, the reply still has the capacity that was
# used, which PynamoDB always requests.
_MEMBERS = {
    "GetItem": {"Item", "ConsumedCapacity"},
    "BatchGetItem": {"Responses"},
    "Query": {"Items", "Count"},
    "Scan": {"Items", "Count"},
}
# The same of replies that return an item. A deletion returns none if there was none.
_WITH_VALUES = {"UpdateItem": {"Attributes"}, "DeleteItem": {"Attributes", "ConsumedCapacity"}}

_doubts: ContextVar[list[Failure] | None] = ContextVar("doubts", default=None)


@contextmanager
def doubts() -> Iterator[list[Failure]]:
    """Collect the tries in this context that may or may not have been carried out: sent, without a usable answer."""
    found: list[Failure] = []
    token = _doubts.set(found)
    try:
        yield found
    finally:
        _doubts.reset(token)


class _Connection(Connection):
    """PynamoDB's connection with our retries, timeouts and checks."""

    _watched: Any = None

    @property
    def client(self) -> Any:
        client = super().client
        if client is not self._watched:
            # The ids keep two threads that get here at once from registering twice.
            client.meta.events.register("before-call.dynamodb", _begin_try, unique_id="lanyard-begin-try")
            client.meta.events.register("before-parse.dynamodb", _check_bytes, unique_id="lanyard-check-bytes")
            self._watched = client
        return client

    def know_table(self, meta_table: MetaTable) -> None:
        """Learn a table's keys. Unlike PynamoDB's own, it may be told twice: by two threads that both come first."""
        self._tables[meta_table.table_name] = meta_table

    def _make_api_call(self, operation_name: str, operation_kwargs: Any) -> Any:
        """Try until there is an answer, up to STORE_TRIES times; once for an aside.

        Every try sends the same bytes, including a transaction's request token. Raises one of failures.ERRORS.
        """
        tries = 1 if deadline.is_aside() else limits.STORE_TRIES
        attempt = 1
        while True:
            try:
                reply = super()._make_api_call(operation_name, operation_kwargs)
                _check_members(operation_name, operation_kwargs, reply)
                return reply
            except failures.ERRORS as error:
                failure = failures.meaning(error)
                _note_doubt(failure)
                if attempt == tries or not _is_worth_another(failure, attempt):
                    raise
            attempt += 1


def _note_doubt(failure: Failure) -> None:
    found = _doubts.get()
    if found is not None and failure.is_in_doubt:
        found.append(failure)


def _is_worth_another(failure: Failure, attempt: int) -> bool:
    """True if another try can help and there is time for it. Waits before returning True."""
    if not (failure.is_in_passing or failure.is_throttled):
        return False
    pause = _THROTTLED_PAUSE_SECONDS if failure.is_throttled else _PAUSE_SECONDS
    return deadline.pause(pause * 2 ** (attempt - 1))


def _begin_try(context: dict[str, Any], **_: Any) -> None:
    context["read_timeout"] = deadline.read_seconds()
    logs.count_round_trip()


def _check_bytes(response_dict: Mapping[str, Any], **_: Any) -> None:
    """Raises CorruptedReply if the bytes are not the ones that were sent."""
    body, checksum = response_dict["body"], response_dict["headers"].get("x-amz-crc32")
    if checksum is not None:
        if str(crc32(body)) != checksum.strip():
            raise CorruptedReply("a damaged reply: its checksum does not match")
    elif response_dict["status_code"] < 500 and not _is_json_object(body):
        raise CorruptedReply("a damaged reply: it is not JSON")


def _is_json_object(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except (ValueError, RecursionError):
        return False


def _check_members(operation: str, arguments: Mapping[str, Any], reply: Mapping[str, Any]) -> None:
    """Raises CorruptedReply if the reply lacks a member that every such reply has."""
    needed = (_WITH_VALUES if "ReturnValues" in arguments else _MEMBERS).get(operation)
    if needed and not needed & reply.keys():
        raise CorruptedReply(f"a damaged reply: {operation} without {' or '.join(sorted(needed))}")


# Made of our constants alone. It makes its client for the first call, and only botocore then reads the environment: the
# region, the credentials and the address of DynamoDB.
CONNECTION = _Connection(
    connect_timeout_seconds=limits.STORE_CONNECT_SECONDS,
    read_timeout_seconds=limits.STORE_READ_SECONDS,
    retry_configuration={"total_max_attempts": 1, "mode": "standard"},
    max_pool_connections=64,
)
