"""`manage.py organizers`: tenants and their members."""

from __future__ import annotations

from contextlib import suppress

import click

from chalicelib import names
from chalicelib.models import application, application_access, organizer, user, user_organizers
from chalicelib.models.store import ConditionFailed
from infra.commands import Change, Destructive, Group, Listing, Operator, checked, clear_errors, each, fail
from infra.commands.users import find_user


@click.group(cls=Group)
def organizers() -> None:
    """Manage tenants and their members."""


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
        fail(f"The slug {slug} belonged to a deleted organizer and cannot be used again. Choose another one.")
    if not operator.may(f"create the organizer {slug}", about=[slug]):
        return
    with clear_errors(f"There is already an organizer {slug}."):
        organizer.create(slug, name)
    operator.show({"slug": slug, "name": name}, sentence=f"Created the organizer {slug}.")


@organizers.command("list", cls=Listing)
@click.option("--name", "part", default="", metavar="TEXT", help="Only names and slugs that contain TEXT.")
@click.pass_obj
def organizers_list(operator: Operator, limit: int | None, after: str | None, part: str) -> None:
    """List organizers. To list members: users list --organizer SLUG."""
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
    """Add a user to an organizer."""
    found = find_user(email)
    if operator.is_dry and not _exists(slug):
        fail(f"There is no organizer {slug}.")
    if not operator.may(f"add {found.email} to {slug}", about=[slug, found.user_id]):
        return
    with clear_errors(f"There is no organizer {slug}."):
        user.add_member(found.user_id, slug)
    operator.show({"slug": slug, "email": found.email}, sentence=f"{found.email} now belongs to {slug}.")


@organizers.command("remove-member", cls=Change)
@click.argument("slug")
@click.argument("email")
@click.pass_obj
def organizers_remove_member(operator: Operator, slug: str, email: str) -> None:
    """Remove a user from an organizer. Affects every token from the next request."""
    found = find_user(email)
    if slug not in user_organizers.among(found, [slug]):
        fail(f"{found.email} does not belong to {slug}.")
    if not operator.may(f"remove {found.email} from {slug}", about=[slug, found.user_id]):
        return
    with clear_errors(f"The user {email} has been deleted in the meantime."):
        user.remove_member(found.user_id, slug)
    operator.show({"slug": slug, "email": found.email}, sentence=f"{found.email} no longer belongs to {slug}.")


@organizers.command("delete", cls=Destructive)
@click.argument("slug")
@click.pass_obj
def organizers_delete(operator: Operator, slug: str) -> None:
    """Delete an organizer and remove everybody from it. Its slug can never be used again.

    From the next request, no token gives access to it at Lanyard's own API. Introspection and the authorizer name it to
    other APIs until the token's user (or, for an application's own token, the application) is removed from it. The
    command finds these by reading both tables in full. If it is interrupted, it says so and ends with an error: run it
    again until it succeeds.
    """
    with clear_errors():
        if not _is_taken(slug):
            fail(f"There is no organizer {slug}.")
    if not operator.may(f"delete the organizer {slug}", about=[slug]):
        return
    cut_off = f"Not finished: users may still belong to {slug}, and other APIs learn of it. Run this command again."
    with clear_errors(cut_off=cut_off):
        with suppress(ConditionFailed):  # was already deleted
            organizer.delete(slug)
        members = [found for found in user.all_users() if slug in user_organizers.among(found, [slug])]
        for found in each(members, "Removing users"):
            with suppress(ConditionFailed):  # erased in the meantime
                user.remove_member(found.user_id, slug)
        for owning in application.all_applications():
            if slug in (owning.own_organizers or ()):
                with suppress(ConditionFailed):  # deleted in the meantime
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
