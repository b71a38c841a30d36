"""`manage.py applications requests`: why an application's requests were refused."""

from __future__ import annotations

import time

import click

from chalicelib.models import recent_request
from chalicelib.protocol.clients import refusal_advice
from infra.commands import Command, Operator, clear_errors
from infra.commands.applications import find_application


@click.command("requests", cls=Command)
@click.argument("client_id")
@click.pass_obj
def applications_requests(operator: Operator, client_id: str) -> None:
    """List an application's last refused requests, newest first, and what to do. They are kept for seven days."""
    found = find_application(client_id)
    with clear_errors():
        lines = recent_request.newest_first(found.client_id)
    rows = [
        {
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(line.at)),
            "sender": line.sender,
            "endpoint": line.endpoint,
            "grant_type": line.grant_type,
            "error": line.error,
            "description": line.description,
            "sent_to": line.sent_to,
            "advice": refusal_advice.advice(line),
        }
        for line in lines
    ]
    operator.show(rows)
