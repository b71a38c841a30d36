"""Templates to HTML. Whatever a person typed is escaped; a value that a template misses is an error, not a blank."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_HERE = Path(__file__).parent
STYLE = (_HERE / "static" / "style.css").read_text(encoding="utf-8")
# The digest in the address lets browsers keep the style sheet for good and still see every change.
STYLE_PATH = f"/static/style-{hashlib.sha256(STYLE.encode()).hexdigest()[:12]}.css"

SCOPE_WORDS = {
    "read": "See your organizers and their details",
    "write": "Change your organizers’ details",
    "profile": "See your name, email address, language and time zone",
}

# What a developer chooses from: a name, and when it is the right one.
APPLICATION_TYPES = {
    "website": ("Website with a server", "It can keep a secret."),
    "browser": ("Browser application", "It runs in the page alone and cannot keep a secret."),
    "native": ("Mobile, desktop or command line application", "It runs on people’s devices and cannot keep a secret."),
}

AUTH_METHODS = {
    "client_secret_basic": "With its secret in the Authorization header",
    "client_secret_post": "With its secret in the form",
    "private_key_jwt": "With an assertion that its private key signs, and no secret",
}


def page(template: str, *, base: str, user: Any = None, **values: Any) -> str:
    """The page. base: what stands before our paths in an address. user: whoever is signed in, or None."""
    return _TEMPLATES.get_template(template).render(base=base, user=user, **values)


def mail(template: str, *, user: Any = None, **values: Any) -> tuple[str, str]:
    """A mail's subject, which is the template's first line, and its plain text. user: to whom, where it is a user."""
    text = _TEMPLATES.overlay(autoescape=False).get_template(f"mail/{template}").render(user=user, **values)
    subject, _, body = text.partition("\n")
    return subject.strip(), body.strip() + "\n"


def _moment(seconds: int, timezone: str) -> str:
    """Seconds since the epoch as a date and time where the user is."""
    try:
        zone: Any = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError):
        zone = UTC
    return datetime.fromtimestamp(seconds, zone).strftime("%Y-%m-%d %H:%M")


def _environment() -> Environment:
    found = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["moment"] = _moment
    found.globals.update(style_path=STYLE_PATH, scope_words=SCOPE_WORDS)
    found.globals.update(application_types=APPLICATION_TYPES, auth_methods=AUTH_METHODS)
    return found


_TEMPLATES = _environment()
