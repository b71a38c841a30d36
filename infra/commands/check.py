"""`manage.py check URL`: the whole connect flow against an address, headers included."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import click

from chalicelib import credentials, settings
from chalicelib.models import application, organizer, user
from infra import erasure
from infra.commands import Change, Operator, clear_errors, fail, output
from infra.visit import CALLBACK, Account, CheckFailed, ConnectTo, Visit


@click.command(cls=Change)  # it leaves nothing behind, so it has no line in the audit either
@click.argument("url")
@click.option("--connect-to", metavar="URL", help="Reach the address there: before its DNS record is made, say.")
@click.option("--host", help="With --connect-to: the Host header to send there, where it is not URL's.")
@click.pass_obj
def check(operator: Operator, url: str, connect_to: str | None, host: str | None) -> None:
    """Walk through the whole connect flow at URL, and check each answer and its headers.

    Makes a user, an organizer and an application for it, and takes them away again.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        fail(f"URL: {url!r} is not an address like https://connect.example.com/")
    if operator.is_dry:
        operator.say_only(f"make a user, an organizer and an application, connect them at {url}, and delete them")
        return
    adapter = ConnectTo(connect_to.rstrip("/"), host or parts.netloc) if connect_to else None
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        if not operator.as_json:
            output.say(f"ok  {line}")

    try:
        with clear_errors(), _guests() as account:
            Visit(url, account, say, has_gateway=not settings.SETTINGS.is_local, adapter=adapter).run()
    except CheckFailed as error:
        fail(f"{url}: {error}.")
    operator.show({"url": url, "checked": said}, sentence="All is as it should be.")


@contextmanager
def _guests() -> Iterator[Account]:
    """A user, an organizer and an application, there only as long as the check runs."""
    mark = credentials.new_serial().lower()
    email, password = f"lanyard-check-{mark}@check.invalid", credentials.new_id() + credentials.new_id()
    made = user.create(email=email, password=password, fullname="Lanyard check", locale="en", timezone="UTC")
    slug = f"lanyard-check-{mark}"
    try:
        organizer.create(slug, "Lanyard check")
        user.add_member(made.user_id, slug)
        client_id = credentials.new_id()
        _, secret = application.create(
            client_id, owner_id=made.user_id, name="Lanyard check", redirect_uris=[CALLBACK]
        )  # fmt: skip
        try:
            yield Account(email, password, slug, client_id, secret)
        finally:
            application.forget(client_id)  # nobody else has ever seen it, and a check may run every few minutes
    finally:
        for _, step in erasure.steps(made):
            step()
        organizer.forget(slug)
