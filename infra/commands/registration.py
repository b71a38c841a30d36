"""`manage.py registration`: dynamic client registration."""

from __future__ import annotations

import click

from chalicelib import credentials, settings
from infra.commands import Group, Operator


@click.group(cls=Group)
def registration() -> None:
    """Set up dynamic client registration."""


@registration.command("new-token")
@click.pass_obj
def registration_new_token(operator: Operator) -> None:
    """Create an initial access token. Nothing is stored: put its digest into the stage's settings."""
    token = credentials.mint(credentials.Kind.INITIAL_ACCESS_TOKEN)
    digest = credentials.digest(token)
    operator.show(
        {"initial_access_token": token, "digest": digest},
        sentence=f"Token:  {token}\nDigest: {digest}\nSet REGISTRATION=token and REGISTRATION_TOKEN_DIGESTS={digest} "
        "for the stage. The token is not shown again.",
    )


@registration.command("show")
@click.pass_obj
def registration_show(operator: Operator) -> None:
    """Show the stage's REGISTRATION setting."""
    found = settings.SETTINGS
    row = {"registration": found.registration, "tokens": len(found.registration_token_digests)}
    operator.show(row, sentence=f"Registration is {found.registration}.")
