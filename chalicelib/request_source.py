"""Where a request came from, for people to recognize: an address and a device."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib import limits

# The first match wins: most browsers also name the browsers that they are compatible with.
_BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser/": "Samsung Internet",
    "Firefox/": "Firefox",
    "FxiOS/": "Firefox",
    "Chromium/": "Chromium",
    "Chrome/": "Chrome",
    "CriOS/": "Chrome",
    "Safari/": "Safari",
    "curl/": "curl",
}
_SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "Mac OS X": "macOS",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}


@dataclass(frozen=True)
class RequestSource:
    """address: the IP address as the gateway saw it. user_agent: what the browser says it is, printable and short.

    Both are only for people to look at. Nothing is decided by them.
    """

    address: str = ""
    user_agent: str = ""


UNKNOWN = RequestSource()


def shorten(user_agent: str | None) -> str:
    """Only printable ASCII, at most USER_AGENT_KEPT_CHARACTERS of it."""
    printable = "".join(character for character in user_agent or "" if " " <= character <= "~")
    return printable[: limits.USER_AGENT_KEPT_CHARACTERS].strip()


def browser_name(user_agent: str | None) -> str:
    """A name such as "Firefox"; "" if the browser is not known."""
    return _first(_BROWSERS, user_agent)


def system_name(user_agent: str | None) -> str:
    """A name such as "Linux"; "" if the system is not known."""
    return _first(_SYSTEMS, user_agent)


def _first(names: dict[str, str], user_agent: str | None) -> str:
    return next((name for mark, name in names.items() if mark in (user_agent or "")), "")
