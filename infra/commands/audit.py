"""`manage.py audit`: what operators did with these commands."""

from __future__ import annotations

import time

import click

from chalicelib.models import operator_event
from chalicelib.models.operator_event import Filter
from infra.commands import Command, Operator, clear_errors


@click.command(cls=Command)
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many to list.")
@click.option("--command", "words", default="", metavar="WORDS", help='Only these, such as "users" or "users erase".')
@click.option("--about", default="", metavar="ID", help="Only those about this client id, user id or slug.")
@click.pass_obj
def audit(operator: Operator, limit: int, words: str, about: str) -> None:
    """List what operators did, newest first: who, when, which command, about what, and how it ended.

    Entries are kept for two years. An outcome that stays "started" means that the command was cut off.
    """
    with clear_errors():
        events = operator_event.newest(limit, Filter(" ".join(words.split()), about))
    operator.show(
        {
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(event.at)),
            "operator": event.operator,
            "command": event.command,
            "about": sorted(event.about or ()),
            "detail": event.detail,
            "outcome": event.outcome,
        }
        for event in events
    )
