"""`manage.py grants`: what users have allowed applications."""

from __future__ import annotations

import click

from chalicelib.models import consent, grant
from infra.commands import Destructive, Group, Operator, clear_errors, each
from infra.commands.applications import find_application

_ROUNDS = 5


@click.group(cls=Group)
def grants() -> None:
    """What users have allowed applications."""


@grants.command("end", cls=Destructive)
@click.option("--client", "client_id", required=True, metavar="ID", help="The application whose grants end.")
@click.pass_obj
def grants_end(operator: Operator, client_id: str) -> None:
    """End all that users have allowed an application: each of them has to connect it again.

    All of it ends in the first write, codes and devices' requests that are still to be exchanged included. Deleting the
    grants then tidies up. It finds them by an index that lags behind by a moment, so it looks again until none is left.
    """
    found = find_application(client_id)
    client_id = found.public_id
    stored_id = str(found.client_id)  # what its grants call it
    with clear_errors(f"There is no application {client_id}."):
        users = grant.users_of(stored_id)
        would = f"end what {len(users)} users have allowed {client_id}"
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
    sentence = f"Ended all that users had allowed {client_id}; {len(ended)} held grants."
    operator.show({"client_id": client_id, "users": len(ended)}, sentence=sentence)
