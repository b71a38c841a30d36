"""Commands that cannot be undone ask first, and everything an operator does is recorded."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from typing import Any

import boto3
import click
import pytest
from click.testing import CliRunner

import manage
from chalicelib import credentials
from chalicelib.models import operator_event
from chalicelib.models.operator_event import Filter, OperatorEvent
from chalicelib.models.pushed_request import PushedRequest
from infra.commands import Destructive, Operator
from infra.commands.tables import tables as tables_command
from infra.deployment import tables
from infra.laptop.ministack import client_environment
from tests.local_run import LocalRun
from tests.running.test_operating import a_connected_user, in_json
from tests.store_proxy import StoreProxy

pytestmark = pytest.mark.spec("docs/security.md")

# The commands that ask, with arguments for each.
CANNOT_BE_UNDONE = {
    ("users", "erase"): ("eve@localhost",),
    ("users", "set-password"): ("eve@localhost", "--password-stdin"),
    ("grants", "end"): ("--client", "{client_id}"),
    ("applications", "rotate-secret"): ("{client_id}",),
    ("applications", "end-old-secret"): ("{client_id}",),
    ("organizers", "delete"): ("smallshows",),
    ("tables", "restore"): ("--from-prefix", "restored-"),
}


def audit(local_run: LocalRun, *arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = in_json(local_run, "audit", "--json", *arguments)
    return found


def an_organizer(local_run: LocalRun) -> str:
    slug = f"audited-{credentials.new_serial().lower()}"
    in_json(local_run, "organizers", "create", "--slug", slug, "--name", "Audited", "--json")
    return slug


def one_by_one(local_run: LocalRun, *listing: str) -> list[dict[str, Any]]:
    """All entries of a list, read in pages of one."""
    found: list[dict[str, Any]] = []
    after: list[str] = []
    while True:
        page = local_run.manage(*listing, "--limit", "1", "--json", *after)
        found += json.loads(page.stdout)
        if not page.stderr:
            return found
        assert page.stderr.startswith("There are more. Next page: --after ")
        after = ["--after", page.stderr.split()[-1]]


def on_a_terminal(local_run: LocalRun, answer: str, *arguments: str) -> tuple[int, str]:
    """A command's exit code and output, run by a person who gives this answer to its question."""
    person, terminal = pty.openpty()
    process = subprocess.Popen(
        [".venv/bin/python", "manage.py", "--stage", "local", *arguments],
        cwd=local_run.folder, env=local_run.environment(), stdin=terminal, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    os.write(person, f"{answer}\n".encode())
    printed = process.communicate(timeout=60)[0]
    os.close(person)
    os.close(terminal)
    return process.returncode, printed


def test_audit_lists_newest_first_who_did_what_and_how_it_ended(local_run: LocalRun) -> None:
    slug = an_organizer(local_run)
    in_json(local_run, "organizers", "add-member", slug, "eve@localhost", "--json")
    failed = local_run.manage("organizers", "add-member", f"{slug}-gone", "eve@localhost")
    assert failed.returncode == 2
    entries = [*audit(local_run, "--about", f"{slug}-gone"), *audit(local_run, "--about", slug)]
    assert [(entry["command"], entry["outcome"]) for entry in entries] == [
        ("organizers add-member", "failed"),
        ("organizers add-member", "done"),
        ("organizers create", "done"),
    ]
    eve = in_json(local_run, "users", "list", "--email", "eve@local", "--json")[0]
    assert entries[1]["about"] == sorted([slug, eve["user_id"]])
    assert all(entry["operator"] and entry["at"].endswith("Z") for entry in entries)
    assert audit(local_run, "--about", slug, "--command", "organizers create") == entries[2:]
    assert audit(local_run, "--about", slug, "--command", "organizers add-member") == entries[1:2]
    assert audit(local_run, "--about", slug, "--command", "users") == []


def test_audit_can_be_read_to_its_end_in_pages(local_run: LocalRun) -> None:
    slug = an_organizer(local_run)
    for change in ("add-member", "remove-member"):
        in_json(local_run, "organizers", change, slug, "eve@localhost", "--json")
    assert one_by_one(local_run, "audit", "--about", slug) == audit(local_run, "--about", slug)
    assert len(audit(local_run, "--about", slug)) == 3


def test_audit_names_the_created_application_and_the_access_it_was_given(local_run: LocalRun) -> None:
    slug = an_organizer(local_run)
    made = in_json(
        local_run, "applications", "create", "--owner", "eve@localhost", "--name", "Audited app",
        "--redirect-uri", "https://shop.example.com/callback", "--json",
    )  # fmt: skip
    client_id = made["client_id"]
    in_json(local_run, "applications", "allow-own", client_id, "--scope", "read", "--organizer", slug, "--json")
    allowed, created = audit(local_run, "--about", client_id)
    assert (created["command"], created["outcome"]) == ("applications create", "done")
    assert (allowed["command"], allowed["detail"]) == ("applications allow-own", "read")
    assert allowed["about"] == sorted([client_id, slug])


def test_application_with_an_id_that_the_server_did_not_generate_is_found(local_run: LocalRun) -> None:
    """Commit 3d22260 let people choose an id."""
    before = in_json(local_run, "applications", "list", "--chosen-id", "--json")
    code = (
        "import os; from chalicelib import settings; from chalicelib.models.application import Application as A; "
        "settings.load(os.environ); "
        "A(client_id='google-official', owner_id='x', name='G', client_type='confidential', redirect_uris=[], "
        "active=True, created_at=1).save()"
    )
    environment = json.loads((local_run.folder / ".local" / "run.json").read_text())
    stored = subprocess.run(
        [".venv/bin/python", "-c", code], cwd=local_run.folder, env={**local_run.environment(), **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert stored.returncode == 0, stored.stderr
    found = in_json(local_run, "applications", "list", "--chosen-id", "--json")
    assert [row["client_id"] for row in found if row not in before] == ["google-official"]


def test_audit_contains_no_email_address_and_no_secret(local_run: LocalRun) -> None:
    a_connected_user(local_run, "audited")
    in_json(
        local_run, "users", "set-password", "audited@example.org", "--password-stdin", "--yes", "--json",
        stdin="a second password\n",
    )  # fmt: skip
    in_json(local_run, "users", "export", "audited@example.org")
    text = local_run.manage("audit", "--limit", "1000").stdout
    assert text.startswith("AT")
    assert "users export" in text
    assert "users set-password" in text
    assert "example.org" not in text
    assert "second password" not in text


def test_dry_run_or_failed_command_leaves_no_audit_entry(local_run: LocalRun) -> None:
    before = audit(local_run)
    in_json(local_run, "users", "disable", "eve@localhost", "--dry-run", "--json")
    local_run.manage("users", "disable", "nobody@localhost")
    assert audit(local_run) == before


@pytest.fixture(scope="module")
def local_store(local_run: LocalRun) -> Any:
    """The DynamoDB of `make run`, with a table of restored users under another name."""
    made = boto3.client("dynamodb", endpoint_url=f"http://127.0.0.1:{local_run.dynamodb_port}")
    made.create_table(
        TableName="restored-users",
        AttributeDefinitions=[{"AttributeName": "user_id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "user_id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return made


def everything(local_store: Any) -> dict[str, list[Any]]:
    tables = local_store.list_tables()["TableNames"]
    return {table: local_store.scan(TableName=table, ConsistentRead=True)["Items"] for table in tables}


@pytest.mark.parametrize("command", CANNOT_BE_UNDONE, ids=" ".join)
def test_command_that_cannot_be_undone_does_nothing_without_yes(
    local_run: LocalRun, local_store: Any, command: tuple[str, str]
) -> None:
    client_id = in_json(local_run, "applications", "list", "--name", "box office", "--json")[0]["client_id"]
    before = everything(local_store)
    words = [word.format(client_id=client_id) for word in (*command, *CANNOT_BE_UNDONE[command])]
    python = ("env", "NOT_BEFORE=1", ".venv/bin/python")
    ended = local_run.run(*python, "manage.py", "--stage", "local", *words, stdin="a second password\n")
    assert ended.returncode == 2
    assert ended.stderr.startswith("Error: This would ")
    assert ended.stderr.endswith(". It cannot be undone. Add --yes to do it.\n")
    assert everything(local_store) == before


def test_every_command_with_a_yes_option_is_covered_here() -> None:
    named: list[tuple[str, str]] = []
    for name, found in manage.cli.commands.items():
        one_each = found.commands if isinstance(found, click.Group) else {"": found}
        named += [(name, word) for word, command in one_each.items() if isinstance(command, Destructive)]
    assert sorted(named) == sorted([*CANNOT_BE_UNDONE, ("keys", "retire")]), "whose test is in test_manage_keys.py"


def test_creating_tables_is_recorded_before_it_begins(store: StoreProxy) -> None:
    started: list[OperatorEvent] = []
    PushedRequest.delete_table()
    with store.before("CreateTable", lambda: started.extend(operator_event.newest(Filter("tables create")))):
        group: Any = click.Group(commands={"tables": tables_command})
        ended = CliRunner().invoke(group, ["tables", "create"], obj=Operator())
    assert (ended.exit_code, ended.output) == (0, "Created test-pushed_requests\n")
    assert [event.outcome for event in started] == ["started"]


def test_audit_table_is_created_first(local_run: LocalRun) -> None:
    settings = {**client_environment(f"http://127.0.0.1:{local_run.dynamodb_port}"), "TABLE_PREFIX": "new-"}
    told = ("env", *(f"{name}={value}" for name, value in settings.items()), ".venv/bin/python", "manage.py")
    created = json.loads(local_run.run(*told, "--stage", "local", "tables", "create", "--json").stdout)
    assert created[0] == {"table": "new-operator_events"}
    assert len(created) == len(tables.MODELS)
    (entry,) = json.loads(local_run.run(*told, "--stage", "local", "audit", "--json").stdout)
    assert (entry["command"], entry["outcome"]) == ("tables create", "done")


def test_person_at_a_terminal_is_asked_for_confirmation(local_run: LocalRun) -> None:
    email = f"{credentials.new_serial().lower()}@example.org"
    in_json(
        local_run, "users", "create", "--fullname", "Asked", "--email", email, "--password-stdin", "--json",
        stdin="a long password\n",
    )  # fmt: skip
    code, printed = on_a_terminal(local_run, "n", "users", "erase", email)
    assert (code, "It cannot be undone. Continue?" in printed, "Stopped." in printed) == (130, True, True)
    assert in_json(local_run, "users", "list", "--email", email, "--json")
    code, printed = on_a_terminal(local_run, "y", "users", "erase", email)
    assert code == 0, printed
    assert in_json(local_run, "users", "list", "--email", email, "--json") == []


def test_help_needs_no_stage_and_every_other_command_does(local_run: LocalRun) -> None:
    for arguments in (["--help"], ["users", "--help"], ["users", "erase", "--help"], ["audit", "-h"]):
        ended = local_run.run(".venv/bin/python", "manage.py", *arguments)
        assert ended.returncode == 0, ended.stderr
        assert "Usage:" in ended.stdout
    ended = local_run.run(".venv/bin/python", "manage.py", "users", "list")
    assert ended.stderr == "Error: Missing option '--stage': local, or another stage of .chalice/config.json.\n"
    assert ended.returncode == 2


def test_operators_lists_have_a_heading_filters_and_pages(local_run: LocalRun) -> None:
    slugs = sorted(an_organizer(local_run) for _ in range(3))
    in_json(local_run, "organizers", "add-member", slugs[0], "eve@localhost", "--json")
    members = local_run.manage("users", "list", "--organizer", slugs[0]).stdout.splitlines()
    assert members[0].split() == ["EMAIL", "FULLNAME", "LOCALE", "TIMEZONE", "ORGANIZERS", "ACTIVE", "USER", "ID"]
    assert [line.split()[0] for line in members[1:]] == ["eve@localhost"]
    assert local_run.manage("users", "list", "--disabled", "--email", "eve@").stdout == "Nothing found.\n"
    found = [row["slug"] for row in one_by_one(local_run, "organizers", "list", "--name", "audited-")]
    assert set(found) >= set(slugs)
    assert len(found) == len(set(found))
    owned = in_json(local_run, "applications", "list", "--owner", "admin@localhost", "--name", "box", "--json")
    assert [row["name"] for row in owned] == ["Box office"]
