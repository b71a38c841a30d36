"""`manage.py grants`: what users have allowed applications."""

from __future__ import annotations

import click

from chalicelib.models import application, grant
from infra.commands import Destructive, Group, Operator, clear_errors, each, fail

_ROUNDS = 5


@click.group(cls=Group)
def grants() -> None:
    """What users have allowed applications."""


@grants.command("end", cls=Destructive)
@click.option("--client", "client_id", required=True, metavar="ID", help="The application whose grants end.")
@click.pass_obj
def grants_end(operator: Operator, client_id: str) -> None:
    """End all grants of an application: every user has to connect it anew.

    It finds them by an index that lags behind by a moment, so it looks again until nothing is left. Disable the
    application first where no new ones may come meanwhile.
    """
    with clear_errors():
        if application.get(client_id) is None:
            fail(f"There is no application {client_id}.")
        users = grant.users_of(client_id)
        would = f"end what {len(users)} users have allowed {client_id}"
        if not operator.may(would, about=[client_id], users=len(users)):
            return
        ended: set[str] = set()
        for _ in range(_ROUNDS):
            left = grant.users_of(client_id) - ended
            for user_id in each(sorted(left), "Ending grants"):
                grant.take_back(user_id, client_id)
            ended |= left
            if not left:
                break
    sentence = f"Ended what {len(ended)} users had allowed {client_id}."
    operator.show({"client_id": client_id, "users": len(ended)}, sentence=sentence)
