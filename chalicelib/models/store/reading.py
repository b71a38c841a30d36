"""Reads. They are strongly consistent, and several are one BatchGetItem."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar, overload

from chalicelib.models.store.calling import call, pause
from chalicelib.models.store.connection import CONNECTION
from chalicelib.models.store.table import Item, Key

_BATCH_LIMIT = 100

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
    """The items with these keys, in one round trip. None for a key that is None, and for an item that does not exist or
    has ended (`Item.is_ended`)."""
    return tuple(_read([key for key in keys if key], keys))


def read_all(keys: Sequence[Key[M]]) -> list[M | None]:
    """The items with these keys, in the same order. One round trip per hundred."""
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
    after: str | None = None,
    index: str | None = None,
    most: int | None = None,
    ended_too: bool = False,
) -> Iterator[M]:
    """The items under one hash key, ordered by range key, at most `most`. Consistent, except from an index.

    after: start after this range key. ended_too: include items that have ended, to delete them or to see that they
    existed.
    """
    range_name = model.range_name()
    condition = getattr(model, range_name).startswith(starts_with) if starts_with and range_name else None
    if after and range_name:
        condition = getattr(model, range_name) > after
    source: Any = getattr(model, index) if index else model
    arguments: dict[str, Any] = {} if index else {"consistent_read": True}
    found = _each(source.query(hash_key, range_key_condition=condition, limit=most, **arguments))
    return (item for item in found if index or ended_too or not item.is_ended)


def latest(model: type[M], hash_key: str, *, limit: int, before: str | None = None) -> list[M]:
    """The last `limit` items under one hash key, in descending order of range keys. before: start below this one."""
    condition = getattr(model, str(model.range_name())) < before if before else None
    return list(_each(model.query(hash_key, condition, consistent_read=True, scan_index_forward=False, limit=limit)))


def newest_first(model: type[M], hash_key: str, *, before: str | None = None) -> Iterator[M]:
    """The items under one hash key, in descending order of range keys, read lazily.

    before: start below this range key.
    """
    condition = getattr(model, str(model.range_name())) < before if before else None
    return _each(model.query(hash_key, condition, consistent_read=True, scan_index_forward=False))


def scan(model: type[M], *, after: str | None = None) -> Iterator[M]:
    """Every item of a table, in no particular order: for the operator's commands, never in a request.

    after: the hash key of the last item on the previous page.
    """
    start = {model.hash_name(): {"S": after}} if after else None
    return _each(model.scan(consistent_read=True, last_evaluated_key=start))


def scan_page(
    model: type[M], *, after: str | None = None, most: int | None = None, where: tuple[str, str] | None = None
) -> tuple[list[M], str | None]:
    """One page of a scan: the items found, and the hash key after which the next page begins; None after the last one.

    most: how many items to look at; None for as many as DynamoDB reads at once (1 MB). where: an attribute's name and
    its value, for those items only. Only for an operator's paged listing; see design decisions in architecture.md.
    """
    arguments = _scan(model, after, most)
    if where:
        name, value = where
        arguments |= {"FilterExpression": "#n = :v", "ExpressionAttributeNames": {"#n": name}}
        arguments |= {"ExpressionAttributeValues": {":v": {"S": value}}}
    answer = call(lambda: CONNECTION.dispatch("Scan", arguments))
    items = [model.from_raw_data(raw) for raw in answer["Items"]]
    return [item for item in items if not item.is_ended], _next(model, answer)


def scan_count(
    model: type[Item], *, after: str | None = None, most: int, without: str | None = None
) -> tuple[int, str | None]:
    """The number of items on one page of a scan, and the hash key after which the next page begins, as `scan_page`.

    without: the name of an attribute; items that have it are not counted.
    """
    arguments = _scan(model, after, most) | {"Select": "COUNT"}
    if without:
        arguments |= {"FilterExpression": "attribute_not_exists(#n)", "ExpressionAttributeNames": {"#n": without}}
    answer = call(lambda: CONNECTION.dispatch("Scan", arguments))
    return int(answer["Count"]), _next(model, answer)


def _scan(model: type[Item], after: str | None, most: int | None) -> dict[str, Any]:
    arguments: dict[str, Any] = {"TableName": model.table(), "ConsistentRead": True}
    if most is not None:
        arguments["Limit"] = most
    if after:
        arguments["ExclusiveStartKey"] = {model.hash_name(): {"S": after}}
    return arguments


def _next(model: type[Item], answer: dict[str, Any]) -> str | None:
    last = answer.get("LastEvaluatedKey")
    return str(last[model.hash_name()]["S"]) if last else None


def _each(pages: Iterator[M]) -> Iterator[M]:
    while (item := call(lambda: next(pages, None))) is not None:
        yield item


def _read(wanted: Sequence[Key[Any]], keys: Sequence[Key[Any] | None]) -> list[Any]:
    found: dict[Key[Any], Item] = {}
    if len(wanted) == 1:
        key = wanted[0]
        arguments = key.operation(consistent_read=True)
        answer = call(lambda: CONNECTION.dispatch("GetItem", arguments))
        if answer.get("Item"):
            found[key] = key.model.from_raw_data(answer["Item"])
    elif wanted:
        found = _read_batch(wanted)
    found = {key: item for key, item in found.items() if not item.is_ended}
    return [found.get(key) if key else None for key in keys]


def _read_batch(wanted: Sequence[Key[Any]]) -> dict[Key[Any], Item]:
    """BatchGetItem across tables. Unlike a transaction, it cannot be canceled by a concurrent write."""
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
        answer = call(lambda: CONNECTION.dispatch("BatchGetItem", {"RequestItems": pending}))  # noqa: B023
        for table, items in answer["Responses"].items():
            model = names[table]
            for raw in items:
                name = _identity(table, {part: raw[part] for part in _key_names(model)})
                found[by_raw[name]] = model.from_raw_data(raw)
        requests = answer.get("UnprocessedKeys") or {}
        if not requests:
            break
        pause(attempt, "UnprocessedKeys")
    return found


def _identity(table: str, raw: dict[str, Any]) -> str:
    return table + repr(sorted((name, value["S"]) for name, value in raw.items()))


def _key_names(model: type[Item]) -> list[str]:
    return [name for name in (model.hash_name(), model.range_name()) if name]
