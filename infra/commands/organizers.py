"""`manage.py organizers`: tenants, and who belongs to them."""

from __future__ import annotations

import click

from chalicelib import names
from chalicelib.models import organizer, user
from infra.commands import Change, Group, Listing, Operator, checked, clear_errors, fail
from infra.commands.users import find_user


@click.group(cls=Group)
def organizers() -> None:
    """Tenants, and who belongs to them."""


@organizers.command("create", cls=Change)
@click.option("--slug", required=True)
@click.option("--name", required=True)
@click.pass_obj
def organizers_create(operator: Operator, slug: str, name: str) -> None:
    """Create an organizer."""
    name = checked(names.check_name, name, "--name")
    checked(organizer.check_slug, slug, "--slug")
    if operator.is_dry and _exists(slug):
        fail(f"There is already an organizer {slug}.")
    if not operator.may(f"create the organizer {slug}", about=[slug]):
        return
    with clear_errors(f"There is already an organizer {slug}."):
        organizer.create(slug, name)
    operator.show({"slug": slug, "name": name}, sentence=f"Created the organizer {slug}.")


@organizers.command("list", cls=Listing)
@click.option("--name", "part", default="", metavar="TEXT", help="Only names and slugs that contain this.")
@click.pass_obj
def organizers_list(operator: Operator, limit: int | None, after: str | None, part: str) -> None:
    """List organizers. Their members: users list --organizer SLUG."""
    part = part.casefold()
    rows = (
        {"slug": found.slug, "name": found.name}
        for found in organizer.all_organizers(after=after)
        if part in found.slug or part in found.name.casefold()
    )
    with clear_errors():
        operator.show_page(rows, limit=limit, key="slug", order="slug")


@organizers.command("add-member", cls=Change)
@click.argument("slug")
@click.argument("email")
@click.pass_obj
def organizers_add_member(operator: Operator, slug: str, email: str) -> None:
    """Let a user belong to an organizer."""
    found = find_user(email)
    if operator.is_dry and not _exists(slug):
        fail(f"There is no organizer {slug}.")
    if not operator.may(f"let {found.email} belong to {slug}", about=[slug, found.user_id]):
        return
    with clear_errors(f"There is no organizer {slug}."):
        user.add_member(found.user_id, slug)
    operator.show({"slug": slug, "email": found.email}, sentence=f"{found.email} now belongs to {slug}.")


@organizers.command("remove-member", cls=Change)
@click.argument("slug")
@click.argument("email")
@click.pass_obj
def organizers_remove_member(operator: Operator, slug: str, email: str) -> None:
    """Take a user out of an organizer; counts for every token from the next request on."""
    found = find_user(email)
    if slug not in found.organizers:
        fail(f"{found.email} does not belong to {slug}.")
    if not operator.may(f"take {found.email} out of {slug}", about=[slug, found.user_id]):
        return
    with clear_errors(f"The user {email} has been deleted meanwhile."):
        user.remove_member(found.user_id, slug)
    operator.show({"slug": slug, "email": found.email}, sentence=f"{found.email} no longer belongs to {slug}.")


def _exists(slug: str) -> bool:
    with clear_errors():
        return organizer.get(slug) is not None
