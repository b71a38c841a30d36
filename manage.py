"""The operator's commands: `.venv/bin/python manage.py --stage local users list`, and `--help` for the others.

Errors are one line on stderr and exit code 2.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path

import click

from infra.laptop import local
from infra.terminal import printable

ROOT = Path(__file__).resolve().parent
CONFIG = ROOT / ".chalice" / "config.json"
COMMANDS = ("applications", "audit", "check", "grants", "organizers", "registration", "tables", "users")


class Commands(click.Group):
    """Imports a command only when it runs, because the models read the stage's environment on import."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        if not {"-h", "--help"} & set(sys.argv):  # help needs no stage
            if not context.params.get("stage"):
                raise click.UsageError("Missing option '--stage': local, or another stage of .chalice/config.json.")
            os.environ.update(_environment(context.params["stage"]))
        try:
            from infra import commands

            command: click.Command = getattr(importlib.import_module(f"infra.commands.{name}"), name)
        except ValueError as error:  # the stage has an invalid setting
            raise click.UsageError(str(error)) from error
        context.obj = context.obj or commands.Operator()
        return command


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--stage", help="The stage to work on: local, or another stage of .chalice/config.json.")
def cli(stage: str | None) -> None:
    """Manage a stage of Lanyard."""


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
