"""How the list of signing keys changes: a successor is published, signs, and is retired (NIST SP 800-57 Part 1 §8).

Each step is one new list, so one write makes it: nothing is half done. `manage.py keys` makes these changes; nothing
that serves a request does.
"""

from __future__ import annotations

from dataclasses import replace

from chalicelib import limits
from chalicelib.signing_keys import ACTIVE, NEXT, RETIRED, SigningKey

Keys = tuple[SigningKey, ...]


class NotPossible(Exception):
    """The list cannot change like this, or not yet. The message says what to do."""


def signs_from(key: SigningKey) -> int:
    """When a published key may begin to sign, in seconds since the epoch: once nobody can lack it."""
    return (key.published_at or 0) + limits.SUCCESSOR_PUBLISHED_SECONDS


def goes_from(key: SigningKey) -> int:
    """When a retired key may go, in seconds since the epoch: once nothing that it signed can be valid."""
    return (key.retired_at or 0) + limits.RETIRED_KEY_PUBLISHED_SECONDS


def successor(keys: Keys, algorithm: str) -> SigningKey | None:
    """The key that is published to sign next with this algorithm."""
    return next((key for key in keys if (key.algorithm, key.status) == (algorithm, NEXT)), None)


def publish(keys: Keys, key: SigningKey, now: int) -> Keys:
    """The list with one more key. It signs next; the first key of all signs at once, since nobody has read a list
    without it. Raises NotPossible."""
    if len(keys) >= limits.SIGNING_KEYS_LIMIT:
        raise NotPossible(f"There are {len(keys)} keys, which is as many as fit. Retire one first: keys list.")
    if not keys:
        return (replace(key, status=ACTIVE, published_at=now, active_at=now),)
    return (*keys, replace(key, status=NEXT, published_at=now))


def rotate(keys: Keys, key_id: str, now: int, *, replaces: str | None = None) -> Keys:
    """The list in which the key signs that was next, and its predecessor is retired. The same list if that is so
    already.

    replaces: the id of a key for another algorithm that is retired too. Raises NotPossible, also if the key has not
    been published for long enough.
    """
    key = find(keys, key_id)
    if replaces and find(keys, replaces).status == NEXT:
        raise NotPossible(f"{replaces} has not signed yet, so nothing replaces it. Remove it: keys retire {replaces}.")
    if replaces == key_id:
        raise NotPossible(f"{key_id} cannot replace itself. Name the key that shall not sign any longer.")
    if key.status == RETIRED:
        raise NotPossible(f"{key_id} is retired, and signs no more. Publish a new key: keys new.")
    if key.status == NEXT and now < signs_from(key):
        wait = _rounded_up(signs_from(key) - now, 60, "minute")
        raise NotPossible(
            f"{key_id} has not been published for long enough: somebody may still keep a list without it. Wait {wait}."
            " If the key that signs is compromised: keys retire --now KID."
        )
    after = _promote(keys, key, now) if key.status == NEXT else keys
    return tuple(_retired(other, now) if other.key_id == replaces else other for other in after)


def retire(keys: Keys, key_id: str, now: int) -> Keys:
    """The list without a key that nobody needs: one that has not signed, or that was retired long enough ago.

    Raises NotPossible.
    """
    key = find(keys, key_id)
    if key.status == ACTIVE:
        raise NotPossible(
            f"{key_id} signs. Rotate to its successor first: keys rotate. If it is compromised: keys retire --now"
            f" {key_id}."
        )
    if key.status == RETIRED and now < goes_from(key):
        wait = _rounded_up(goes_from(key) - now, 3600, "hour")
        raise NotPossible(
            f"Something that {key_id} signed may still be valid. Wait {wait}. If the key is compromised: keys retire"
            f" --now {key_id}."
        )
    return _without(keys, key)


def revoke(keys: Keys, key_id: str, now: int) -> Keys:
    """The list without a compromised key. If it signs, its successor signs from now on, however long it has been
    published. Raises NotPossible if there is none."""
    key = find(keys, key_id)
    if key.status != ACTIVE:
        return _without(keys, key)
    following = successor(keys, key.algorithm)
    if following is None:
        raise NotPossible(f"No key could sign after {key_id}. Publish one first: keys new.")
    return _without(_promote(keys, following, now), key)


def find(keys: Keys, key_id: str) -> SigningKey:
    """The key with this id. Raises NotPossible."""
    for key in keys:
        if key.key_id == key_id:
            return key
    known = ", ".join(key.key_id for key in keys) or "none"
    raise NotPossible(f"There is no key {key_id!r} in the list. Its keys: {known}.")


def _promote(keys: Keys, key: SigningKey, now: int) -> Keys:
    def after(other: SigningKey) -> SigningKey:
        if other.key_id == key.key_id:
            return replace(other, status=ACTIVE, active_at=now)
        if (other.algorithm, other.status) == (key.algorithm, ACTIVE):
            return _retired(other, now)
        return other

    return tuple(after(other) for other in keys)


def _retired(key: SigningKey, now: int) -> SigningKey:
    return replace(key, status=RETIRED, retired_at=now) if key.status == ACTIVE else key


def _rounded_up(seconds: int, unit_seconds: int, unit: str) -> str:
    count = -(-seconds // unit_seconds)
    return f"{count} {unit}{'' if count == 1 else 's'}"


def _without(keys: Keys, key: SigningKey) -> Keys:
    return tuple(other for other in keys if other.key_id != key.key_id)
