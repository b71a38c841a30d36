"""`manage.py applications verify`: vouch for what an application shows to people."""

from __future__ import annotations

import click

from chalicelib import outbound
from chalicelib.models import verification
from chalicelib.models.application import Application
from infra.commands import Change, Operator, clear_errors, fail
from infra.commands.applications import find_application


@click.command("verify", cls=Change)
@click.argument("client_id")
@click.option("--without-logo", is_flag=True, help="Do not show its logo.")
@click.option("--end", "is_end", is_flag=True, help="Take the verification back.")
@click.pass_obj
def applications_verify(operator: Operator, client_id: str, without_logo: bool, is_end: bool) -> None:
    """Vouch for an application's name, home page, logo and redirect URIs as they are now.

    The consent page then says so and shows the logo, of which a copy is kept. A change of any of them ends it.
    """
    found = find_application(client_id)
    client_id, gone = found.public_id, f"There is no application {client_id}."
    if is_end:
        if operator.may(f"end the verification of {client_id}", about=[client_id], detail="ended"):
            with clear_errors(gone):
                verification.end(found)
            operator.show({"client_id": client_id, "verified": False}, sentence=f"{client_id} is no longer verified.")
        return
    picture = None if without_logo else _picture_of(found)
    shown = (
        f"{found.name!r}, {found.client_uri or 'no home page'}, {', '.join(found.redirect_uris) or 'no redirect URI'}"
    )
    with_logo = f"and a logo of {len(picture)} bytes" if picture else "without a logo"
    if not operator.may(f"verify {client_id}: {shown}, {with_logo}", about=[client_id], detail=with_logo):
        return
    with clear_errors(gone):
        verification.verify(found, picture)
    row = {"client_id": client_id, "name": found.name, "verified": True, "logo_bytes": len(picture) if picture else 0}
    operator.show(row, sentence=f"Verified {client_id}: {shown}, {with_logo}.")


def _picture_of(found: Application) -> bytes | None:
    """The application's logo; None if it names none. Ends the command if it cannot be used."""
    if not found.logo_uri:
        return None
    try:
        picture = outbound.fetch(found.logo_uri, outbound.PICTURE)
    except outbound.FetchError as error:
        fail(f"The logo at {found.logo_uri} cannot be used: {error}. To verify the rest, add --without-logo.")
    if verification.content_type_of(picture) is None:
        problem = "it is not a PNG, JPEG or WebP picture"
        fail(f"The logo at {found.logo_uri} cannot be used: {problem}. To verify the rest, add --without-logo.")
    return picture
