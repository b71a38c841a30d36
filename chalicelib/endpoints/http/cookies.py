"""The names and attributes of all our cookies."""

from __future__ import annotations

from chalicelib import settings
from chalicelib.endpoints.http.request import Request


def read(request: Request, of: str) -> str | None:
    return request.cookie(_name(of))


def kept(of: str, value: str, max_age_seconds: int) -> str:
    """The Set-Cookie value that keeps `value` for max_age_seconds."""
    secure = "; Secure" if settings.SETTINGS.is_https else ""
    return f"{_name(of)}={value}; Path=/; Max-Age={max_age_seconds}; HttpOnly; SameSite=Lax{secure}"


def forgotten(of: str) -> str:
    """The Set-Cookie value that makes the browser delete the cookie."""
    return kept(of, "", 0)


def _name(of: str) -> str:
    # The prefix makes browsers accept the cookie only from this host, over https.
    return f"__Host-lanyard-{of}" if settings.SETTINGS.is_https else f"lanyard-{of}"
