"""Where an application is told that a session ended (OpenID Connect Back-Channel Logout 1.0 §2.2)."""

from __future__ import annotations

from urllib.parse import urlsplit

from chalicelib import outbound
from chalicelib.messages import Message
from chalicelib.protocol.rules import redirect_uris
from chalicelib.protocol.rules.redirect_uris import RedirectUriError


def check(uri: str) -> str:
    """The address without whitespace around it. Raises RedirectUriError for one that no token could be sent to.

    What its host resolves to is checked each time a token is sent.
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
