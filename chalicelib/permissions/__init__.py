"""The permission catalogue: what applications may be allowed to do, in a TOML file for each deployment.

PERMISSIONS names the file in this folder, without `.toml`. It is read once, when the process starts, so no request
reads anything for it. docs/permissions.md explains the keys.
"""

from __future__ import annotations

from pathlib import Path

from chalicelib import toml_file
from chalicelib.permissions.catalogue import Catalogue as Catalogue
from chalicelib.permissions.catalogue import Resource as Resource
from chalicelib.permissions.catalogue import Scope as Scope
from chalicelib.permissions.openid import with_openid as with_openid
from chalicelib.permissions.parsing import ADMINISTRATIVE as ADMINISTRATIVE
from chalicelib.permissions.parsing import parse as parse
from chalicelib.toml_file import LANGUAGES as LANGUAGES

CatalogueError = toml_file.FileError  # a catalogue cannot be used
FOLDER = Path(__file__).parent
DEFAULT = "default"


def load(name: str) -> Catalogue:
    """The catalogue in the file of this name. Raises CatalogueError."""
    return toml_file.load(FOLDER, name, parse)
