"""`manage.py check URL`: the whole connect flow at a URL, including headers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import click

from chalicelib import credentials, settings
from chalicelib.models import application, application_deletion, organizer, user
from infra.commands import Change, Operator, clear_errors, erasure, fail, output
from infra.rehearsal.connect_check import CALLBACK, Account, CheckFailed, ConnectTo, Visit


@dataclass(frozen=True)
class _Guests:
    """The ids of the user, organizer and application that exist only while the check runs."""

    slug: str = field(default_factory=lambda: f"lanyard-check-{credentials.new_serial().lower()}")
    user_id: str = field(default_factory=credentials.new_id)
    client_id: str = field(default_factory=credentials.new_id)


@click.command(cls=Change)
@click.argument("url")
@click.option(
    "--connect-to", metavar="URL", help="Connect to this address instead, for example before the DNS record exists."
)
@click.option("--host", help="With --connect-to: the Host header to send, if it is not that of URL.")
@click.pass_obj
def check(operator: Operator, url: str, connect_to: str | None, host: str | None) -> None:
    """Go through the whole connect flow at URL, and check each response and its headers.

    Creates a user, an organizer and an application, and deletes them afterwards. The audit names them, because they
    remain if the command is killed.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        fail(f"URL: {url!r} is not a URL such as https://connect.example.com/")
    guests = _Guests()
    would = f"create a user, an organizer and an application, connect them at {url}, and delete them"
    if not operator.may(would, about=[guests.slug, guests.user_id, guests.client_id], detail=parts.hostname):
        return
    adapter = ConnectTo(connect_to.rstrip("/"), host or parts.netloc) if connect_to else None
    results: list[str] = []

    def say(line: str) -> None:
        results.append(line)
        if not operator.as_json:
            output.say(f"ok  {line}")

    try:
        with clear_errors(), _temporary_account(guests) as account:
            Visit(url, account, say, has_gateway=not settings.SETTINGS.is_local, adapter=adapter).run()
    except CheckFailed as error:
        fail(f"{url}: {error}.")
    operator.show({"url": url, "checked": results}, sentence="All checks passed.")


@contextmanager
def _temporary_account(guests: _Guests) -> Iterator[Account]:
    slug, client_id = guests.slug, guests.client_id
    email, password = f"{slug}@check.invalid", credentials.new_id() + credentials.new_id()
    made = user.create(
        user_id=guests.user_id, email=email, password=password, fullname="Lanyard check", locale="en", timezone="UTC"
    )
    try:
        organizer.create(slug, "Lanyard check")
        user.add_member(guests.user_id, slug)
        _, secret = application.create(
            client_id, owner_id=guests.user_id, name="Lanyard check", redirect_uris=[CALLBACK]
        )  # fmt: skip
        try:
            yield Account(email, password, slug, client_id, secret)
        finally:
            application_deletion.forget(
                client_id
            )  # no tombstone: nobody else has seen it, and a check may run every few minutes
    finally:
        for _, step in erasure.steps(made):
            step()
        organizer.forget(slug)
