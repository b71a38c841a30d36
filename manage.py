"""The operator's commands: `.venv/bin/python manage.py --stage local users list`, and `--help` for the others.

Errors are one line on stderr and exit code 2.
"""

from __future__ import annotations

import functools
import json
import os
import sys
from pathlib import Path

import click

from chalicelib import settings
from infra.commands import Operator
from infra.commands.applications import applications
from infra.commands.audit import audit
from infra.commands.check import check
from infra.commands.create_application import applications_create
from infra.commands.fapi import applications_hold_to_fapi
from infra.commands.grants import grants
from infra.commands.import_applications import applications_import
from infra.commands.keys import keys
from infra.commands.members import organizers_reindex
from infra.commands.organizers import organizers
from infra.commands.owners import applications_owners, applications_transfer
from infra.commands.pairwise import applications_use_pairwise
from infra.commands.permissions import catalogues
from infra.commands.recent_requests import applications_requests
from infra.commands.registration import registration
from infra.commands.tables import tables
from infra.commands.users import users
from infra.commands.verification import applications_verify
from infra.laptop import local
from infra.terminal import printable

applications.add_command(applications_create)
applications.add_command(applications_hold_to_fapi)
applications.add_command(applications_use_pairwise)
applications.add_command(applications_import)
organizers.add_command(organizers_reindex)
applications.add_command(applications_owners)
applications.add_command(applications_requests)
applications.add_command(applications_transfer)
applications.add_command(applications_verify)
ROOT = Path(__file__).resolve().parent
CONFIG = ROOT / ".chalice" / "config.json"


@click.group(
    commands=[applications, audit, catalogues, check, grants, keys, organizers, registration, tables, users],
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("--stage", help="The stage to work on: local, or another stage of .chalice/config.json.")
@click.pass_context
def cli(context: click.Context, stage: str | None) -> None:
    """Manage a stage of Lanyard."""
    context.obj = Operator(functools.partial(_enter, stage))


def main() -> None:
    """Run a command. An error that the operator can fix is one line on stderr and exit code 2."""
    try:
        cli(standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(2)
    except click.ClickException as error:
        click.echo(printable(f"Error: {error.format_message()}"), err=True)
        sys.exit(2)
    except click.Abort:
        click.echo("Stopped.", err=True)
        sys.exit(130)


def _enter(stage: str | None) -> None:
    """Let this process work with the settings and the store of a stage."""
    if not stage:
        raise click.UsageError("Missing option '--stage': local, or another stage of .chalice/config.json.")
    os.environ.update(_environment(stage))
    try:
        settings.load(os.environ)
    except settings.SettingsError as error:
        raise click.UsageError(str(error)) from error


def _environment(stage: str) -> dict[str, str]:
    """The environment of a stage, from .chalice/config.json. The local stage's also comes from `make run`."""
    stages = json.loads(CONFIG.read_text(encoding="utf-8"))["stages"]
    if stage not in stages:
        raise click.UsageError(f"There is no stage {stage!r} in .chalice/config.json. Its stages: {', '.join(stages)}.")
    environment = {"LANYARD_STAGE": stage, **stages[stage].get("environment_variables", {})}
    if stage == "local" and not os.environ.get("AWS_ENDPOINT_URL_DYNAMODB"):
        if not local.is_running():
            raise click.UsageError("The local stage is not running. Start it in another terminal: make run")
        environment.update(json.loads(local.RUN.read_text(encoding="utf-8")))
    return environment


if __name__ == "__main__":
    main()
