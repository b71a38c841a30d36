"""The operator's commands: users, organizers, applications and tables of one stage.

Run as `.venv/bin/python manage.py --stage local users list`. Errors are one line on stderr and exit code 2.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import click

ROOT = Path(__file__).resolve().parent
LOCAL_RUN = ROOT / ".local" / "run.json"
CONFIG = ROOT / ".chalice" / "config.json"

Row = Mapping[str, Any]


class Operator:
    """What every command shares. as_json: print one JSON value on stdout, and nothing else."""

    def __init__(self, stage: str, as_json: bool) -> None:
        self.stage = stage
        self.as_json = as_json

    def show(self, value: Row | Iterable[Row], *, sentence: str = "") -> None:
        """The result: JSON where that was asked for, else a sentence, or a line for each row."""
        if self.as_json:
            click.echo(json.dumps(value if isinstance(value, Mapping) else list(value), ensure_ascii=False))
        elif sentence:
            click.echo(sentence)
        else:
            for row in [value] if isinstance(value, Mapping) else value:
                click.echo("  ".join(_plain(part) for part in row.values()))


def fail(message: str) -> NoReturn:
    raise click.UsageError(message)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--stage", required=True, help="The stage to work on: local, or one of .chalice/config.json.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object or list, and nothing else.")
@click.pass_context
def cli(context: click.Context, stage: str, as_json: bool) -> None:
    """Look after a stage of Lanyard."""
    if context.resilient_parsing or any(word in ("-h", "--help") for word in sys.argv):
        return
    os.environ.update(_environment(stage))
    context.obj = Operator(stage, as_json)


def _environment(stage: str) -> dict[str, str]:
    """The environment of a stage: from .chalice/config.json, and for the local one from what `make run` started."""
    stages = json.loads(CONFIG.read_text(encoding="utf-8"))["stages"]
    if stage not in stages:
        fail(f"There is no stage {stage!r} in .chalice/config.json; there are: {', '.join(sorted(stages))}.")
    environment = {"LANYARD_STAGE": stage, **stages[stage].get("environment_variables", {})}
    if stage == "local" and not os.environ.get("AWS_ENDPOINT_URL_DYNAMODB"):
        if not LOCAL_RUN.exists():
            fail("The local stage is not running. Start it in another terminal: make run")
        environment.update(json.loads(LOCAL_RUN.read_text(encoding="utf-8")))
    return environment


@contextmanager
def _clear_errors(refused: str = "That was refused by the store.") -> Iterator[None]:
    """What the store says, as one line. refused: what it means here when a condition does not hold."""
    from chalicelib.models.store import ConditionFailed, StoreUnavailable

    try:
        yield
    except ConditionFailed:
        fail(refused)
    except StoreUnavailable as error:
        fail(f"DynamoDB cannot be used: {error.code}. Check the region, the credentials and that the tables exist.")


def _checked(check: Callable[[str], Any], value: str, option: str) -> Any:
    """The value as `check` gives it back; its complaint as a line that names the option."""
    try:
        return check(value) or value
    except ValueError as error:
        fail(f"{option}: {value!r} {error}.")


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "active" if value else "disabled"
    return ", ".join(value) if isinstance(value, list) else str(value)


# -- users -------------------------------------------------------------------------------------------------------------


@cli.group()
def users() -> None:
    """People who can sign in."""


@users.command("create")
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
    from chalicelib import names
    from chalicelib.models import user

    fullname = _checked(names.check_name, fullname, "--fullname")
    email = _checked(names.check_email, email, "--email")
    _checked(names.check_locale, locale, "--locale")
    _checked(names.check_timezone, timezone, "--timezone")
    password = _read_password(password_stdin)
    with _clear_errors(f"There is already a user with the address {email}."):
        made = user.create(email=email, password=password, fullname=fullname, locale=locale, timezone=timezone)
    operator.show(_user_row(made), sentence=f"Created the user {made.email}.")


@users.command("disable")
@click.argument("email")
@click.pass_obj
def users_disable(operator: Operator, email: str) -> None:
    """Refuse a user's log-in, sessions and tokens from the next request on."""
    from chalicelib.models import user

    found = _find_user(email)
    with _clear_errors(f"The user {email} has been deleted meanwhile."):
        user.disable(found.user_id)
    operator.show({**_user_row(found), "active": False}, sentence=f"Disabled the user {found.email}.")


@users.command("list")
@click.pass_obj
def users_list(operator: Operator) -> None:
    """List all users."""
    from chalicelib.models import user

    with _clear_errors():
        rows = sorted((_user_row(found) for found in user.all_users()), key=lambda row: str(row["email"]))
    operator.show(rows)


def _read_password(from_stdin: bool) -> str:
    from chalicelib import names

    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        fail("Give the password on standard input, with --password-stdin.")
    try:
        names.check_password(password)
    except ValueError as error:
        fail(f"The password {error}.")
    return str(password)


def _find_user(email: str) -> Any:
    from chalicelib.models import user

    with _clear_errors():
        found = user.find_by_email(email)
    if found is None:
        fail(f"There is no user with the address {email}.")
    return found


def _user_row(found: Any) -> dict[str, Any]:
    return {
        "email": found.email,
        "fullname": found.fullname,
        "locale": found.locale,
        "timezone": found.timezone,
        "organizers": sorted(found.organizers),
        "active": found.active,
        "user_id": found.user_id,
    }


# -- organizers --------------------------------------------------------------------------------------------------------


@cli.group()
def organizers() -> None:
    """Tenants, and who belongs to them."""


@organizers.command("create")
@click.option("--slug", required=True)
@click.option("--name", required=True)
@click.pass_obj
def organizers_create(operator: Operator, slug: str, name: str) -> None:
    """Create an organizer."""
    from chalicelib import names
    from chalicelib.models import organizer

    name = _checked(names.check_name, name, "--name")
    _checked(organizer.check_slug, slug, "--slug")
    with _clear_errors(f"There is already an organizer {slug}."):
        organizer.create(slug, name)
    operator.show({"slug": slug, "name": name}, sentence=f"Created the organizer {slug}.")


@organizers.command("add-member")
@click.argument("slug")
@click.argument("email")
@click.pass_obj
def organizers_add_member(operator: Operator, slug: str, email: str) -> None:
    """Let a user belong to an organizer."""
    from chalicelib.models import user

    found = _find_user(email)
    with _clear_errors(f"There is no organizer {slug}."):
        user.add_member(found.user_id, slug)
    operator.show({"slug": slug, "email": found.email}, sentence=f"{found.email} now belongs to {slug}.")


@organizers.command("remove-member")
@click.argument("slug")
@click.argument("email")
@click.pass_obj
def organizers_remove_member(operator: Operator, slug: str, email: str) -> None:
    """Take a user out of an organizer; counts for every token from the next request on."""
    from chalicelib.models import user

    found = _find_user(email)
    if slug not in found.organizers:
        fail(f"{found.email} does not belong to {slug}.")
    with _clear_errors(f"The user {email} has been deleted meanwhile."):
        user.remove_member(found.user_id, slug)
    operator.show({"slug": slug, "email": found.email}, sentence=f"{found.email} no longer belongs to {slug}.")


# -- applications ------------------------------------------------------------------------------------------------------


@cli.group()
def applications() -> None:
    """OAuth clients."""


@applications.command("create")
@click.option("--owner", required=True, metavar="EMAIL")
@click.option("--name", required=True)
@click.option("--redirect-uri", "uris", required=True, multiple=True, help="May be given more than once.")
@click.pass_obj
def applications_create(operator: Operator, owner: str, name: str, uris: tuple[str, ...]) -> None:
    """Register an application. Its secret is printed this once."""
    from chalicelib import credentials, names
    from chalicelib.models import application
    from chalicelib.protocol import redirect_uris

    name = _checked(names.check_name, name, "--name")
    for uri in uris:
        _checked(redirect_uris.check_registrable, uri, "--redirect-uri")
    found = _find_user(owner)
    with _clear_errors():
        made, secret = application.create(
            credentials.new_id(), owner_id=found.user_id, name=name, redirect_uris=list(dict.fromkeys(uris))
        )
    operator.show(
        {**_application_row(made), "client_secret": secret},
        sentence=f"Client id:     {made.client_id}\nClient secret: {secret}\nThe secret is not shown again.",
    )


@applications.command("list")
@click.pass_obj
def applications_list(operator: Operator) -> None:
    """List all applications."""
    from chalicelib.models import application

    with _clear_errors():
        rows = [_application_row(found) for found in application.all_applications()]
    operator.show(sorted(rows, key=lambda row: str(row["name"])))


@applications.command("rotate-secret")
@click.argument("client_id")
@click.pass_obj
def applications_rotate_secret(operator: Operator, client_id: str) -> None:
    """Make a new secret; the old one stops at once."""
    from chalicelib.models import application

    with _clear_errors(f"There is no application {client_id}."):
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
    from chalicelib.models import application

    with _clear_errors(f"There is no application {client_id}."):
        application.disable(client_id)
    operator.show({"client_id": client_id, "active": False}, sentence=f"Disabled the application {client_id}.")


def _application_row(found: Any) -> dict[str, Any]:
    return {
        "client_id": found.client_id,
        "name": found.name,
        "redirect_uris": list(found.redirect_uris),
        "active": found.active,
    }


# -- tables ------------------------------------------------------------------------------------------------------------


@cli.group()
def tables() -> None:
    """The DynamoDB tables."""


@tables.command("create")
@click.pass_obj
def tables_create(operator: Operator) -> None:
    """Create the tables that are missing, with their TTLs."""
    from infra import tables

    with _clear_errors(), _aws_errors():
        created = list(tables.create_all())
    operator.show(
        [{"table": name} for name in created],
        sentence="\n".join(f"Created {name}" for name in created) or "All tables are there.",
    )


@tables.command("describe")
@click.pass_obj
def tables_describe(operator: Operator) -> None:
    """Show each table's state, keys, indexes and TTL attribute."""
    from infra import tables

    with _clear_errors(), _aws_errors():
        rows = list(tables.describe_all())
    operator.show(rows)


@contextmanager
def _aws_errors() -> Iterator[None]:
    """What AWS refuses while tables are made, as one line."""
    from botocore.exceptions import BotoCoreError, ClientError
    from pynamodb.exceptions import PynamoDBException

    try:
        yield
    except (PynamoDBException, BotoCoreError, ClientError) as error:
        fail(f"DynamoDB cannot be used: {str(error).splitlines()[0]}")


def main() -> None:
    """Run a command; whatever the operator has to mend is one line on stderr and exit code 2."""
    try:
        cli(standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(2)
    except click.ClickException as error:
        click.echo(f"Error: {error.format_message()}", err=True)
        sys.exit(2)
    except click.Abort:
        click.echo("Stopped.", err=True)
        sys.exit(130)


if __name__ == "__main__":
    main()
