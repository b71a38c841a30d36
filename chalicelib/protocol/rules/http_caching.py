"""How long a response may be used without asking again, by its own headers (RFC 9111 §4.2, §5.2.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from chalicelib import limits

_DIRECTIVE = re.compile(r"""([a-z-]+)(?:=("(?:[^"]*)"|[^\s,;]+))?""")


def fresh_seconds(headers: Mapping[str, str], *, now: int) -> int:
    """The freshness lifetime that is left, for a cache that several users share. headers: with names in lower case.

    The result is within our own limits: the lower one bounds how often a stranger can make this server fetch, the upper
    one how long a client goes on as it was.
    """
    return max(limits.DOCUMENT_FRESH_MIN_SECONDS, min(_lifetime(headers, now), limits.DOCUMENT_FRESH_MAX_SECONDS))


def _lifetime(headers: Mapping[str, str], now: int) -> int:
    directives = dict(_DIRECTIVE.findall(headers.get("cache-control", "").lower()))
    if directives.keys() & {"no-store", "no-cache", "private"}:
        return 0
    for name in ("s-maxage", "max-age"):
        if name in directives:
            return _seconds(directives[name]) - _seconds(headers.get("age", "0"))
    if "expires" in headers:
        expires = _moment(headers["expires"])
        return 0 if expires is None else expires - (_moment(headers.get("date", "")) or now)
    return limits.DOCUMENT_FRESH_SECONDS


def _seconds(text: str) -> int:
    """A delta-seconds value; 0 for anything else, so that a malformed one makes the response stale (§4.2.1)."""
    text = text.strip().strip('"')
    return int(text[:10]) if text.isascii() and text.isdigit() else 0


def _moment(text: str) -> int | None:
    try:
        return int(parsedate_to_datetime(text).timestamp())
    except (ValueError, OverflowError, OSError):
        return None
