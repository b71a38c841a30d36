"""Which organizers a user belongs to: those in the set on the user, and for a user with very many, those in the shards.

For everybody else, these functions read nothing: the user has been read already.
"""

from __future__ import annotations

from collections.abc import Iterable

from chalicelib import limits
from chalicelib.models import membership_shards
from chalicelib.models.user import User


def of(user: User) -> frozenset[str]:
    """The slugs of all of them. One round trip for a user with shards."""
    found = frozenset[str](user.memberships or ())
    return found | membership_shards.all_of(user.user_id) if user.has_more_memberships else found


def among(user: User, slugs: Iterable[str]) -> frozenset[str]:
    """Those of these slugs whose organizers the user belongs to. One round trip for a user with shards, unless the set
    has them all."""
    wanted = frozenset(slugs)
    found = wanted.intersection(user.memberships or ())
    if user.has_more_memberships and found != wanted:
        found |= membership_shards.among(user.user_id, wanted - found)
    return found


def has_any(user: User) -> bool:
    """True if the user belongs to an organizer."""
    return bool(user.memberships) or bool(user.has_more_memberships and of(user))


def is_full(user: User, slug: str) -> bool:
    """True if the user has too many organizers to join this one. One round trip if the set is full; else none."""
    joined = user.memberships or set()
    if slug in joined or len(joined) < limits.MEMBERSHIPS_ON_USER_LIMIT:
        return False
    return membership_shards.is_full(user.user_id, slug)
