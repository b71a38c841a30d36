"""`manage.py grants`: what users have allowed applications."""

from __future__ import annotations

import click

from chalicelib.models import consent, grant
from infra.commands import Destructive, Group, Operator, clear_errors, each
from infra.commands.applications import find_application

_ROUNDS = 5


@click.group(cls=Group)
def grants() -> None:
    """End what users have allowed applications."""


@grants.command("end", cls=Destructive)
@click.option("--client", "client_id", required=True, metavar="ID", help="The application whose grants end.")
@click.pass_obj
def grants_end(operator: Operator, client_id: str) -> None:
    """End everything that users have allowed an application. They have to connect it again.

    Everything ends in the first write, including codes and device requests that are not exchanged yet. The deletion
    that follows only cleans up. It finds the grants by an index that lags a moment, so it repeats until none is left.
    """
    found = find_application(client_id)
    client_id = found.public_id
    stored_id = str(found.client_id)  # the id in its grants
    with clear_errors(f"There is no application {client_id}."):
        users = grant.users_of(stored_id)
        would = f"end everything that {len(users)} users have allowed {client_id}"
        if not operator.may(would, about=[client_id], users=len(users)):
            return
        consent.end_all(client_id)
        ended: set[str] = set()
        for _ in range(_ROUNDS):
            left = grant.users_of(stored_id) - ended
            for user_id in each(sorted(left), "Ending grants"):
                grant.take_back(user_id, stored_id)
            ended |= left
            if not left:
                break
    sentence = f"Ended everything that users had allowed {client_id}. {len(ended)} users had grants."
    operator.show({"client_id": client_id, "users": len(ended)}, sentence=sentence)
