"""Whole programs for developers to copy: authorize with PKCE, exchange, call, refresh and revoke, in five languages.

Each is a template in `programs/`, in sections that a line `--- name` begins. Every value is quoted for its language. A
secret is read from the environment, so it is on no page.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined

LANGUAGES = {"curl": "curl", "python": "Python", "javascript": "JavaScript", "php": "PHP", "go": "Go"}
SECTIONS = ("setup", "authorize", "exchange", "call", "refresh", "revoke")
_FOLDER = Path(__file__).parent / "programs"


@dataclass(frozen=True)
class Program:
    """sections: the code by the names in SECTIONS. One after the other, they are the whole program."""

    sections: dict[str, str]

    @property
    def whole(self) -> str:
        return "\n".join(self.sections.values())


def program(language: str, *, base_url: str, client_id: str, redirect_uri: str, auth: str) -> Program:
    """The program for an application. auth: "basic", "form" or "none", by how it authenticates."""
    asked = {"response_type": "code", "client_id": client_id, "redirect_uri": redirect_uri, "scope": "read write"}
    text = (
        _environment()
        .get_template(f"{language}.txt")
        .render(
            base_url=base_url,
            client_id=client_id,
            redirect_uri=redirect_uri,
            auth=auth,
            iss=quote(base_url, safe=""),  # as it is in the response: bash does not decode it
            authorize_url=f"{base_url}/api/v1/oauth/authorize?{urlencode(asked)}",
        )
    )
    first, *others = text.split("\n--- ")
    return Program({"setup": first.strip("\n")} | dict(other.rstrip("\n").split("\n", 1) for other in others))


def auth_of(application: Any) -> str | None:
    """How a program for this application authenticates; None for one that signs assertions, which takes a library."""
    if not application.is_confidential:
        return "none"
    if not application.has_secret:
        return None
    is_basic = application.is_method_named and application.auth_method == "client_secret_basic"
    return "basic" if is_basic else "form"


def _php(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _literal(text: str) -> str:
    """A string literal of Python, JavaScript and Go."""
    return json.dumps(text, ensure_ascii=False)


@cache
def _environment() -> Environment:
    # Nothing is escaped as HTML: the page that shows a program does that.
    found = Environment(loader=FileSystemLoader(_FOLDER), autoescape=False, undefined=StrictUndefined, trim_blocks=True)  # noqa: S701
    found.filters.update(sh=shlex.quote, literal=_literal, php=_php)
    return found
