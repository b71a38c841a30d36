"""Copies of metadata documents whose hosts refuse servers in data centers, in known_documents.json.

A copy is used for its exact URL, while the document itself cannot be fetched. It may be out of date: the consent page
says so.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).with_suffix(".json")


@dataclass(frozen=True)
class Copy:
    """copied_on: YYYY-MM-DD, or YYYY-MM if the day is not known. source: where the copy comes from."""

    copied_on: str
    source: str
    document: dict[str, Any]


def find(client_id: str) -> Copy | None:
    found = _read().get(client_id)
    return Copy(**found) if found else None


def differs(client_id: str, document: dict[str, Any]) -> bool:
    """True if there is a copy, and it says something else than this document."""
    copy = find(client_id)
    return copy is not None and copy.document != document


@cache
def _read() -> dict[str, dict[str, Any]]:
    """Read when it is first needed. By client id."""
    return dict(json.loads(_FILE.read_text(encoding="utf-8")))
