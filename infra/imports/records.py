"""The records of a file to import: one JSON object a line, or what Django's `dumpdata` writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_LIMIT_CHARACTERS = 1_000_000  # of one line: far more than an account needs


class FileProblem(ValueError):
    """Why the file cannot be read at all. The message is for the operator."""


class RecordProblem(ValueError):
    """Why this record is left out. The message reads after the record's name."""


@dataclass(frozen=True)
class Record:
    """One object of the file.

    where: names it in reports, such as `line 7` or `pretixbase.user 7`. model: Django's name of its model, lowercase;
    None in JSON lines. values: its members; None if it is not a JSON object.
    """

    where: str
    model: str | None
    values: dict[str, Any] | None


def read(path: Path) -> Iterator[Record]:
    """The records in the file's order. Raises FileProblem.

    Django writes one array (`json`) or an object a line (`jsonl`). JSON lines are read one by one; an array is read at
    once, which takes about 10 KB of memory for each of Django's users.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            if _first_character(path) == "[":
                yield from _array(path, file.read())
                return
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _line(number, line)
    except UnicodeDecodeError as error:
        raise FileProblem(f"{path} is not UTF-8 text.") from error
    except OSError as error:
        raise FileProblem(f"{path} cannot be read: {error.strerror}.") from error


def flag(fields: dict[str, Any], name: str) -> bool:
    """A field of Django's that is true if it is missing. Raises RecordProblem for anything but true and false."""
    value = fields.get(name, True)
    if not isinstance(value, bool):
        raise RecordProblem(f"has a value for {name} that is not true or false")
    return value


def _first_character(path: Path) -> str:
    with path.open(encoding="utf-8-sig") as file:
        while character := file.read(1):
            if not character.isspace():
                return character
    raise FileProblem(f"{path} is empty.")


def _array(path: Path, text: str) -> Iterator[Record]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise FileProblem(f"{path} is not JSON: {error}.") from error
    except RecursionError as error:
        raise FileProblem(f"{path} is not JSON: it is nested too deeply.") from error
    for number, value in enumerate(found, 1):
        yield _record(f"record {number}", value)


def _line(number: int, line: str) -> Record:
    where = f"line {number}"
    if len(line) > _LIMIT_CHARACTERS:
        return Record(where, None, None)
    try:
        return _record(where, json.loads(line))
    except (ValueError, RecursionError):
        return Record(where, None, None)


def _record(where: str, value: Any) -> Record:
    if not isinstance(value, dict):
        return Record(where, None, None)
    model, fields = value.get("model"), value.get("fields")
    if isinstance(model, str) and isinstance(fields, dict):  # Django's serialization format
        return Record(f"{model} {value.get('pk', where)}", model.lower(), {"pk": value.get("pk"), **fields})
    return Record(where, None, value)
