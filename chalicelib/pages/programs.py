"""Whole programs for developers to copy: they get tokens, call the API, refresh and revoke, in five languages.

Each is a template in `programs/`, in sections that a line `--- name` begins. What the grants have in common is there
once. Every value is quoted for its language. A secret is read from the environment, so it is on no page.
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
CODE, DEVICE, OWN = "authorization_code", "device_code", "client_credentials"
SECTIONS = {
    CODE: ("setup", "authorize", "exchange", "call", "refresh", "revoke"),
    DEVICE: ("setup", "start", "poll", "call", "refresh", "revoke"),
    OWN: ("setup", "token", "call", "revoke"),
}
_FOLDER = Path(__file__).parent / "programs"


@dataclass(frozen=True)
class Program:
    """sections: the code by the names in SECTIONS. With a blank line between them, they are the whole program."""

    sections: dict[str, str]

    @property
    def whole(self) -> str:
        return "\n\n".join(self.sections.values())


def program(language: str, grant: str, *, base_url: str, application: Any, scope: str) -> Program:
    """The program for an application. grant: one of `grants_of` it. It must have an `auth_of` it. scope: what it
    asks for."""
    client_id = application.public_id
    redirect_uri = application.redirect_uris[0] if grant == CODE else ""
    asked = {"response_type": "code", "client_id": client_id, "redirect_uri": redirect_uri, "scope": scope}
    text = (
        _environment()
        .get_template(f"{language}.txt")
        .render(
            grant=grant,
            scope=scope,
            base_url=base_url,
            client_id=client_id,
            redirect_uri=redirect_uri,
            auth=auth_of(application),
            iss=quote(base_url, safe=""),  # as it is in the response: bash does not decode it
            authorize_url=f"{base_url}/api/v1/oauth/authorize?{urlencode(asked)}",
            api_path="/api/v1/organizers/" if grant == OWN else "/api/v1/me",  # no user is behind an OWN token
        )
    )
    first, *others = text.split("\n--- ")
    return Program({"setup": first.strip("\n")} | dict(other.rstrip("\n").split("\n", 1) for other in others))


def grants_of(application: Any) -> list[str]:
    """The grants that an application can get tokens with, as they are configured now."""
    if application.needs_proofs:  # as with signed assertions below, no program here signs proofs
        return []
    configured = {
        CODE: application.redirect_uris and not application.needs_par,  # no program here pushes its request
        DEVICE: application.device_grant,
        OWN: application.is_confidential and application.own_scopes,
    }
    return [grant for grant, is_configured in configured.items() if is_configured]


def auth_of(application: Any) -> str | None:
    """How a program for this application authenticates: "basic", "form" or "none".

    None if it signs assertions. No language here can do that without a library, except by cryptography of one's own.
    """
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
    """A string literal of Python, JavaScript and Go. Go refuses a byte order mark inside a file."""
    return json.dumps(text, ensure_ascii=False).replace("\ufeff", "\\ufeff")


# The string literals of each language.
QUOTING = {"curl": shlex.quote, "python": _literal, "javascript": _literal, "php": _php, "go": _literal}


@cache
def _environment() -> Environment:
    # Nothing is escaped as HTML: the page that shows a program does that.
    found = Environment(loader=FileSystemLoader(_FOLDER), autoescape=False, undefined=StrictUndefined, trim_blocks=True)  # noqa: S701
    found.filters.update(sh=shlex.quote, literal=_literal, php=_php)
    return found
