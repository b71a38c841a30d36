"""The operator's commands, a file for each thing they look after; manage.py runs them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

import click

from chalicelib.models.store import ConditionFailed, StoreUnavailable

Row = Mapping[str, Any]


class Operator:
    """What every command shares. as_json: print one JSON value on stdout, and nothing else."""

    def __init__(self) -> None:
        self.as_json = False

    def show(self, value: Row | Iterable[Row], *, sentence: str = "") -> None:
        """The result: JSON where that was asked for, else a sentence, or a line for each row."""
        if self.as_json:
            click.echo(json.dumps(value if isinstance(value, Mapping) else list(value), ensure_ascii=False))
        elif sentence:
            click.echo(sentence)
        else:
            for row in [value] if isinstance(value, Mapping) else value:
                click.echo("  ".join(_plain(part) for part in row.values()))


class Command(click.Command):
    """A command that takes --json."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        help_text = "Print one JSON object or list, and nothing else."
        self.params.append(
            click.Option(["--json"], is_flag=True, expose_value=False, callback=_ask_for_json, help=help_text)
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


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "active" if value else "disabled"
    return ", ".join(value) if isinstance(value, list) else str(value)
