"""`manage.py applications`: OAuth clients."""

from __future__ import annotations

from typing import Any

import click

from chalicelib import credentials, limits, permissions
from chalicelib.models import (
    application,
    application_access,
    application_edit,
    client_secret,
    organizer,
    store,
)
from chalicelib.models.application import Application
from chalicelib.models.user import User
from chalicelib.protocol.rules import resource_indicators, scopes
from infra.commands import Change, Destructive, Group, Listing, Operator, clear_errors, fail
from infra.commands.users import find_user


@click.group(cls=Group)
def applications() -> None:
    """Register and manage applications (OAuth clients)."""


@applications.command("list", cls=Listing)
@click.option("--name", "part", default="", metavar="TEXT", help="Only names that contain TEXT.")
@click.option("--owner", metavar="EMAIL", help="Only applications of this user.")
@click.option("--active/--disabled", "is_active", default=None, help="Only active or only disabled ones.")
@click.option("--chosen-id", is_flag=True, help="Only ids that the server did not create: see docs/deploy/upgrade.md.")
@click.pass_obj
def applications_list(
    operator: Operator,
    limit: int | None,
    after: str | None,
    part: str,
    owner: str | None,
    is_active: bool | None,
    chosen_id: bool,
) -> None:
    """List applications."""
    part, owner_id = part.casefold(), find_user(owner).user_id if owner else None
    rows = (
        application_row(found)
        for found in application.all_applications(after=after)
        if part in found.name.casefold()
        and owner_id in (None, found.owner_id)
        and (is_active is None or found.active == is_active)
        and (not chosen_id or _is_chosen(str(found.client_id)))
    )
    with clear_errors():
        operator.show_page(rows, limit=limit, key="client_id", order="name")


@applications.command("rotate-secret", cls=Destructive)
@click.argument("client_id")
@click.option(
    "--keep-old-hours",
    type=click.IntRange(0, limits.SECRET_OVERLAP_MAX_SECONDS // 3600),
    default=0,
    help="How long the old secret keeps working. By default it stops at once.",
)
@click.pass_obj
def applications_rotate_secret(operator: Operator, client_id: str, keep_old_hours: int) -> None:
    """Create a new secret. The old one stops working at once, unless you give --keep-old-hours."""
    found = find_application(client_id)
    client_id = found.public_id
    if not found.has_secret:
        fail(f"The application {client_id} has no secret.")
    operator.asks = not keep_old_hours
    old = f"keep the old one for {keep_old_hours} hours" if keep_old_hours else "end the old one"
    if not operator.may(f"create a new secret for {client_id} and {old}", about=[client_id]):
        return
    with clear_errors(f"The application {client_id} was changed at the same time. Look at it, then try again."):
        secret = _rotate(find_application(client_id), keep_old_seconds=keep_old_hours * 3600)
    old = f"works for {keep_old_hours} more hours" if keep_old_hours else "no longer works"
    operator.show(
        {"client_id": client_id, "client_secret": secret},
        sentence=f"Client secret: {secret}\nThe old one {old}. The new one is not shown again.",
    )


@applications.command("end-old-secret", cls=Destructive)
@click.argument("client_id")
@click.pass_obj
def applications_end_old_secret(operator: Operator, client_id: str) -> None:
    """End the previous secrets now instead of at their end dates."""
    client_id = find_application(client_id).public_id
    if not operator.may(f"end the previous secrets of {client_id}", about=[client_id]):
        return
    with clear_errors(f"There is no application {client_id}."):
        client_secret.end_older(client_id)
    operator.show({"client_id": client_id}, sentence="Only the current secret works now.")


@applications.command("serve-resource", cls=Change)
@click.argument("client_id")
@click.argument("resource")
@click.pass_obj
def applications_serve_resource(operator: Operator, client_id: str, resource: str) -> None:
    """Make an application the API of a resource. It may then introspect tokens for it."""
    registered = resource_indicators.registered(resource)
    if registered is None:
        places = "the stage's RESOURCES or its permission catalogue"
        fail(f"{resource!r} is not in {places}, so no client can request tokens for it. Add it there.")
    client_id = find_application(client_id).public_id
    if not operator.may(f"make {client_id} the API of {registered}", about=[client_id], detail=registered):
        return
    with clear_errors(f"There is no application {client_id}."):
        application_edit.serve_resource(client_id, registered)
    operator.show({"client_id": client_id, "resource": registered}, sentence=f"{client_id} is the API of {registered}.")


@applications.command("allow-own", cls=Change)
@click.argument("client_id")
@click.option("--scope", "allowed", multiple=True, help="May be repeated.")
@click.option("--organizer", "slugs", multiple=True, metavar="SLUG", help="May be repeated.")
@click.pass_obj
def applications_allow_own(
    operator: Operator, client_id: str, allowed: tuple[str, ...], slugs: tuple[str, ...]
) -> None:
    """Allow an application access without a user (client credentials). Without options, take it away.

    An application that registered or describes itself can get none.
    """
    known = scopes.without_users(scopes.of_application((*scopes.supported(), *permissions.ADMINISTRATIVE)))
    if unknown := sorted(set(allowed).difference(known)):
        fail(f"--scope: there is no {unknown[0]}; use one of {', '.join(known)}.")
    if bool(slugs) != scopes.need_organizers(allowed):
        fail(
            "Give at least one --scope and one --organizer, or neither to allow nothing. Only scopes that are not for "
            "organizers go without one."
        )
    found = find_application(client_id)
    client_id = found.public_id
    if not found.is_confidential:
        fail(f"The application {client_id} cannot authenticate, so it can do nothing without a user.")
    if allowed and found.registered_itself:
        fail(
            f"The application {client_id} registered itself, so nobody vouches for it. Use applications create instead."
        )
    with clear_errors(f"There is no application {client_id}."):
        missing = sorted(set(slugs) - {found.slug for found in organizer.get_all(slugs)})
        if missing:
            fail(f"There is no organizer {missing[0]}.")
        would = f"let {client_id} {' and '.join(sorted(allowed)) or 'do nothing'} without a user"
        if not operator.may(would, about=[client_id, *slugs], detail=" ".join(sorted(allowed)) or "nothing"):
            return
        application_access.allow(client_id, allowed, slugs)
    row = {"client_id": client_id, "own_scopes": sorted(allowed), "own_organizers": sorted(slugs)}
    operator.show(row, sentence=f"{client_id} may {' and '.join(sorted(allowed)) or 'do nothing'} without a user.")


@applications.command("disable", cls=Change)
@click.argument("client_id")
@click.pass_obj
def applications_disable(operator: Operator, client_id: str) -> None:
    """Refuse an application's secret and all its tokens, from the next request."""
    client_id = find_application(client_id).public_id
    if not operator.may(f"disable the application {client_id}", about=[client_id]):
        return
    with clear_errors(f"There is no application {client_id}."):
        application_edit.disable(client_id)
    operator.show({"client_id": client_id, "active": False}, sentence=f"Disabled the application {client_id}.")


@applications.command("enable", cls=Change)
@click.argument("client_id")
@click.pass_obj
def applications_enable(operator: Operator, client_id: str) -> None:
    """Enable an application that was disabled."""
    client_id = find_application(client_id).public_id
    if not operator.may(f"enable the application {client_id}", about=[client_id]):
        return
    with clear_errors(f"There is no application {client_id}."):
        application_edit.enable(client_id)
    operator.show({"client_id": client_id, "active": True}, sentence=f"Enabled the application {client_id}.")


def _rotate(found: Application, keep_old_seconds: int) -> str:
    try:
        return client_secret.rotate(found, keep_old_seconds=keep_old_seconds)[1]
    except client_secret.TooManySecrets:
        fail(f"{limits.OLDER_SECRETS_LIMIT} older secrets still work. End them first: applications end-old-secret.")


def _is_chosen(client_id: str) -> bool:
    """Is this an id that the server cannot have created, or also a user's id?"""
    return not credentials.is_id(client_id) or store.read(User.key(client_id))[0] is not None


def find_application(client_id: str) -> Application:
    """The application. Ends the command if there is none.

    Print and record its `public_id`, because one that describes itself or was imported is found by two ids.
    """
    with clear_errors():
        found = application.get(client_id)
    if found is None:
        fail(f"There is no application {client_id}.")
    return found


def application_row(found: Application) -> dict[str, Any]:
    return {
        "client_id": found.public_id,
        "name": found.name,
        "redirect_uris": list(found.redirect_uris),
        "active": found.active,
    }
