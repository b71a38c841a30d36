"""The operator's commands for the owners of an application work against a running `make run`."""

from __future__ import annotations

import json

import pytest

from tests.local_run import LocalRun
from tests.running.test_manage import CALLBACK, in_json

pytestmark = pytest.mark.spec("docs/operations.md")


@pytest.fixture
def client_id(local_run: LocalRun) -> str:
    command = ("applications", "create", "--owner", "admin@localhost", "--name", "App", "--redirect-uri", CALLBACK)
    return str(in_json(local_run, *command)["client_id"])


def owners(local_run: LocalRun, client_id: str) -> dict[str, bool]:
    """Each owner's address, and whether they are the main one."""
    listed = json.loads(local_run.manage("applications", "owners", client_id, "--json").stdout)
    return {row["email"]: row["main"] for row in listed}


def test_operator_transfers_an_application(local_run: LocalRun, client_id: str) -> None:
    assert owners(local_run, client_id) == {"admin@localhost": True}
    said = local_run.manage("applications", "transfer", client_id, "eve@localhost", "--keep")
    assert said.stdout == f"eve@localhost is the main owner of {client_id}.\n"
    assert owners(local_run, client_id) == {"eve@localhost": True, "admin@localhost": False}
    local_run.manage("applications", "transfer", client_id, "admin@localhost")
    assert owners(local_run, client_id) == {"admin@localhost": True}


def test_transfer_that_makes_no_sense_is_refused(local_run: LocalRun, client_id: str) -> None:
    for arguments, complaint in (
        ((client_id, "admin@localhost"), f"admin@localhost is the main owner of {client_id} already."),
        ((client_id, "nobody@localhost"), "There is no user with the address nobody@localhost."),
        (("nothing", "admin@localhost"), "There is no application nothing."),
    ):
        ended = local_run.manage("applications", "transfer", *arguments)
        assert (ended.returncode, ended.stderr) == (2, f"Error: {complaint}\n")
    said = local_run.manage("applications", "transfer", client_id, "eve@localhost", "--dry-run")
    assert said.returncode == 0
    assert owners(local_run, client_id) == {"admin@localhost": True}
