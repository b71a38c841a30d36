"""Writes. Several are one transaction, and so is a single one with a condition."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib import deadline, logs
from chalicelib.models.store.calling import ConditionFailed, call, pause
from chalicelib.models.store.changes import Change, Check, Delete, Put, Update
from chalicelib.models.store.connection import CONNECTION
from chalicelib.models.store.failures import StoreUnavailable
from chalicelib.models.store.table import Item, Key

_BATCH_WRITE_LIMIT = 25

M = TypeVar("M", bound=Item)


def count(key: Key[M], actions: list[Action]) -> M:
    """Add to a counter; gives the item as it stands afterwards. Raises StoreUnavailable.

    A try whose answer is lost is made again and may count twice: `doubts` says how many there were. It has no request
    token: a transaction would cost twice as much, and gives nothing back.
    """
    arguments = key.operation(key="Key", actions=actions, return_values="ALL_NEW")
    return key.model.from_raw_data(call(lambda: CONNECTION.dispatch("UpdateItem", arguments))["Attributes"])


def change(key: Key[Any], actions: list[Action], condition: Condition | None = None) -> None:
    """One update. Raises ConditionFailed, StoreUnavailable."""
    write(Update(key, actions, condition))


def write(*changes: Change) -> None:
    """Make all these changes or none. Raises ConditionFailed, StoreUnavailable."""
    # A write with a condition is a transaction also where it is alone: only these carry a request token, without which
    # a try whose answer was lost would be taken for somebody else's. Without a condition a second try does no harm, and
    # an aside has none.
    if len(changes) == 1 and (changes[0].condition is None or deadline.is_aside()):
        operation, arguments = _single(changes[0])
        call(lambda: CONNECTION.dispatch(operation, arguments), changes)
        return
    # The order in which PynamoDB sends them is the order of the reasons that come back.
    ordered = [item for kind in (Check, Delete, Put, Update) for item in changes if isinstance(item, kind)]
    # The same for every try, the connection's and ours: what was written, and its answer lost, is not written again.
    token = uuid.uuid4().hex

    def send() -> None:
        CONNECTION.transact_write_items(
            condition_check_items=[_arguments(item) for item in ordered if isinstance(item, Check)],
            delete_items=[_arguments(item) for item in ordered if isinstance(item, Delete)],
            put_items=[_arguments(item) for item in ordered if isinstance(item, Put)],
            update_items=[_arguments(item) for item in ordered if isinstance(item, Update)],
            client_request_token=token,
        )

    call(send, ordered)


@contextmanager
def aside(**lost: object) -> Iterator[None]:
    """Do something that the answer does not need, and that must not hold it up: it is tried once, for a short time.

    Raises neither ConditionFailed, since what it was about is gone then, nor StoreUnavailable. lost: what to note in
    the log where it could not be done.
    """
    with deadline.aside():
        try:
            yield
        except ConditionFailed:
            pass
        except StoreUnavailable as error:
            logs.note(aside_error=error.code, **lost)


def delete_all(keys: Sequence[Key[Any]]) -> None:
    """Delete what is there of these, many at a time and not as one: for what has no power any more."""
    for start in range(0, len(keys), _BATCH_WRITE_LIMIT):
        requests: dict[str, list[Any]] = {}
        for key in keys[start : start + _BATCH_WRITE_LIMIT]:
            arguments = key.operation()
            requests.setdefault(arguments["TableName"], []).append({"DeleteRequest": {"Key": arguments["Key"]}})
        for attempt in itertools.count():
            pending = requests
            answer = call(lambda: CONNECTION.dispatch("BatchWriteItem", {"RequestItems": pending}))  # noqa: B023
            requests = answer.get("UnprocessedItems") or {}
            if not requests:
                break
            pause(attempt, "UnprocessedItems")


def _arguments(item: Change) -> dict[str, Any]:
    match item:
        case Put():
            return item.item.get_save_kwargs_from_instance(condition=item.condition)
        case Update():
            return item.key.operation(key="Key", actions=item.actions, condition=item.condition)
        case _:
            return item.key.operation(key="Key", condition=item.condition)


def _single(item: Change) -> tuple[str, dict[str, Any]]:
    names: dict[type, str] = {Put: "PutItem", Update: "UpdateItem", Delete: "DeleteItem"}
    return names[type(item)], _arguments(item)
