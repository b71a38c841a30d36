"""DynamoDB's capacity units of a call, by its published rules, from the sizes of the items that are really stored.

A consistent read takes a unit for every 4 KB of an item, and one for an item that is not there. A write takes one for
every KB, a transaction twice that, and a check in a transaction as much as a write. An index takes a write of its own
where what it projects is written. This is arithmetic: what AWS bills, only AWS shows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infra.deployment.tables import MODELS
from tests.store_proxy import Call

READ_BYTES, WRITE_BYTES = 4096, 1024
_NUMBER_BYTES = 21  # the most that a number takes


@dataclass(frozen=True)
class Units:
    read: int = 0
    write: int = 0

    def __add__(self, other: Units) -> Units:
        return Units(self.read + other.read, self.write + other.write)


def of_call(call: Call, sizes: Mapping[str, int]) -> Units:
    """sizes: table -> bytes of the largest item in it, which every item of the table is taken to have."""
    body = call.body
    if "TransactItems" in body:
        return sum((_of_part(item, sizes) for item in body["TransactItems"]), Units())
    if call.operation == "BatchWriteItem":  # of which deletes alone are made
        made = {table: len(requests) for table, requests in body["RequestItems"].items()}
        writes = {table: _writes(sizes.get(table, 0)) + _index_writes(table, "DeleteItem") for table in made}
        return Units(write=sum(count * writes[table] for table, count in made.items()))
    if "RequestItems" in body:
        parts = ((table, len(request["Keys"])) for table, request in body["RequestItems"].items())
        return Units(read=sum(count * _reads(sizes.get(table, 0)) for table, count in parts))
    table = body["TableName"]
    match call.operation:
        case "GetItem":
            return Units(read=_reads(sizes.get(table, 0)))
        case "Query":
            return Units(read=max(1, math.ceil(sizes.get(table, 0) / READ_BYTES)))
        case operation:
            return Units(write=_writes(sizes.get(table, 0)) + _index_writes(table, operation))


def item_bytes(item: Mapping[str, Any]) -> int:
    """Names and values, as DynamoDB counts an item."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _of_part(item: Mapping[str, Any], sizes: Mapping[str, int]) -> Units:
    ((kind, arguments),) = item.items()
    table = arguments["TableName"]
    return Units(write=2 * _writes(sizes.get(table, 0)) + _index_writes(table, f"{kind}Item"))


def _reads(size: int) -> int:
    return max(1, math.ceil(size / READ_BYTES))


def _writes(size: int) -> int:
    return max(1, math.ceil(size / WRITE_BYTES))


def _index_writes(table: str, operation: str) -> int:
    """A put or delete is also one of each index's; an update only where the index holds more than keys."""
    if operation == "ConditionCheckItem":
        return 0
    keys_only_too = operation != "UpdateItem"
    return sum(1 for projection in _projections(table) if keys_only_too or projection != "KEYS_ONLY")


def _projections(table: str) -> Iterator[str]:
    for model in MODELS:
        if model.table() == table:
            for index in model.schema()["global_secondary_indexes"]:
                yield str(index["projection"]["ProjectionType"])


def _value_bytes(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return _NUMBER_BYTES
        case "SS":
            return sum(len(part.encode()) for part in content)
        case "L":
            return 3 + sum(1 + _value_bytes(part) for part in content)
        case "M":
            return 3 + sum(1 + len(name.encode()) + _value_bytes(part) for name, part in content.items())
        case _:
            return 1
