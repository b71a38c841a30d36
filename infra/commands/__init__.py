"""The operator's commands, a file for each thing they look after; manage.py runs them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar

import click

from chalicelib.models.store import ConditionFailed, StoreUnavailable
from infra.terminal import printable

Row = Mapping[str, Any]
T = TypeVar("T")


class Operator:
    """What every command shares.

    as_json: print one JSON value on stdout, and nothing else. is_dry: change nothing, and say what would be done.
    """

    def __init__(self) -> None:
        self.as_json = False
        self.is_dry = False

    def only_says(self, would: str, **facts: Any) -> bool:
        """In a dry run: say what the command would do. True where that is all that may be done.

        would: reads after "Would ". facts: more for the JSON value.
        """
        if self.is_dry:
            self.show({"dry_run": True, "would": would, **facts}, sentence=f"Would {would}.")
        return self.is_dry

    def show(self, value: Row | Iterable[Row], *, sentence: str = "") -> None:
        """The result: JSON where that was asked for, else a sentence, or a line for each row."""
        if self.as_json:
            say(json.dumps(value if isinstance(value, Mapping) else list(value), ensure_ascii=False))
        elif sentence:
            say(sentence)
        else:
            for row in [value] if isinstance(value, Mapping) else value:
                say("  ".join(_plain(part) for part in row.values()))


def say(text: str) -> None:
    """A line for the operator, and the only way to one: names that people chose reach no terminal as they are."""
    click.echo(printable(text))


class Command(click.Command):
    """A command that takes --json."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        help_text = "Print one JSON object or list, and nothing else."
        self.params.append(
            click.Option(["--json"], is_flag=True, expose_value=False, callback=_ask_for_json, help=help_text)
        )


class Change(Command):
    """A command that changes something, and so takes --dry-run."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        help_text = "Change nothing; say what would be done."
        self.params.append(
            click.Option(["--dry-run"], is_flag=True, expose_value=False, callback=_ask_for_dry_run, help=help_text)
        )


class Group(click.Group):
    command_class = Command


def fail(message: str) -> NoReturn:
    """End with one line on stderr and exit code 2."""
    raise click.UsageError(message)


@contextmanager
def clear_errors(refused: str = "The store refused that.") -> Iterator[None]:
    """What the store says, as one line. refused: what it means here when a condition does not hold."""
    try:
        yield
    except ConditionFailed:
        fail(refused)
    except StoreUnavailable as error:
        fail(f"DynamoDB cannot be used: {error.code}. Check the region, the credentials and that the tables exist.")


def checked(check: Callable[[str], Any], value: str, option: str) -> Any:
    """The value as `check` gives it back; its complaint as a line that names the option."""
    try:
        return check(value) or value
    except ValueError as error:
        fail(f"{option}: {value!r} {error}.")


def _ask_for_json(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        context.find_object(Operator).as_json = True  # type: ignore[union-attr]


def _ask_for_dry_run(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        context.find_object(Operator).is_dry = True  # type: ignore[union-attr]


@contextmanager
def progress(length: int, label: str) -> Iterator[Callable[[], None]]:
    """A progress bar on stderr where a person is looking; call what it gives for each step."""
    with click.progressbar(length=length, label=label, file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        yield lambda: bar.update(1)


def each(items: Sequence[T], label: str) -> Iterator[T]:
    """The items one by one, with a progress bar."""
    with progress(len(items), label) as step:
        for item in items:
            yield item
            step()


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "active" if value else "disabled"
    return ", ".join(value) if isinstance(value, list) else str(value)
