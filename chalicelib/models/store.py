"""The few verbs that every model reads and writes with.

Reads are strongly consistent. Several reads are one BatchGetItem, several writes are one transaction, and so is a
single write with a condition. Conflicts with other writes are tried again here; `connection` tries again what failed in
passing. A condition that does not hold is `ConditionFailed`; a store that cannot answer now is `StoreUnavailable`.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar, overload

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib import deadline, logs
from chalicelib.models import failures
from chalicelib.models.changes import Change as Change
from chalicelib.models.changes import Check as Check
from chalicelib.models.changes import Delete as Delete
from chalicelib.models.changes import Put as Put
from chalicelib.models.changes import Update as Update
from chalicelib.models.connection import doubts as doubts
from chalicelib.models.failures import StoreUnavailable as StoreUnavailable
from chalicelib.models.table import CONNECTION, Item, Key

_CONFLICT_TRIES = 6
_CONFLICT_PAUSE_SECONDS = 0.02
_BATCH_LIMIT = 100
_BATCH_WRITE_LIMIT = 25


class ConditionFailed(Exception):
    """The store did not hold what a write demanded, and nothing was written.

    failed: the changes whose conditions did not hold.
    """

    def __init__(self, failed: Sequence[Change]) -> None:
        super().__init__("a condition did not hold")
        self.failed = failed


M = TypeVar("M", bound=Item)
A = TypeVar("A", bound=Item)
B = TypeVar("B", bound=Item)
C = TypeVar("C", bound=Item)
D = TypeVar("D", bound=Item)
E = TypeVar("E", bound=Item)


@overload
def read(a: Key[A] | None, /) -> tuple[A | None]: ...
@overload
def read(a: Key[A] | None, b: Key[B] | None, /) -> tuple[A | None, B | None]: ...
@overload
def read(a: Key[A] | None, b: Key[B] | None, c: Key[C] | None, /) -> tuple[A | None, B | None, C | None]: ...
@overload
def read(
    a: Key[A] | None, b: Key[B] | None, c: Key[C] | None, d: Key[D] | None, /
) -> tuple[A | None, B | None, C | None, D | None]: ...
@overload
def read(
    a: Key[A] | None, b: Key[B] | None, c: Key[C] | None, d: Key[D] | None, e: Key[E] | None, /
) -> tuple[A | None, B | None, C | None, D | None, E | None]: ...
def read(*keys: Key[Any] | None) -> tuple[Any, ...]:
    """The items with these keys, in one round trip; None for a key that is None and for an item that is not there or
    void."""
    return tuple(_read([key for key in keys if key], keys))


def read_all(keys: Sequence[Key[M]]) -> list[M | None]:
    """The items with these keys, in their order; a round trip for every hundred."""
    found: list[M | None] = []
    for start in range(0, len(keys), _BATCH_LIMIT):
        part = keys[start : start + _BATCH_LIMIT]
        found.extend(_read(part, part))
    return found


def query(
    model: type[M],
    hash_key: str,
    *,
    starts_with: str | None = None,
    index: str | None = None,
    most: int | None = None,
    void_too: bool = False,
) -> Iterator[M]:
    """The items under one hash key, in the order of their range keys, at `most`. Consistent, except on an index.

    void_too: also what settings.not_before has ended, to delete it.
    """
    range_name = model._range_keyname
    condition = getattr(model, range_name).startswith(starts_with) if starts_with and range_name else None
    source: Any = getattr(model, index) if index else model
    arguments: dict[str, Any] = {} if index else {"consistent_read": True}
    found = _each(source.query(hash_key, range_key_condition=condition, limit=most, **arguments))
    return (item for item in found if index or void_too or not item.is_void)


def latest(model: type[M], hash_key: str, *, limit: int, before: str | None = None) -> list[M]:
    """At most `limit` items under one hash key, from the last range key down. before: start below this range key."""
    condition = getattr(model, str(model._range_keyname)) < before if before else None
    return list(_each(model.query(hash_key, condition, consistent_read=True, scan_index_forward=False, limit=limit)))


def newest_first(model: type[M], hash_key: str, *, before: str | None = None) -> Iterator[M]:
    """The items under one hash key, from the last range key down, read as they are asked for.

    before: start below this range key.
    """
    condition = getattr(model, str(model._range_keyname)) < before if before else None
    return _each(model.query(hash_key, condition, consistent_read=True, scan_index_forward=False))


def scan(model: type[M], *, after: str | None = None) -> Iterator[M]:
    """Every item of a table, in no particular order: for the operator's commands, never in a request.

    after: the hash key of the item behind which to start, for the next page of a list.
    """
    start = {str(model._hash_keyname): {"S": after}} if after else None
    return _each(model.scan(consistent_read=True, last_evaluated_key=start))


def _each(pages: Iterator[M]) -> Iterator[M]:
    while (item := _call(lambda: next(pages, None))) is not None:
        yield item


def count(key: Key[M], actions: list[Action]) -> M:
    """Add to a counter; gives the item as it stands afterwards. Raises StoreUnavailable.

    A try whose answer is lost is made again and may count twice: `doubts` says how many there were. It has no request
    token: a transaction would cost twice as much, and gives nothing back.
    """
    arguments = key.operation(key="Key", actions=actions, return_values="ALL_NEW")
    return key.model.from_raw_data(_call(lambda: CONNECTION.dispatch("UpdateItem", arguments))["Attributes"])


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
        _call(lambda: CONNECTION.dispatch(operation, arguments), changes)
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

    _call(send, ordered)


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
            answer = _call(lambda: CONNECTION.dispatch("BatchWriteItem", {"RequestItems": pending}))  # noqa: B023
            requests = answer.get("UnprocessedItems") or {}
            if not requests:
                break
            _pause(attempt, "UnprocessedItems")


def _read(wanted: Sequence[Key[Any]], keys: Sequence[Key[Any] | None]) -> list[Any]:
    found: dict[Key[Any], Item] = {}
    if len(wanted) == 1:
        key = wanted[0]
        arguments = key.operation(consistent_read=True)
        answer = _call(lambda: CONNECTION.dispatch("GetItem", arguments))
        if answer.get("Item"):
            found[key] = key.model.from_raw_data(answer["Item"])
    elif wanted:
        found = _read_batch(wanted)
    found = {key: item for key, item in found.items() if not item.is_void}
    return [found.get(key) if key else None for key in keys]


def _read_batch(wanted: Sequence[Key[Any]]) -> dict[Key[Any], Item]:
    """BatchGetItem over several tables. Unlike a transaction it cannot be cancelled by a write that is under way."""
    requests: dict[str, dict[str, Any]] = {}
    by_raw: dict[str, Key[Any]] = {}
    for key in wanted:
        arguments = key.operation()
        table, raw = arguments["TableName"], arguments["Key"]
        by_raw[_identity(table, raw)] = key
        requests.setdefault(table, {"ConsistentRead": True, "Keys": []})["Keys"].append(raw)
    names = {key.operation()["TableName"]: key.model for key in wanted}
    found: dict[Key[Any], Item] = {}
    for attempt in itertools.count():
        pending = requests
        answer = _call(lambda: CONNECTION.dispatch("BatchGetItem", {"RequestItems": pending}))  # noqa: B023
        for table, items in answer["Responses"].items():
            model = names[table]
            for raw in items:
                name = _identity(table, {part: raw[part] for part in _key_names(model)})
                found[by_raw[name]] = model.from_raw_data(raw)
        requests = answer.get("UnprocessedKeys") or {}
        if not requests:
            break
        _pause(attempt, "UnprocessedKeys")
    return found


def _identity(table: str, raw: dict[str, Any]) -> str:
    return table + repr(sorted((name, value["S"]) for name, value in raw.items()))


def _key_names(model: type[Item]) -> list[str]:
    table = model._get_connection().get_meta_table()
    return [name for name in (table.hash_keyname, table.range_keyname) if name]


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


def _call(send: Callable[[], Any], changes: Sequence[Change] = ()) -> Any:
    """Send it; say what a failure means; try again where it is only in another write's way."""
    attempt = 0
    while True:
        try:
            return send()
        except failures.ERRORS as error:
            failure = failures.meaning(error)
        if failure.is_ours:
            raise RuntimeError(f"DynamoDB refused the request: {failure.first_code}")
        failed = [changes[place] for place in failure.failed_conditions()]
        if failed:
            raise ConditionFailed(failed)
        if not failure.is_conflict:
            raise StoreUnavailable(failure.first_code)
        _pause(attempt, failure.first_code)
        attempt += 1


def _pause(attempt: int, code: str) -> None:
    """Wait before the try after this one. Raises StoreUnavailable where there is none."""
    tries = 1 if deadline.is_aside() else _CONFLICT_TRIES
    if attempt + 1 == tries or not deadline.pause(_CONFLICT_PAUSE_SECONDS * 2**attempt):
        raise StoreUnavailable(code)
