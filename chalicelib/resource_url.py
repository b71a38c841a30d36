"""The URL of an API that tokens can be requested for (RFC 8707), and when two spellings name the same one."""

from __future__ import annotations

import re

# Scheme, host, port and the rest. Nothing else is one, neither in a setting or a permission catalogue nor in a request:
# no user, no fragment, no backslash, no host that somebody would have to decode first.
_DEFAULT_PORTS = {"https": ":443", "http": ":80"}
_URL = re.compile(
    r"(https?)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?([/?][!$-;=?-[\]_a-z~]*)?", re.ASCII | re.IGNORECASE
)


def parts(resource: str) -> tuple[str, ...] | None:
    """What two spellings of one resource have in common; None for what is no resource's URL.

    The scheme and the host are compared without case, and the scheme's default port equals none (RFC 3986 §6.2). One
    slash at the end does not matter, since clients differ in whether they write it. All else is compared byte for byte.
    """
    found = _URL.fullmatch(resource)
    if found is None:
        return None
    scheme, host, port, rest = (part or "" for part in found.groups())
    port = "" if port == _DEFAULT_PORTS[scheme.lower()] else port
    return scheme.lower(), host.lower(), port, rest if "?" in rest else rest.removesuffix("/")


def is_same(one: str, other: str) -> bool:
    """True if two spellings name the same resource. What is no resource's URL is the same as nothing, not even as
    itself."""
    found = parts(one)
    return found is not None and found == parts(other)
