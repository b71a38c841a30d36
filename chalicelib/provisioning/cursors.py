"""Cursors of lists (RFC 9865): opaque, and made with the caller's access token, so that nobody can make one up.

A cursor says after which item the next page begins, and is bound to the list it belongs to. It ends with the token: a
client that gets `invalidCursor` begins anew.
"""

from __future__ import annotations

import base64
import binascii
import hmac

from chalicelib import credentials
from chalicelib.provisioning.messages import ScimRefusal

_MAC_LENGTH = 32


def make(secret: str, of: str, after: str) -> str:
    """of: what is listed. after: the key of the last item on this page."""
    return _mac(secret, of, after) + base64.urlsafe_b64encode(after.encode()).decode().rstrip("=")


def read(secret: str, of: str, cursor: str) -> str | None:
    """The key after which the page begins; None for the first page, whose cursor is empty. Raises ScimRefusal."""
    if not cursor:
        return None
    encoded = cursor[_MAC_LENGTH:]
    try:
        after = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
    except (binascii.Error, ValueError):
        after = ""
    if not after or not hmac.compare_digest(make(secret, of, after).encode(), cursor.encode()):
        raise ScimRefusal(
            400, "invalidCursor", "This cursor is unknown, or belongs to another list or another access token."
        )
    return after


def _mac(secret: str, of: str, after: str) -> str:
    return credentials.derive(secret, "scim cursor", of, after)[:_MAC_LENGTH]
