"""Changing the members of an organizer, many at once: for the platform's server (SCIM).

Each transaction takes SCIM_MEMBERS_AT_ONCE of them and can be repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import TypeVar

from chalicelib import limits
from chalicelib.models import membership, organizer, store, user
from chalicelib.models.organizer import Organizer
from chalicelib.models.user import User

T = TypeVar("T")


def add(slug: str, users: Sequence[User], *, create: Sequence[store.Change] = ()) -> None:
    """Add these users. create: changes that create the organizer, for the first of the transactions.

    Raises ConditionFailed if the organizer or one of the users does not exist, or has too many organizers; earlier
    transactions stay.
    """
    joining = [one for one in users if slug not in (one.memberships or ())]  # one in a shard is added again
    first: Sequence[store.Change] = create or [store.Check(Organizer.key(slug), organizer.is_there())]
    if create and not joining:
        store.write(*create)
    for part in _parts(joining):
        store.write(*first, *(change for one in part for change in user.joining(one, slug)))
        first = [store.Check(Organizer.key(slug), organizer.is_there())]


def remove(slug: str, user_ids: Iterable[str]) -> None:
    """Take these users out. Those who do not exist any more are only taken off the list."""
    for part in _parts(user_ids):
        there = {one.user_id: one for one in store.read_all([User.key(user_id) for user_id in part]) if one}
        try:
            if there:
                store.write(*(change for one in there.values() for change in user.leaving(one, slug)))
        except store.ConditionFailed:  # one of them was erased in the meantime, or got the first shard
            for user_id in there:
                with suppress(store.ConditionFailed):
                    user.remove_member(user_id, slug)
        for user_id in part:
            if user_id not in there:
                membership.forget(user_id, [slug])


def _parts(found: Iterable[T]) -> Iterator[list[T]]:
    pending = iter(found)
    while part := list(islice(pending, limits.SCIM_MEMBERS_AT_ONCE)):
        yield part
