"""The permission catalogue: what applications may be allowed to do, in a TOML file for each deployment.

PERMISSIONS names the file in this folder, without `.toml`. It is read once, when the process starts, so no request
reads anything for it. docs/permissions.md explains the keys.
"""

from __future__ import annotations

import re
from pathlib import Path

from chalicelib.permissions.catalogue import Catalogue as Catalogue
from chalicelib.permissions.catalogue import CatalogueError as CatalogueError
from chalicelib.permissions.catalogue import Resource as Resource
from chalicelib.permissions.catalogue import Scope as Scope
from chalicelib.permissions.parsing import ADMINISTRATIVE as ADMINISTRATIVE
from chalicelib.permissions.parsing import LANGUAGES as LANGUAGES
from chalicelib.permissions.parsing import parse as parse

FOLDER = Path(__file__).parent
DEFAULT = "default"
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,40}")


def load(name: str) -> Catalogue:
    """The catalogue in the file of this name. Raises CatalogueError."""
    if not _NAME.fullmatch(name):
        raise CatalogueError(f"{name!r} is no name of a file in chalicelib/permissions/, without .toml")
    path = FOLDER / f"{name}.toml"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CatalogueError(f"there is no file chalicelib/permissions/{name}.toml") from None
    except UnicodeDecodeError:
        raise CatalogueError(f"{path.name} is not UTF-8") from None
    try:
        return parse(text)
    except CatalogueError as error:
        raise CatalogueError(f"{path.name}: {error}") from None
