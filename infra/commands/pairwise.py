"""`manage.py applications use-pairwise`."""

from __future__ import annotations

import click

from chalicelib.models import application_edit
from chalicelib.models.application import CLASSIC
from infra.commands import Change, Operator, clear_errors, fail
from infra.commands.applications import find_application
from infra.commands.create_application import with_sector


@click.command("use-pairwise", cls=Change)
@click.argument("client_id")
@click.option(
    "--sector-identifier-uri",
    metavar="URL",
    help="If its redirect URLs are at several hosts: a JSON array of them, which is fetched once.",
)
@click.option("--end", "is_end", is_flag=True, help="Let it know users by their ids again.")
@click.pass_obj
def applications_use_pairwise(
    operator: Operator, client_id: str, sector_identifier_uri: str | None, is_end: bool
) -> None:
    """Let an application know users by identifiers that no other application has.

    From its next request it knows each user by another `sub` than before. It can be undone, and gives the same ones
    again as long as its redirect URLs stay at the same host.
    """
    if is_end and sector_identifier_uri:
        fail("--sector-identifier-uri: leave it out with --end.")
    found = find_application(client_id)
    client_id = found.public_id
    if not is_end and found.document_url:
        fail(f"The application {client_id} describes itself in a document, which cannot ask for pairwise identifiers.")
    how = "their ids" if is_end else "pairwise identifiers"
    if not operator.may(f"let {client_id} know users by {how}", about=[client_id], detail=how):
        return
    with clear_errors(f"There is no application {client_id}."):
        uris = [str(uri) for uri in found.redirect_uris]
        profile = CLASSIC if is_end else with_sector(CLASSIC, uris, sector_identifier_uri)
        application_edit.know_users_by(
            found.client_id, profile.sector, profile.sector_key, profile.sector_identifier_uri
        )
    row = {"client_id": client_id, "subject_type": "public" if is_end else "pairwise", "sector": profile.sector}
    where = "" if is_end else f" for {profile.sector}"
    operator.show(row, sentence=f"{client_id} knows users by {how}{where}.")
