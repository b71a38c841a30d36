"""Known devices: a cookie by which an account recognizes a browser that has signed in to it before.

The cookie gives access to nothing. A browser that has it gets its own count of sign-in tries, so that strangers' tries
do not lock it out. The cookie names the account and a device, and has a code that only the account's key can make. So
nothing is stored per device, and a new key, which comes with every new password, makes the account forget them all.
"""

from __future__ import annotations

import hmac

from chalicelib import credentials
from chalicelib.credentials import ID_LENGTH, Kind

_NOBODYS_KEY = "no account has this key"  # so that an unknown account takes the same time


def new_key() -> str:
    return credentials.new_secret()


def cookie(user_id: str, key: str, device: str | None = None) -> str:
    """The cookie's value for this device; None for a device that is not known yet."""
    names = user_id + (device or credentials.new_id())
    return credentials.mint_derived(Kind.KNOWN_DEVICE, names, key=key.encode(), source=names)


def recognize(value: str | None, user_id: str | None, key: str | None) -> str | None:
    """The device's id, if this account made the cookie. None if it did not, or if there is no account."""
    named = credentials.recognize(value, Kind.KNOWN_DEVICE)
    if named is None or value is None:
        return None
    device = named.names[ID_LENGTH:]
    expected = cookie(user_id or named.names[:ID_LENGTH], key or _NOBODYS_KEY, device)
    is_made_here = hmac.compare_digest(value, expected)
    return device if is_made_here and user_id is not None and key is not None else None
