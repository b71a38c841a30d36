"""The nonces that DPoP proofs have to contain: a time and its MAC, so that none is stored or read (RFC 9449 §8).

A nonce proves that the proof was made after the nonce was, whatever the client's clock says.
"""

from __future__ import annotations

from chalicelib import clock, credentials, limits
from chalicelib.keys import server_key

_PURPOSE = "DPoP nonce"
_MAC_LENGTH = 32  # 128 bits in hexadecimal


def current() -> str:
    """The nonce to use now. Raises ServerKeyMissing, ServerKeyUnavailable."""
    made_at = clock.now() // limits.DPOP_NONCE_STEP_SECONDS * limits.DPOP_NONCE_STEP_SECONDS
    return f"{made_at:x}-{_mac(str(made_at), server_key.newest().secret)}"


def is_fresh(nonce: str) -> bool:
    """True for a nonce that we made a short while ago, also with the key before. Raises as `current` does."""
    made, _, mac = nonce.partition("-")
    if len(made) != 8 or not all(digit in "0123456789abcdef" for digit in made):
        return False
    made_at = int(made, 16)
    age = clock.now() - made_at
    if (
        not -limits.DPOP_NONCE_STEP_SECONDS <= age < limits.DPOP_NONCE_LIFETIME_SECONDS
    ):  # of a server whose clock is ahead
        return False
    return any(credentials.is_same(mac, _mac(str(made_at), key.secret)) for key in server_key.read_all())


def _mac(made_at: str, key: bytes) -> str:
    return credentials.derive(key.decode(), _PURPOSE, made_at)[:_MAC_LENGTH]
