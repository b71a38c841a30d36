"""Items of restored tables, put back into the stage's own where they are missing there.

DynamoDB restores a backup to tables of other names. This copies what the live tables have lost and overwrites nothing
in them: what is there now is newer than any backup.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.models.store.table import CONNECTION, Item
from infra.deployment.tables import MODELS


def sources(prefix: str) -> list[tuple[str, type[Item]]]:
    """The restored tables that there are, with the models whose tables they are copies of."""
    pages = _pages("ListTables", "ExclusiveStartTableName", "LastEvaluatedTableName")
    there = {name for page in pages for name in page["TableNames"]}
    own = MODELS[0].table().removesuffix("users")
    named = ((prefix + model.table().removeprefix(own), model) for model in MODELS)
    return [(name, model) for name, model in named if name in there]


def items(table: str) -> Iterator[dict[str, Any]]:
    """Every item of a restored table, as DynamoDB writes it."""
    for page in _scan(TableName=table, ConsistentRead=True):
        yield from page["Items"]


def count(table: str) -> int:
    return sum(int(page["Count"]) for page in _scan(TableName=table, Select="COUNT"))


def _scan(**arguments: Any) -> Iterator[dict[str, Any]]:
    return _pages("Scan", "ExclusiveStartKey", "LastEvaluatedKey", **arguments)


def _pages(operation: str, start: str, last: str, **arguments: Any) -> Iterator[dict[str, Any]]:
    """Through the connection, which tries again what fails in passing, and not through its client, which does not."""
    while True:
        page = CONNECTION.dispatch(operation, dict(arguments))
        yield page
        if not page.get(last):
            return
        arguments[start] = page[last]


def put_back(model: type[Item], item: dict[str, Any]) -> bool:
    """Put an item back unless there is one with its key. Was it put back?"""
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
