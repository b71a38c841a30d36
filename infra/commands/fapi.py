"""`manage.py applications hold-to-fapi`."""

from __future__ import annotations

import click

from chalicelib.models import application_edit
from chalicelib.protocol.clients import fapi
from infra.commands import Change, Operator, clear_errors, fail
from infra.commands.applications import find_application


@click.command("hold-to-fapi", cls=Change)
@click.argument("client_id")
@click.option("--end", "is_end", is_flag=True, help="No longer hold it to the profile.")
@click.pass_obj
def applications_hold_to_fapi(operator: Operator, client_id: str, is_end: bool) -> None:
    """Hold an application to the FAPI 2.0 Security Profile from its next request.

    It must sign assertions, have only https:// redirect URLs and no device grant. Tokens that it has stay valid: end
    them with `grants end`.
    """
    found = find_application(client_id)
    client_id, is_held = found.public_id, not is_end
    if is_held and (problem := fapi.problem_with(found, [str(uri) for uri in found.redirect_uris])):
        fail(problem)
    how = "hold" if is_held else "no longer hold"
    if not operator.may(f"{how} {client_id} to the FAPI 2.0 Security Profile", about=[client_id], detail=how):
        return
    with clear_errors(f"There is no application {client_id}."):
        application_edit.hold_to_fapi(found.client_id, is_held=is_held)
    shown = f"{client_id} is {'' if is_held else 'no longer '}held to the FAPI 2.0 Security Profile."
    operator.show({"client_id": client_id, "fapi": is_held}, sentence=shown)
