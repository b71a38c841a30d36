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
    """Add to a counter. Returns the item after the addition. Raises StoreUnavailable.

    A try whose response is lost is repeated and may count twice; `doubts` collects such tries. There is no request
    token: a transaction would cost twice as much and return no values.
    """
    arguments = key.operation(key="Key", actions=actions, return_values="ALL_NEW")
    return key.model.from_raw_data(call(lambda: CONNECTION.dispatch("UpdateItem", arguments))["Attributes"])


def take(key: Key[M]) -> M | None:
    """Delete an item. Returns it as it was; None if there was none, or if a try whose response was lost deleted it.
    Raises StoreUnavailable."""
    arguments = key.operation(return_values="ALL_OLD")
    found = call(lambda: CONNECTION.dispatch("DeleteItem", arguments)).get("Attributes")
    return key.model.from_raw_data(found) if found else None


def change(key: Key[Any], actions: list[Action], condition: Condition | None = None) -> None:
    """Make one update. Raises ConditionFailed, StoreUnavailable."""
    write(Update(key, actions, condition))


def write(*changes: Change) -> None:
    """Make all of these changes or none. Raises ConditionFailed, StoreUnavailable."""
    # Even a single write is a transaction if it has a condition: only transactions carry a request token. Without one,
    # a try whose response was lost would be taken for somebody else's write. Without a condition, a second try does no
    # harm, and an aside has no second try.
    if len(changes) == 1 and (changes[0].condition is None or deadline.is_aside()):
        operation, arguments = _single(changes[0])
        call(lambda: CONNECTION.dispatch(operation, arguments), changes)
        return
    # PynamoDB sends them in this order, and the cancellation reasons come back in it.
    ordered = [item for kind in (Check, Delete, Put, Update) for item in changes if isinstance(item, kind)]
    # The same token for every try, the connection's and ours, so that a write whose response was lost is not repeated.
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
    """Do something that the response does not need and must not wait for: it is tried once, for a short time.

    Raises neither ConditionFailed, since then the item in question is gone, nor StoreUnavailable. lost: what to log if
    it could not be done.
    """
    with deadline.aside():
        try:
            yield
        except ConditionFailed:
            pass
        except StoreUnavailable as error:
            logs.note(aside_error=error.code, **lost)


def delete_all(keys: Sequence[Key[Any]]) -> None:
    """Delete the items with these keys, in batches and not as one transaction: for items that are no longer valid."""
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
