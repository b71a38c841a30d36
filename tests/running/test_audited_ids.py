"""A client with a metadata document can be looked up by two ids, and commands always show one of them."""

from __future__ import annotations

import json
from typing import Any

import click
import pytest
from click.testing import CliRunner

from chalicelib import credentials
from chalicelib.models import application_deletion, metadata_document_client, operator_event
from chalicelib.models.application import PRIVATE_KEY_JWT, About, Application, Profile
from infra.commands import Operator
from infra.commands.applications import applications
from infra.commands.audit import audit
from infra.commands.grants import grants

pytestmark = [pytest.mark.spec("docs/security.md"), pytest.mark.usefixtures("_ministack")]


def run(*arguments: str) -> Any:
    commands: Any = click.Group(commands={"applications": applications, "audit": audit, "grants": grants})
    ended = CliRunner().invoke(commands, [*arguments, "--json"], obj=Operator())
    assert ended.exit_code == 0, ended.output
    return json.loads(ended.stdout)


@pytest.fixture
def described() -> Application:
    url = f"https://{credentials.new_serial().lower()}.example.com/client.json"
    profile = Profile(auth_method=PRIVATE_KEY_JWT, jwks='{"keys": []}')
    return metadata_document_client.keep(
        url, name="Notes", redirect_uris=["https://notes.example.com/cb"], about=About(), profile=profile
    )


def test_commands_print_and_record_the_documents_url_whichever_id_was_typed(described: Application) -> None:
    for client_id in (described.public_id, str(described.client_id)):
        for command in (
            ("applications", "disable", client_id),
            ("applications", "enable", client_id),
            ("applications", "end-old-secret", client_id, "--yes"),
            ("applications", "allow-own", client_id),
            ("grants", "end", "--client", client_id, "--yes"),
        ):
            assert run(*command)["client_id"] == described.public_id
    entries = run("audit", "--about", described.public_id)
    assert len(entries) == 10
    assert {about for entry in entries for about in entry["about"]} == {described.public_id}
    assert run("audit", "--about", str(described.client_id)) == entries


def test_entry_recorded_under_the_stored_id_is_found_by_the_documents_url(described: Application) -> None:
    operator_event.start("somebody", "grants end", [str(described.client_id)])
    assert len(run("audit", "--about", described.public_id)) == 1
    application_deletion.delete(described.public_id)
    assert len(run("audit", "--about", described.public_id)) == 1
