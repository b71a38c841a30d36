"""`manage.py applications`: OAuth clients."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from chalicelib import credentials, names, server_key
from chalicelib.models import application
from chalicelib.models.application import Application, Profile
from chalicelib.protocol import redirect_uris
from infra.commands import Group, Operator, checked, clear_errors, fail
from infra.commands.users import find_user


@click.group(cls=Group)
def applications() -> None:
    """OAuth clients."""


@applications.command("create")
@click.option("--owner", required=True, metavar="EMAIL")
@click.option("--name", required=True)
@click.option("--redirect-uri", "uris", required=True, multiple=True, help="May be given more than once.")
@click.option("--public", is_flag=True, help="It cannot keep a secret: a browser application. It has to use PKCE.")
@click.option("--native", is_flag=True, help="It runs on people's devices: public, with redirect URIs of its own.")
@click.option("--require-pkce", is_flag=True, help="Refuse its requests without a code challenge.")
@click.pass_obj
def applications_create(
    operator: Operator, owner: str, name: str, uris: tuple[str, ...], public: bool, native: bool, require_pkce: bool
) -> None:
    """Register an application. Its secret is printed this once."""
    name = checked(names.check_name, name, "--name")
    for uri in uris:
        checked(partial(redirect_uris.check_registrable, is_native=native), uri, "--redirect-uri")
    profile = Profile(
        auth_method=application.NONE if public or native else application.BASIC,
        application_type=application.NATIVE if native else application.WEB,
        pkce_required=require_pkce,
    )
    if profile.is_public and not server_key.is_set():
        fail(f"{server_key.MISSING} Set it, or SERVER_KEY_PARAMETER, in .chalice/config.json or in the environment.")
    found = find_user(owner)
    with clear_errors():
        made, secret = application.create(
            credentials.new_id(),
            owner_id=found.user_id,
            name=name,
            redirect_uris=list(dict.fromkeys(uris)),
            profile=profile,
        )
    row = _application_row(made)
    if secret:
        shown = f"Client id:     {made.client_id}\nClient secret: {secret}\nThe secret is not shown again."
        operator.show({**row, "client_secret": secret}, sentence=shown)
    else:
        operator.show(row, sentence=f"Client id: {made.client_id}")


@applications.command("list")
@click.pass_obj
def applications_list(operator: Operator) -> None:
    """List all applications."""
    with clear_errors():
        rows = [_application_row(found) for found in application.all_applications()]
    operator.show(sorted(rows, key=lambda row: str(row["name"])))


@applications.command("rotate-secret")
@click.argument("client_id")
@click.pass_obj
def applications_rotate_secret(operator: Operator, client_id: str) -> None:
    """Make a new secret; the old one stops at once."""
    with clear_errors(f"There is no application {client_id} that has a secret."):
        secret = application.rotate_secret(client_id)
    operator.show(
        {"client_id": client_id, "client_secret": secret},
        sentence=f"Client secret: {secret}\nThe old one has stopped; this one is not shown again.",
    )


@applications.command("disable")
@click.argument("client_id")
@click.pass_obj
def applications_disable(operator: Operator, client_id: str) -> None:
    """Refuse an application's secret and all its tokens from the next request on."""
    with clear_errors(f"There is no application {client_id}."):
        application.disable(client_id)
    operator.show({"client_id": client_id, "active": False}, sentence=f"Disabled the application {client_id}.")


def _application_row(found: Application) -> dict[str, Any]:
    return {
        "client_id": found.client_id,
        "name": found.name,
        "redirect_uris": list(found.redirect_uris),
        "active": found.active,
    }
