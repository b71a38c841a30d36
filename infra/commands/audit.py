"""`manage.py audit`: what operators did with these commands."""

from __future__ import annotations

import time

import click

from chalicelib.models import application, operator_event
from chalicelib.models.operator_event import Filter
from infra.commands import Listing, Operator, clear_errors


@click.command(cls=Listing)
@click.option(
    "--command", "words", default="", metavar="WORDS", help='Only these commands, such as "users" or "users erase".'
)
@click.option("--about", default="", metavar="ID", help="Only entries about this client id, user id or slug.")
@click.pass_obj
def audit(operator: Operator, limit: int | None, after: str | None, words: str, about: str) -> None:
    """List what operators did, newest first: who, when, which command, about what, and how it ended.

    Entries are kept for two years. An outcome that stays "started" means that the command was interrupted.
    """
    rows = (
        {
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(event.at)),
            "operator": event.operator,
            "command": event.command,
            "about": sorted(event.about or ()),
            "detail": event.detail,
            "outcome": event.outcome,
            "id": event.event_key,
        }
        for event in operator_event.newest(Filter(" ".join(words.split()), _ids_of(about)), after=after)
    )
    with clear_errors():
        operator.show_page(rows, limit=limit, key="id", order=None)


def _ids_of(about: str) -> frozenset[str]:
    """Every id under which the audit may have recorded this thing.

    An application that describes itself is recorded by its URL. Earlier versions recorded the id it is stored under.
    """
    if not about:
        return frozenset()
    with clear_errors():
        found = application.get(about)
    return frozenset({about, application.stored_id(about), *([found.public_id] if found else [])})
