"""`manage.py users`: people who can sign in."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from chalicelib import names
from chalicelib.accounts import passwords
from chalicelib.models import security_event, session, user, user_organizers, user_password
from chalicelib.models.user import User
from infra.commands import (
    Change,
    Destructive,
    Group,
    Listing,
    Operator,
    Recorded,
    checked,
    clear_errors,
    each,
    erasure,
    fail,
    import_users,
)
from infra.imports import people
from infra.imports.records import FileProblem


@click.group(cls=Group)
def users() -> None:
    """Manage the people who can sign in."""


@users.command("create", cls=Change)
@click.option("--email", required=True)
@click.option("--fullname", required=True)
@click.option("--locale", default="en", show_default=True, help="A language, such as en or de.")
@click.option("--timezone", default="UTC", show_default=True, help="An IANA name, such as Europe/Berlin.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input, one line.")
@click.pass_obj
def users_create(
    operator: Operator, email: str, fullname: str, locale: str, timezone: str, password_stdin: bool
) -> None:
    """Create a user."""
    fullname = checked(names.check_name, fullname, "--fullname")
    email = checked(names.check_email, email, "--email")
    checked(names.check_locale, locale, "--locale")
    checked(names.check_timezone, timezone, "--timezone")
    password = _read_password(password_stdin, about=[email, fullname])
    if operator.is_dry and _is_taken(email):
        fail(f"There is already a user with the address {email}.")
    if not operator.may(f"create the user {email}"):
        return
    with clear_errors(f"There is already a user with the address {email}."):
        made = user.create(email=email, password=password, fullname=fullname, locale=locale, timezone=timezone)
    operator.made.append(str(made.user_id))
    operator.show(_user_row(made), sentence=f"Created the user {made.email}.")


@users.command("import", cls=Change)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--user-model",
    metavar="LABEL",
    help=f"Django's model of people, such as shop.account, beside {' and '.join(people.DJANGO_MODELS)}.",
)
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    help="A new file: a JSON line for each record that was left out or changed, or whose address was there already.",
)
@click.pass_obj
def users_import(operator: Operator, file: Path, user_model: str | None, report: Path | None) -> None:
    """Import the accounts of another system, with their password hashes.

    FILE has a JSON object a line, or is what Django's dumpdata wrote: docs/platform/import.md. An account that is there
    already stays as it is, so an interrupted import goes on when you run it again.
    """
    models = (*people.DJANGO_MODELS, *([user_model.lower()] if user_model else []))
    cut_off = "The import is not finished. Run it again to go on."
    try:
        with clear_errors(cut_off=cut_off):
            import_users.run(operator, file, models=models, report_path=report)
    except FileProblem as error:
        fail(str(error))


@users.command("disable", cls=Change)
@click.argument("email")
@click.pass_obj
def users_disable(operator: Operator, email: str) -> None:
    """Refuse a user's sign-in, sessions and tokens, from the next request."""
    found = find_user(email)
    if not operator.may(f"disable the user {found.email}", about=[found.user_id]):
        return
    with clear_errors(f"The user {email} has been deleted in the meantime."):
        user.disable(found.user_id)
        session.tell_of_all(str(found.user_id))
    operator.show({**_user_row(found), "active": False}, sentence=f"Disabled the user {found.email}.")


@users.command("enable", cls=Change)
@click.argument("email")
@click.pass_obj
def users_enable(operator: Operator, email: str) -> None:
    """Enable a user who was disabled."""
    found = find_user(email)
    if not operator.may(f"enable the user {found.email}", about=[found.user_id]):
        return
    with clear_errors(f"The user {email} has been deleted in the meantime."):
        user.enable(found.user_id)
    operator.show({**_user_row(found), "active": True}, sentence=f"Enabled the user {found.email}.")


@users.command("set-password", cls=Destructive)
@click.argument("email")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input, one line.")
@click.pass_obj
def users_set_password(operator: Operator, email: str, password_stdin: bool) -> None:
    """Set a user's password and end all their sessions, for a stage that sends no email."""
    found = find_user(email)
    password = _read_password(password_stdin, about=[found.email, found.fullname])
    would = f"set the password of {found.email}, and end their sessions"
    if not operator.may(would, about=[found.user_id]):
        return
    with clear_errors(f"The user {email} is disabled, or somebody else changed the password."):
        user_password.change_password(found, password)
        session.clear_away(found)
        security_event.record(found.user_id, security_event.Kind.PASSWORD_SET_BY_OPERATOR)
    operator.show(_user_row(found), sentence=f"Set the password of {found.email} and ended their sessions.")


@users.command("list", cls=Listing)
@click.option("--email", "part", default="", metavar="TEXT", help="Only email addresses that contain TEXT.")
@click.option("--organizer", "slug", metavar="SLUG", help="Only members of this organizer.")
@click.option("--active/--disabled", "is_active", default=None, help="Only active or only disabled ones.")
@click.pass_obj
def users_list(
    operator: Operator, limit: int | None, after: str | None, part: str, slug: str | None, is_active: bool | None
) -> None:
    """List users."""
    part = part.casefold()
    rows = (
        _user_row(found)
        for found in user.all_users(after=after)
        if part in found.email.casefold()
        and (slug is None or slug in user_organizers.among(found, [slug]))
        and (is_active is None or found.active == is_active)
    )
    with clear_errors():
        operator.show_page(rows, limit=limit, key="user_id", order="email")


@users.command("export", cls=Recorded)
@click.argument("email")
@click.pass_obj
def users_export(operator: Operator, email: str) -> None:
    """Print everything stored about a user as one JSON object, for a data access request."""
    found = find_user(email)
    operator.record(str(found.user_id))
    with clear_errors():
        kept = erasure.export(found)
    operator.as_json = True
    operator.show(kept)


@users.command("erase", cls=Destructive)
@click.argument("email")
@click.pass_obj
def users_erase(operator: Operator, email: str) -> None:
    """Erase a user and everything stored about them.

    Sign-in, sessions and tokens end first; the account and its email address go last. If the command is interrupted,
    run it again to finish.
    """
    found = find_user(email)
    with clear_errors():
        steps = erasure.steps(found)
        items, others = erasure.counts(steps), erasure.connections_of_others(steps)
        listed = ", ".join(f"{number} in {table}" for table, number in items.items())
        listed += f", and {others} of other users' connections" if others else ""
        row: dict[str, Any] = {"items": items, "connections_of_others": others}
        if not operator.may(f"erase {found.email}: {listed}", about=[found.user_id], **row):
            return
        for _, step in each(steps, "Erasing"):
            step()
    operator.show({"email": found.email, **row}, sentence=f"Erased the user {found.email}: {listed}.")


def _is_taken(email: str) -> bool:
    with clear_errors():
        return user.find_by_email(email) is not None


def _read_password(from_stdin: bool, *, about: list[str]) -> str:
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        fail("Pass the password on standard input, with --password-stdin.")
    try:
        passwords.check(password, about=about)
    except ValueError as error:
        fail(f"The password {error}.")
    return str(password)


def find_user(email: str) -> User:
    """The user. Ends the command if there is none."""
    with clear_errors():
        found = user.find_by_email(email)
    if found is None:
        fail(f"There is no user with the address {email}.")
    return found


def _user_row(found: User) -> dict[str, Any]:
    return {
        "email": found.email,
        "fullname": found.fullname,
        "locale": found.locale,
        "timezone": found.timezone,
        "organizers": sorted(user_organizers.of(found)),
        "active": found.active,
        "user_id": found.user_id,
    }
