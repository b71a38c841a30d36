"""The commands of manage.py, one file for each kind of thing that they manage.

This file has the command classes, which define the options and the audit entries. `operator` has what commands share,
and `output` prints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from chalicelib.models.operator_event import Outcome
from chalicelib.models.store import ConditionFailed, StoreUnavailable
from infra.commands.operator import Operator as Operator
from infra.commands.operator import fail as fail
from infra.commands.output import each as each
from infra.commands.output import progress as progress
from infra.commands.output import say


class Command(click.Command):
    """A command that takes --json. It enters the stage only once its words are understood: help needs none."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._add_flag("--json", "as_json", "Print only one JSON object or list.")

    def _add_flag(self, name: str, attribute: str, help_text: str) -> None:
        def keep(context: click.Context, _: click.Parameter, value: bool) -> None:
            if value:
                setattr(context.find_object(Operator), attribute, True)

        self.params.append(click.Option([name], is_flag=True, expose_value=False, callback=keep, help=help_text))

    def invoke(self, ctx: click.Context) -> Any:
        operator = ctx.find_object(Operator)
        assert operator is not None
        operator.enter_stage()
        return super().invoke(ctx)


class Listing(Command):
    """A command that lists items, with --limit and --after."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        limit_help = "How many to list. Default: 100, or all with --json."
        self.params.append(click.Option(["--limit"], type=click.IntRange(min=1), help=limit_help))
        self.params.append(click.Option(["--after"], metavar="ID", help="List what follows this ID: the next page."))


class Recorded(Command):
    """A command that is recorded in the audit when it begins and when it ends."""

    def invoke(self, ctx: click.Context) -> Any:
        operator = ctx.find_object(Operator)
        assert operator is not None
        operator.command = _words_of(ctx)
        try:
            answer = super().invoke(ctx)
        except BaseException:
            operator.conclude(Outcome.FAILED)
            raise
        operator.conclude(Outcome.DONE)
        return answer


class Change(Recorded):
    """A command that changes something, with --dry-run."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._add_flag("--dry-run", "is_dry", "Print what would be done, and change nothing.")


class Destructive(Change):
    """A change that cannot be undone. It asks first, unless --yes is given."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._add_flag("--yes", "is_sure", "Do not ask for confirmation.")

    def invoke(self, ctx: click.Context) -> Any:
        operator = ctx.find_object(Operator)
        assert operator is not None
        operator.asks = True
        return super().invoke(ctx)


class Group(click.Group):
    command_class = Command


@contextmanager
def clear_errors(refused: str = "The store refused this change.", *, cut_off: str = "") -> Iterator[None]:
    """Turn an error of the store into a one-line message.

    refused: the message if a condition does not hold. cut_off: what is left and what to do, if the store fails halfway
    or the operator presses Ctrl-C.
    """
    try:
        yield
    except ConditionFailed:
        fail(refused)
    except StoreUnavailable as error:
        reason = f"Cannot use DynamoDB: {error.code}. Check the region, the credentials and that the tables exist."
        fail(f"{reason} {cut_off}".rstrip())
    except KeyboardInterrupt:
        if cut_off:
            say(cut_off, to_stderr=True)
        raise


def checked(check: Callable[[str], Any], value: str, option: str) -> Any:
    """The value that `check` returns. Its error becomes a one-line message that names the option."""
    try:
        return check(value) or value
    except ValueError as error:
        fail(f"{option}: {value!r} {error}.")


def _words_of(context: click.Context) -> str:
    """The command's words without "manage.py", such as "users disable"."""
    words: list[str] = []
    current: click.Context | None = context
    while current is not None and current.parent is not None:
        words.insert(0, str(current.info_name))
        current = current.parent
    return " ".join(words)
