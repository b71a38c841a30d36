"""What an application knows a user by: the user's id, or an identifier of its sector (OpenID Connect Core §8).

A pairwise identifier is an HMAC of the user's id with the sector's key, which is stored with the application. Nothing
leads back from it: to learn whether it is a user's, it is made again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from chalicelib.models.application import Application

_SESSION_CHARACTERS = 22  # 132 bits


def of(client: Application, user_id: str) -> str:
    """The user's `sub` for this application, wherever it is told."""
    return _pairwise(client.sector_key, "sub", user_id) if client.sector_key else str(user_id)


def session_of(client: Application, session_id: str | None) -> str | None:
    """The session's `sid` for this application; None for none. A session's own id would show that two applications that
    are not in one sector have the same user."""
    if session_id is None or not client.sector_key:
        return session_id
    return _pairwise(client.sector_key, "sid", session_id)[:_SESSION_CHARACTERS]


def _pairwise(sector_key: str, purpose: str, value: str) -> str:
    digest = hmac.digest(sector_key.encode(), f"{purpose} {value}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
