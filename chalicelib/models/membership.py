"""Membership: that a user belongs to an organizer, by organizer, to list its members.

It decides nothing: the set on the user does, and for a user with very many organizers also the shards, which are items
of this table too (`membership_shards`). Every transaction that changes one of those changes the list too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pynamodb.attributes import UnicodeAttribute, UnicodeSetAttribute

from chalicelib.models import store
from chalicelib.models.store.table import Item, Key, TableMeta, TableName


class Membership(Item):
    class Meta(TableMeta):
        table_name = TableName("memberships")

    slug = UnicodeAttribute(hash_key=True)
    user_id = UnicodeAttribute(range_key=True)
    slugs = UnicodeSetAttribute(null=True)  # of a shard only

    @classmethod
    def key(cls, slug: str, user_id: str) -> Key[Membership]:
        return Key(cls, slug, user_id)


def listed(slug: str, user_id: str) -> store.Put:
    """The change that lists a user among the organizer's members."""
    return store.Put(Membership(slug=slug, user_id=user_id))


def unlisted(slug: str, user_id: str) -> store.Delete:
    """The change that undoes `listed`."""
    return store.Delete(Membership.key(slug, user_id))


def members(slug: str, *, after: str | None = None, most: int | None = None) -> Iterator[str]:
    """The ids of an organizer's members, in ascending order, at most `most`. after: start after this id."""
    return (str(found.user_id) for found in store.query(Membership, slug, after=after, most=most))


def forget(user_id: str, slugs: Iterable[str]) -> None:
    """Take a user off the lists of these organizers: for a user who is being erased."""
    store.delete_all([Membership.key(slug, user_id) for slug in slugs])


def all_memberships() -> Iterator[Membership]:
    """Every membership that is listed, and every shard, by a scan: for the operator's commands, never in a request."""
    return store.scan(Membership)
