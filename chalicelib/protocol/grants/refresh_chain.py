"""The chain of a public client's refresh tokens: each token is derived from the one before.

A step takes the token, the server's key and a random salt that is stored on the grant. So the key and an old token
derive nothing without the store, and the store and the key derive nothing without a token. When the server's key
changes, the chain continues with the new key. The grant notes which stretch of the chain was made with which key, and
where each stretch ended, so a token is recognized by walking only its own stretch.
"""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib import credentials, limits
from chalicelib.credentials import Kind
from chalicelib.keys import server_key
from chalicelib.keys.server_key import ServerKey
from chalicelib.models import grant_rotation
from chalicelib.models.grant import Grant, Stretch


@dataclass(frozen=True)
class Successor:
    """The tokens that follow a refresh token. key_id, salt: what they were derived with; salt may be ""."""

    refresh_token: str
    access_token: str
    key_id: str
    salt: str


def next_of(token: str, found: Grant) -> Successor:
    """The tokens that follow the grant's current refresh token, derived with the newest key."""
    return _step(token, found.grant_id, server_key.newest(), found.refresh_salt or credentials.new_secret())


def uses_ago(token: str, found: Grant) -> int | None:
    """The number of rotations from a used `token` to the grant's current one; None if `token` is not in the chain."""
    if found.rotated_at is None:  # never rotated, such as a confidential client's refresh token
        return None
    left = limits.REFRESH_GENERATIONS_LIMIT
    for stretch in grant_rotation.stretches(found):
        length = min(stretch.ended - stretch.began, left)
        for key in _keys_of(stretch):
            steps = _steps_to(stretch.end_digest, token, found, key, _salt_of(stretch, found), length)
            if steps is not None:
                return int(found.generation - stretch.ended + steps)
        left -= length
    return None


def present_after(token: str, found: Grant, steps: int) -> Successor | None:
    """The grant's current tokens, `steps` rotations after `token`; None if the key of a step is unknown."""
    last: Successor | None = None
    for generation in range(found.generation - steps, found.generation):
        last = _made_at(generation, token, found)
        if last is None:
            return None
        token = last.refresh_token
    return last if credentials.matches(token, found.refresh_digest) else None


def _made_at(generation: int, token: str, found: Grant) -> Successor | None:
    """The tokens that the grant derived from `token`, its refresh token of this generation."""
    stretch = next((one for one in grant_rotation.stretches(found) if one.began <= generation < one.ended), None)
    if stretch is None:
        return None
    made = [_step(token, found.grant_id, key, _salt_of(stretch, found)) for key in _keys_of(stretch)]
    if generation + 1 == stretch.ended:
        made = [one for one in made if credentials.matches(one.refresh_token, stretch.end_digest)]
    return next(iter(made), None)


def _keys_of(stretch: Stretch) -> list[ServerKey]:
    """The stretch's key, if it is still known. A stretch from before key ids were stored can have any key."""
    return [key for key in server_key.read_all() if stretch.key_id in (None, key.key_id)]


def _salt_of(stretch: Stretch, found: Grant) -> str:
    return str(found.refresh_salt) if stretch.key_id else ""


def _steps_to(end_digest: str, token: str, found: Grant, key: ServerKey, salt: str, most: int) -> int | None:
    for step in range(1, most + 1):
        token = _derived(Kind.REFRESH_TOKEN, token, found.grant_id, key, salt)
        if credentials.matches(token, end_digest):
            return step
    return None


def _step(token: str, grant_id: str, key: ServerKey, salt: str) -> Successor:
    return Successor(
        refresh_token=_derived(Kind.REFRESH_TOKEN, token, grant_id, key, salt),
        access_token=_derived(Kind.ACCESS_TOKEN, token, grant_id, key, salt),
        key_id=key.key_id,
        salt=salt,
    )


def _derived(kind: Kind, token: str, grant_id: str, key: ServerKey, salt: str) -> str:
    # Neither a salt nor a token contains a space, so the two parts cannot be confused.
    source = f"{salt} {token}" if salt else token
    return credentials.mint_derived(kind, grant_id, key=key.secret, source=source)
