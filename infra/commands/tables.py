"""`manage.py tables`: the DynamoDB tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import click

from chalicelib import settings
from chalicelib.models.operator_event import OperatorEvent
from chalicelib.models.store import failures
from chalicelib.models.store.table import Item
from infra.commands import Change, Destructive, Group, Operator, clear_errors, fail, progress
from infra.deployment import restoring
from infra.deployment import tables as definitions


@click.group(cls=Group)
def tables() -> None:
    """Create, describe and restore the DynamoDB tables."""


@tables.command("create", cls=Change)
@click.pass_obj
def tables_create(operator: Operator) -> None:
    """Create missing tables, with their TTLs."""
    with clear_errors(), _aws_errors():
        missing = [str(row["table"]) for row in definitions.describe_all() if row["status"] == "MISSING"]
        if operator.is_dry:
            operator.say_only(f"create {', '.join(missing) or 'nothing: all tables exist'}", tables=missing)
            return
        created = list(definitions.create_all([OperatorEvent]))  # first: the audit needs it
        operator.record()
        created += definitions.create_all()
    operator.show(
        [{"table": name} for name in created],
        sentence="\n".join(f"Created {name}" for name in created) or "All tables exist.",
    )


@tables.command("describe")
@click.pass_obj
def tables_describe(operator: Operator) -> None:
    """Show each table's state, keys, indexes and TTL attribute."""
    with clear_errors(), _aws_errors():
        rows = list(definitions.describe_all())
    operator.show(rows)


@tables.command("restore", cls=Destructive)
@click.option("--from-prefix", "prefix", required=True, help="The prefix of the restored tables' names.")
@click.pass_obj
def tables_restore(operator: Operator, prefix: str) -> None:
    """Put back items that the tables have lost, from tables that DynamoDB restored under other names.

    Overwrites nothing. Requires NOT_BEFORE; without it, a restore would bring back what was revoked since the backup.
    """
    if prefix == settings.SETTINGS.table_prefix:
        fail("--from-prefix: this is the prefix of the stage's own tables. Give that of the restored ones.")
    if not settings.SETTINGS.not_before:
        fail('First set "NOT_BEFORE" to the current time (date +%s) in .chalice/config.json and deploy.')
    with clear_errors(), _aws_errors():
        found = restoring.sources(prefix)
        if not found:
            fail(f"There are no tables whose names start with {prefix}.")
        counts = {table: restoring.count(table) for table, _ in found}
        if not operator.may(
            "put back the items that are missing, out of " + ", ".join(f"{n} in {t}" for t, n in counts.items())
        ):
            return
        rows = [_restore(table, model, counts[table]) for table, model in found]
    operator.show(rows)


def _restore(table: str, model: type[Item], expected: int) -> Mapping[str, object]:
    back = 0
    with progress(expected, table) as step:
        for item in restoring.items(table):
            back += restoring.put_back(model, item)
            step()
    return {"from": table, "put_back": back, "kept": expected - back}


@contextmanager
def _aws_errors() -> Iterator[None]:
    """Turn an error of AWS into a one-line message."""
    try:
        yield
    except failures.ERRORS as error:
        fail(f"Cannot use DynamoDB: {str(error).splitlines()[0]}")
