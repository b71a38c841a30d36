"""Memberships beyond those that fit on the user's own item.

The set on the user holds the first MEMBERSHIPS_ON_USER_LIMIT slugs. A user with more is flagged
(`User.has_more_memberships`), and further slugs are in shards: items beside the lists of members, each with a set. A
hash of the slug says which one. A user belongs to what is in the set or in a shard. Nothing ever moves from one to the
other, and leaving takes the slug out of both, so there is no moment at which a membership is counted wrongly.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from pynamodb.expressions.condition import size
from pynamodb.expressions.update import Action

from chalicelib import limits
from chalicelib.models import membership, organizer, store
from chalicelib.models.membership import Membership
from chalicelib.models.store.table import Key

_COUNT = 64  # part of what is stored: with another number, slugs would be looked for in other shards
_MARK = "+"  # no slug begins with it, so no list of members has these items


def among(user_id: str, slugs: Iterable[str]) -> frozenset[str]:
    """Those of these slugs that the user's shards have. One round trip; none for no slugs."""
    wanted = frozenset(slugs)
    return wanted & _read(sorted({_number(slug) for slug in wanted}), user_id)


def all_of(user_id: str) -> frozenset[str]:
    """All slugs in the user's shards. One round trip."""
    return _read(list(range(_COUNT)), user_id)


def is_full(user_id: str, slug: str) -> bool:
    """True if there is no room to join this organizer, and the user has not joined it."""
    found = _read([_number(slug)], user_id)
    return slug not in found and len(found) >= limits.MEMBERSHIPS_PER_SHARD_LIMIT


def has(user_id: str, slug: str) -> store.Check:
    """The check that the slug is in its shard."""
    return store.Check(key(user_id, slug), Membership.slugs.contains(slug))


def has_not(user_id: str, slug: str) -> store.Check:
    """The check that the slug is in no shard."""
    return store.Check(key(user_id, slug), ~Membership.slugs.contains(slug))


def joined(user_id: str, slug: str) -> store.Update:
    """The change that adds a slug, if there is room. The same transaction must make sure that the user exists."""
    has_room = Membership.slugs.does_not_exist() | (size(Membership.slugs) < limits.MEMBERSHIPS_PER_SHARD_LIMIT)
    has_room |= Membership.slugs.contains(slug)
    return store.Update(key(user_id, slug), [Membership.slugs.add({slug})], has_room)


def left(user_id: str, slug: str) -> store.Update:
    """The change that takes a slug out, if it is there."""
    out: list[Action] = [Membership.slugs.delete({slug})]
    return store.Update(key(user_id, slug), out)


def forget(user_id: str) -> None:
    """Delete the shards of a user who is being erased, and take the user off the lists of those organizers.

    One shard after the other, so that a repetition after an interruption has less to do.
    """
    for shard in store.read_all([_key(user_id, number) for number in range(_COUNT)]):
        if shard is not None:
            membership.forget(user_id, shard.slugs or ())
            organizer.note_leaving(shard.slugs or ())
            store.delete_all([shard.own_key])


def user_of(item: Membership) -> str | None:
    """The id of the user whose shard this is; None for an entry in a list of members."""
    return str(item.user_id) if str(item.slug).startswith(_MARK) else None


def key(user_id: str, slug: str) -> Key[Membership]:
    """The key of the shard that this slug belongs in."""
    return _key(user_id, _number(slug))


def _key(user_id: str, number: int) -> Key[Membership]:
    # Each has a hash key of its own: DynamoDB reads at most 3,000 units a second under one.
    return Membership.key(f"{_MARK}{number:02}{user_id}", user_id)


def _number(slug: str) -> int:
    return hashlib.sha256(slug.encode()).digest()[0] % _COUNT


def _read(numbers: list[int], user_id: str) -> frozenset[str]:
    found: list[Any] = store.read_all([_key(user_id, number) for number in numbers])
    return frozenset[str]().union(*(shard.slugs or () for shard in found if shard))
