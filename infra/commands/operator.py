"""What all commands share: printing, asking for confirmation, and the audit."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NoReturn

import click

from chalicelib import settings
from chalicelib.models import operator_event
from chalicelib.models.operator_event import OperatorEvent, Outcome
from chalicelib.models.store import StoreUnavailable
from infra.commands import output
from infra.commands.output import Row
from infra.terminal import printable

PAGE = 100


def fail(message: str) -> NoReturn:
    """End with one line on stderr and exit code 2."""
    raise click.UsageError(message)


class Operator:
    """The person at the terminal, and the options they gave.

    as_json: print only one JSON value on stdout. is_dry: print what would be done, and change nothing. asks, is_sure:
    ask before a change that cannot be undone, unless --yes was given. command: its words. made: the ids of what the
    command created, for the audit. enter_stage: loads the settings of the stage that --stage names.
    """

    def __init__(self, enter_stage: Callable[[], None] = lambda: None) -> None:
        self.enter_stage = enter_stage
        self.as_json = False
        self.is_dry = False
        self.asks = False
        self.is_sure = False
        self.command = ""
        self.made: list[str] = []
        self._event: OperatorEvent | None = None

    def may(self, would: str, *, about: Sequence[str] = (), detail: str = "", **facts: Any) -> bool:
        """May the command act now? In a dry run, prints what would be done and returns False.

        A destructive command asks first. The command is recorded before it acts; if that fails, it does not act.

        would: reads after "Would ". about: the ids of what it acts on. detail: see `operator_event.start`. facts: more
        members of the JSON value.
        """
        if self.is_dry:
            self.say_only(would, **facts)
            return False
        if self.asks:
            self._ask(would)
        self.record(*about, detail=detail)
        return True

    def say_only(self, would: str, **facts: Any) -> None:
        """Print what the command would do, in a dry run."""
        self.show({"dry_run": True, "would": would, **facts}, sentence=f"Would {would}.")

    def record(self, *about: str, detail: str = "") -> None:
        """Record in the audit that this command begins. Ends the command if that fails."""
        try:
            self._event = operator_event.start(_who(), self.command, about, detail)
        except StoreUnavailable as error:
            missing = error.code == "ResourceNotFoundException"
            remedy = (
                "Its table is missing: run tables create, or deploy the tables' template." if missing else error.code
            )
            fail(f"Nothing was done, because the audit cannot be written. {remedy}")

    def conclude(self, outcome: Outcome) -> None:
        """Record in the audit how the command ended, if its beginning was recorded."""
        if self._event is None:
            return
        try:
            operator_event.finish(self._event, outcome, self.made)
        except StoreUnavailable as error:
            output.say(
                f"Warning: the end of this command could not be recorded in the audit: {error.code}.", to_stderr=True
            )

    def show(self, value: Row | Iterable[Row], *, sentence: str = "") -> None:
        """Print the result: as JSON if requested, otherwise the sentence, or a heading and a line for each row."""
        if self.as_json:
            output.say(output.as_json(value if isinstance(value, Mapping) else list(value)))
        elif sentence:
            output.say(sentence)
        else:
            for line in output.as_lines([value] if isinstance(value, Mapping) else list(value)):
                output.say(line)

    def show_page(self, rows: Iterator[Row], *, limit: int | None, key: str, order: str | None) -> None:
        """Print a page of rows, and on stderr how to get the next page, if there is one.

        rows: in the store's order, read as far as needed. key: the column that --after takes. order: the column to sort
        the page by, or None to keep the store's order.
        """
        size = limit or (None if self.as_json else PAGE)
        page = list(islice(rows, size))
        more = size is not None and next(rows, None) is not None
        self.show(sorted(page, key=lambda row: str(row[order]).casefold()) if order else page)
        if more:
            output.say(f"There are more. Next page: --after {page[-1][key]}", to_stderr=True)

    def _ask(self, would: str) -> None:
        if self.is_sure:
            return
        if not sys.stdin.isatty():
            fail(f"This would {would}. It cannot be undone. Add --yes to do it.")
        click.confirm(printable(f"This will {would}. It cannot be undone. Continue?"), abort=True, err=True)


def _who() -> str:
    """The operator's AWS identity, or their account name on the local stage."""
    try:
        account = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        account = "unknown"
    if settings.SETTINGS.is_local:
        return account
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    config = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 2})
    try:
        return str(boto3.client("sts", config=config).get_caller_identity()["Arn"])
    except (BotoCoreError, ClientError):
        return f"{account}, unknown to AWS"
