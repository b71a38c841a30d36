"""`manage.py applications owners` and `transfer`: to whom an application belongs."""

from __future__ import annotations

import click

from chalicelib.models import ownership
from chalicelib.models.application import Application
from infra.commands import Change, Command, Operator, clear_errors, fail
from infra.commands.applications import find_application
from infra.commands.users import find_user


@click.command("owners", cls=Command)
@click.argument("client_id")
@click.pass_obj
def applications_owners(operator: Operator, client_id: str) -> None:
    """List an application's owners, the main one first."""
    found = _find(client_id)
    with clear_errors():
        listed = ownership.owners(found)
    operator.show(
        [
            {
                "email": one.email,
                "fullname": one.fullname,
                "main": one.user_id == found.owner_id,
                "active": one.active,
                "user_id": one.user_id,
            }
            for one in listed
        ]
    )


@click.command("transfer", cls=Change)
@click.argument("client_id")
@click.argument("email")
@click.option("--keep", is_flag=True, help="Keep the present main owner as another owner.")
@click.pass_obj
def applications_transfer(operator: Operator, client_id: str, email: str, keep: bool) -> None:
    """Make a user the main owner of an application, for one whose owner has left.

    Client id, secret and users' connections stay as they are. Open invitations end.
    """
    found, to = _find(client_id), find_user(email)
    if not to.active:
        fail(f"The user {to.email} is disabled.")
    if to.user_id == found.owner_id:
        fail(f"{to.email} is the main owner of {client_id} already.")
    would = f"make {to.email} the main owner of {client_id}"
    if not operator.may(would, about=[client_id, to.user_id, str(found.owner_id)]):
        return
    try:
        with clear_errors(f"The owners of {client_id} were changed at the same time. Look at them, then try again."):
            ownership.transfer(found, to, keeps=keep)
    except ownership.TooManyOwners:
        fail(f"{client_id} has the maximum number of owners. Leave out --keep.")
    row = {"client_id": client_id, "main_owner": to.email}
    operator.show(row, sentence=f"{to.email} is the main owner of {client_id}.")


def _find(client_id: str) -> Application:
    """The application. Ends the command if there is none, or if no user owns it."""
    found = find_application(client_id)
    if found.registered_itself:
        fail(f"The application {client_id} registered itself, so it has no owner.")
    return found
