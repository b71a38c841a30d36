"""Organizer: a tenant of the platform, whose data the API serves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pynamodb.attributes import UnicodeAttribute

from chalicelib import clock
from chalicelib.models import store
from chalicelib.models.table import EpochSeconds, Item, Key, TableMeta, table_name

SLUG = re.compile(r"[a-z0-9][a-z0-9_.-]{0,49}", re.ASCII)


class Organizer(Item):
    class Meta(TableMeta):
        table_name = table_name("organizers")

    slug = UnicodeAttribute(hash_key=True)
    name = UnicodeAttribute()
    created_at = EpochSeconds()

    @classmethod
    def key(cls, slug: str) -> Key[Organizer]:
        return Key(cls, slug)


def check_slug(slug: str) -> str:
    """Raises ValueError for what cannot be a slug; its message reads after the slug."""
    if not SLUG.fullmatch(slug):
        raise ValueError("must be 1 to 50 of a-z, 0-9, '-', '_' and '.', and start with a letter or digit")
    return slug


def create(slug: str, name: str) -> Organizer:
    """Raises ConditionFailed where the slug is taken."""
    organizer = Organizer(slug=slug, name=name, created_at=clock.now())
    store.write(store.Put(organizer, Organizer.slug.does_not_exist()))
    return organizer


def rename(slug: str, name: str) -> None:
    """Raises ConditionFailed where there is no such organizer."""
    store.change(Organizer.key(slug), [Organizer.name.set(name)], Organizer.slug.exists())


def delete(slug: str) -> None:
    """Tokens that were restricted to it open it no more."""
    store.write(store.Delete(Organizer.key(slug)))


def get(slug: str) -> Organizer | None:
    return store.read(Organizer.key(slug))[0]


def get_all(slugs: Iterable[str]) -> list[Organizer]:
    """The organizers with these slugs that exist, ordered by slug."""
    found = store.read_all([Organizer.key(slug) for slug in sorted(slugs)])
    return [organizer for organizer in found if organizer]


def all_organizers(*, after: str | None = None) -> Iterator[Organizer]:
    """Every organizer, by a scan: for the operator's commands, never in a request. after: start behind this slug."""
    return store.scan(Organizer, after=after)
