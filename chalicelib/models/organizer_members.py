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


def add(
    slug: str, users: Sequence[User], *, create: Sequence[store.Change] = (), as_read: Organizer | None = None
) -> bool:
    """Add these users. True if one of them was no member yet.

    create: changes that create the organizer, for the first of the transactions. as_read: the organizer, whose members
    must be those that it had then. Raises ConditionFailed if they are not, if the organizer or one of the users does
    not exist, or has too many organizers; earlier transactions stay.
    """
    joining = [one for one in users if slug not in (one.memberships or ())]  # one in a shard is added again
    first: Sequence[store.Change] = create or [organizer.joined(slug, as_read=as_read)]
    if create and not joining:
        store.write(*create)
    for part in _parts(joining):
        store.write(*first, *(change for one in part for change in user.joining(one, slug)))
        first = [organizer.joined(slug)]
    return bool(joining)


def remove(slug: str, user_ids: Iterable[str], *, as_read: Organizer | None = None) -> bool:
    """Take these users out. True if one of them was a member.

    Those who do not exist any more are only taken off the list. as_read: the organizer, whose members
    must be those that it had then. Raises ConditionFailed if they are not.
    """
    has_left = False
    for part in _parts(user_ids):
        found = {str(one.user_id): one for one in store.read_all([User.key(user_id) for user_id in part]) if one}
        leaving = [
            one for _, one in sorted(found.items()) if slug in (one.memberships or ()) or one.has_more_memberships
        ]
        if leaving:
            _take_out(slug, leaving, organizer.left(slug, as_read=as_read))
            has_left, as_read = True, None  # the version is ours from here on
        for user_id in set(part) - found.keys():
            membership.forget(user_id, [slug])
    return has_left


def _take_out(slug: str, users: Sequence[User], left: store.Update) -> None:
    try:
        store.write(left, *(change for one in users for change in user.leaving(one, slug)))
    except store.ConditionFailed as error:
        if left in error.failed:
            raise
        for one in users:  # one of them was erased in the meantime, or got the first shard
            with suppress(store.ConditionFailed):
                user.remove_member(one.user_id, slug)


def _parts(found: Iterable[T]) -> Iterator[list[T]]:
    pending = iter(found)
    while part := list(islice(pending, limits.SCIM_MEMBERS_AT_ONCE)):
        yield part
