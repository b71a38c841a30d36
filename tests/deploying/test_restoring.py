"""`tables restore` puts back what the live tables have lost, and overwrites nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from chalicelib import settings
from chalicelib.models import user
from chalicelib.models.store.table import CONNECTION
from chalicelib.models.user import User
from infra.commands import Operator
from infra.commands.tables import tables
from tests.actors import Person

RESTORED = "restored-"


@pytest.fixture
def backup() -> Iterator[Callable[[], None]]:
    """Take a backup of the users that DynamoDB restored to a table of another name."""
    client = CONNECTION.client

    def made() -> None:
        client.create_table(
            TableName=RESTORED + "users",
            AttributeDefinitions=[{"AttributeName": "user_id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "user_id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        for item in client.scan(TableName="test-users", ConsistentRead=True)["Items"]:
            client.put_item(TableName=RESTORED + "users", Item=item)

    yield made
    client.delete_table(TableName=RESTORED + "users")


@pytest.fixture
def with_not_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "SETTINGS", replace(settings.SETTINGS, not_before=1))


def restore(*arguments: str) -> Result:
    command: Any = click.Group(commands={"tables": tables})
    return CliRunner().invoke(
        command, ["tables", "restore", "--from-prefix", RESTORED, "--yes", *arguments], obj=Operator()
    )


def test_lost_items_are_restored_and_changed_items_stay(
    a_person: Callable[..., Person], backup: Callable[[], None], with_not_before: None
) -> None:
    lost, changed = a_person(), a_person()
    backup()
    found = user.find_by_email(lost.email)
    assert found is not None
    found.delete()
    user.disable(changed.user_id)
    dry = restore("--dry-run")
    assert dry.output.startswith("Would put back the items that are missing, out of ")
    assert user.find_by_email(lost.email) is None
    done = restore()
    assert done.exit_code == 0, done.output
    assert f"{RESTORED}users  1" in done.output
    again = user.find_by_email(lost.email)
    assert again is not None
    assert again.attribute_values == found.attribute_values
    assert User.get(changed.user_id).active is False


def test_restore_without_not_before_is_refused(backup: Callable[[], None]) -> None:
    backup()
    refused = restore()
    assert refused.exit_code == 2
    assert "NOT_BEFORE" in refused.output


def test_restore_without_restored_tables_is_refused(with_not_before: None) -> None:
    refused = restore()
    assert refused.exit_code == 2
    assert "There are no tables whose names start with restored-" in refused.output
