"""The DynamoDB capacity units of a call, computed by the published rules from the sizes of the stored items.

A consistent read costs one unit per 4 KB of an item, and one for a missing item. A write costs one unit per KB, twice
that in a transaction; a condition check in a transaction costs as much as a write. A write to attributes that an index
projects costs another write. This is arithmetic: only AWS shows what it bills.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infra.deployment.tables import MODELS
from tests.store_proxy import Call

READ_BYTES, WRITE_BYTES = 4096, 1024
_NUMBER_BYTES = 21  # the maximum size of a number


@dataclass(frozen=True)
class Units:
    read: int = 0
    write: int = 0

    def __add__(self, other: Units) -> Units:
        return Units(self.read + other.read, self.write + other.write)


def of_call(call: Call, sizes: Mapping[str, int]) -> Units:
    """The units of a call. sizes: table -> bytes of its largest item, which is assumed for every item of the table."""
    body = call.body
    if "TransactItems" in body:
        return sum((_of_part(item, sizes) for item in body["TransactItems"]), Units())
    if call.operation == "BatchWriteItem":  # only used for deletes
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
    """The size of an item as DynamoDB counts it: its names and values."""
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
    """A put or delete also writes each index. An update writes only indexes that project more than keys."""
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
