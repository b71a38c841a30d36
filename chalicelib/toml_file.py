"""TOML files of the operator's that a process reads once when it starts. Each kind of them has a folder of its own.

A mistake is refused with a message that names its place in the file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

LANGUAGES = ("en", "de")  # those of the pages
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,40}")
T = TypeVar("T")


class FileError(ValueError):
    """A file cannot be used. The message names the place in it and says what it accepts."""


def load(folder: Path, name: str, parse: Callable[[str], T]) -> T:
    """What `parse` makes of the file of this name, without `.toml`. Raises FileError."""
    shown = f"chalicelib/{folder.name}/"
    if not _NAME.fullmatch(name):
        raise FileError(f"{name!r} is no name of a file in {shown}, without .toml")
    path = folder / f"{name}.toml"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise FileError(f"there is no file {shown}{path.name}") from None
    except UnicodeDecodeError:
        raise FileError(f"{path.name} is not UTF-8") from None
    try:
        return parse(text)
    except FileError as error:
        raise FileError(f"{path.name}: {error}") from None


def read(text: str) -> dict[str, Any]:
    """Raises FileError."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FileError(f"it is not TOML: {error}") from None
    except RecursionError:
        raise FileError("it is not TOML: it is nested too deeply") from None


def words(place: str, value: Any, *, most_characters: int) -> Mapping[str, str]:
    """One text for each language. Raises FileError."""
    found = table(place, value)
    check_keys(place, found, LANGUAGES)
    for language in LANGUAGES:
        text = found.get(language)
        is_line = isinstance(text, str) and bool(text.strip()) and text.isprintable()
        if not is_line or len(str(text)) > most_characters:
            raise FileError(f"{place}.{language} must be one line of 1 to {most_characters} characters")
    return found


def table(place: str, value: Any) -> dict[str, Any]:
    """Raises FileError."""
    if not isinstance(value, dict):
        raise FileError(f"{place} must be a table, written as [{place}]")
    return value


def flag(place: str, value: Any) -> bool:
    """Raises FileError."""
    if not isinstance(value, bool):
        raise FileError(f"{place} must be true or false")
    return value


def check_keys(place: str, found: Mapping[str, Any], known: Iterable[str]) -> None:
    """Raises FileError for a key that is not known."""
    if unknown := sorted(set(found).difference(known)):
        raise FileError(f"{place} has {unknown[0]!r}, which is not one of: {', '.join(sorted(known))}")
