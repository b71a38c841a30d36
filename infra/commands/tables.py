"""`manage.py tables`: the DynamoDB tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import PynamoDBException

from infra import tables as definitions
from infra.commands import Group, Operator, clear_errors, fail


@click.group(cls=Group)
def tables() -> None:
    """The DynamoDB tables."""


@tables.command("create")
@click.pass_obj
def tables_create(operator: Operator) -> None:
    """Create the tables that are missing, with their TTLs."""
    with clear_errors(), _aws_errors():
        created = list(definitions.create_all())
    operator.show(
        [{"table": name} for name in created],
        sentence="\n".join(f"Created {name}" for name in created) or "All tables are there.",
    )


@tables.command("describe")
@click.pass_obj
def tables_describe(operator: Operator) -> None:
    """Show each table's state, keys, indexes and TTL attribute."""
    with clear_errors(), _aws_errors():
        rows = list(definitions.describe_all())
    operator.show(rows)


@contextmanager
def _aws_errors() -> Iterator[None]:
    """What AWS refuses while tables are made, as one line."""
    try:
        yield
    except (PynamoDBException, BotoCoreError, ClientError) as error:
        fail(f"DynamoDB cannot be used: {str(error).splitlines()[0]}")
