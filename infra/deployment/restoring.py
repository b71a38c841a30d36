"""Copies items that the stage's tables have lost from restored tables.

DynamoDB restores a backup into tables with other names. This overwrites nothing in the live tables: their items are
newer than any backup.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.models.store.table import CONNECTION, Item
from infra.deployment.tables import MODELS


def sources(prefix: str) -> list[tuple[str, type[Item]]]:
    """The restored tables that exist, each with the model of the table that it copies."""
    pages = _pages("ListTables", "ExclusiveStartTableName", "LastEvaluatedTableName")
    there = {name for page in pages for name in page["TableNames"]}
    own = MODELS[0].table().removesuffix("users")
    named = ((prefix + model.table().removeprefix(own), model) for model in MODELS)
    return [(name, model) for name, model in named if name in there]


def items(table: str) -> Iterator[dict[str, Any]]:
    """Every item of a restored table, in DynamoDB's JSON."""
    for page in _scan(TableName=table, ConsistentRead=True):
        yield from page["Items"]


def count(table: str) -> int:
    return sum(int(page["Count"]) for page in _scan(TableName=table, Select="COUNT"))


def _scan(**arguments: Any) -> Iterator[dict[str, Any]]:
    return _pages("Scan", "ExclusiveStartKey", "LastEvaluatedKey", **arguments)


def _pages(operation: str, start: str, last: str, **arguments: Any) -> Iterator[dict[str, Any]]:
    """Every page of a paginated call. Uses the connection because it retries; its client does not."""
    while True:
        page = CONNECTION.dispatch(operation, dict(arguments))
        yield page
        if not page.get(last):
            return
        arguments[start] = page[last]


def put_back(model: type[Item], item: dict[str, Any]) -> bool:
    """Put an item back unless its key exists. Was it put back?"""
    name = model.table()
    names = {"#key": model.hash_name()}
    try:
        CONNECTION.dispatch(
            "PutItem",
            {
                "TableName": name,
                "Item": item,
                "ConditionExpression": "attribute_not_exists(#key)",
                "ExpressionAttributeNames": names,
            },
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
            return False
        raise
    return True
