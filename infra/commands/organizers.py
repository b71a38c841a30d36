"""`manage.py organizers`: tenants, and who belongs to them."""

from __future__ import annotations

from contextlib import suppress

import click

from chalicelib import names
from chalicelib.models import application, application_access, organizer, user
from chalicelib.models.store import ConditionFailed
from infra.commands import Change, Destructive, Group, Listing, Operator, checked, clear_errors, each, fail
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
    if _exists(slug):
        fail(f"There is already an organizer {slug}.")
    if _is_taken(slug):
        fail(f"The slug {slug} was an organizer's that was deleted, and can be no other's. Choose another one.")
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


@organizers.command("delete", cls=Destructive)
@click.argument("slug")
@click.pass_obj
def organizers_delete(operator: Operator, slug: str) -> None:
    """Delete an organizer, and take everybody out of it; its slug can never be used again.

    Lanyard's own API opens it to no token from the next request on. Other APIs, which go by introspection or by the
    authorizer, are told of it until the token's user is taken out, or the application whose own token it is: these are
    found by reading both tables whole. Where that is cut off, the command says so and ends with an error. Run it again
    until it ends well; then nobody is left.
    """
    with clear_errors():
        if not _is_taken(slug):
            fail(f"There is no organizer {slug}.")
    if not operator.may(f"delete the organizer {slug}", about=[slug]):
        return
    cut_off = f"Not finished: users may still belong to {slug}, and other APIs are told so. Run this command again."
    with clear_errors(cut_off=cut_off):
        with suppress(ConditionFailed):  # deleted before
            organizer.delete(slug)
        members = [found for found in user.all_users() if slug in found.organizers]
        for found in each(members, "Taking users out of it"):
            with suppress(ConditionFailed):  # erased meanwhile
                user.remove_member(found.user_id, slug)
        for owning in application.all_applications():
            if slug in (owning.own_organizers or ()):
                with suppress(ConditionFailed):  # deleted meanwhile
                    application_access.take_organizer(str(owning.client_id), slug)
    operator.show(
        {"slug": slug, "members": len(members)}, sentence=f"Deleted {slug}, which had {len(members)} members."
    )


def _exists(slug: str) -> bool:
    with clear_errors():
        return organizer.get(slug) is not None


def _is_taken(slug: str) -> bool:
    with clear_errors():
        return organizer.is_taken(slug)
