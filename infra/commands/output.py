"""Printing for commands: one JSON value, or lines for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from infra.terminal import printable

Row = Mapping[str, Any]
T = TypeVar("T")


def say(text: str, *, to_stderr: bool = False) -> None:
    """Print a line. Commands print only through this, so no name reaches the terminal unescaped."""
    click.echo(printable(text), err=to_stderr)


def as_json(value: Row | Sequence[Row]) -> str:
    return json.dumps(value if isinstance(value, Mapping) else list(value), ensure_ascii=False)


def as_lines(rows: Sequence[Row]) -> list[str]:
    """The rows as aligned columns under a heading."""
    if not rows:
        return ["Nothing found."]
    heading = [name.upper().replace("_", " ") for name in rows[0]]
    cells = [heading, *([plain(value) for value in row.values()] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(heading))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]


def plain(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "active" if value else "disabled"
    return printable(", ".join(value) if isinstance(value, list) else str(value))


@contextmanager
def progress(length: int, label: str) -> Iterator[Callable[[], None]]:
    """Show a progress bar on stderr if it is a terminal. Call the yielded function after each step."""
    with click.progressbar(length=length, label=label, file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        yield lambda: bar.update(1)


def each(items: Sequence[T], label: str) -> Iterator[T]:
    """Yield the items one by one, with a progress bar."""
    with progress(len(items), label) as step:
        for item in items:
            yield item
            step()
