"""Addresses of an application's server that Lanyard calls: where it is told that a session ended (OpenID Connect
Back-Channel Logout 1.0 §2.2), and where it publishes its keys (RFC 7591 §2)."""

from __future__ import annotations

from urllib.parse import urlsplit

from chalicelib import outbound
from chalicelib.messages import Message
from chalicelib.protocol.rules import redirect_uris
from chalicelib.protocol.rules.redirect_uris import RedirectUriError


def check(uri: str) -> str:
    """The address without whitespace around it. Raises RedirectUriError for one that could never be called.

    What its host resolves to is checked at each call.
    """
    uri = uri.strip()
    redirect_uris.check_registrable(uri)
    parts = urlsplit(uri)
    if outbound.is_on_this_laptop(parts):
        return uri
    if parts.scheme != "https":
        raise RedirectUriError(Message("must be a full address that starts with https://"))
    if not outbound.is_reachable_port(parts):
        raise RedirectUriError(Message("has a port other than 443"))
    return uri
