"""Organizer: a tenant of the platform, whose data the API serves.

A slug names one organizer for ever. A deleted one leaves its slug behind, since consents, grants and tokens name it: a
new organizer with the same slug would open to all that the old one was opened to.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.condition import Condition

from chalicelib import clock
from chalicelib.models import store
from chalicelib.models.store.table import EpochSeconds, Item, Key, TableMeta, TableName

_DELETED = "-"
SLUG = re.compile(r"[a-z0-9][a-z0-9_.-]{0,49}", re.ASCII)


class Organizer(Item):
    class Meta(TableMeta):
        table_name = TableName("organizers")

    slug = UnicodeAttribute(hash_key=True)
    name = UnicodeAttribute()
    created_at = EpochSeconds()
    deleted_at = EpochSeconds(null=True)

    @property
    def is_ended(self) -> bool:
        """Was it deleted? No read finds it then."""
        return self.deleted_at is not None

    @classmethod
    def key(cls, slug: str) -> Key[Organizer]:
        return Key(cls, slug)


def check_slug(slug: str) -> str:
    """Raises ValueError for what cannot be a slug; its message reads after the slug."""
    if not SLUG.fullmatch(slug):
        raise ValueError("must be 1 to 50 of a-z, 0-9, '-', '_' and '.', and start with a letter or digit")
    return slug


def create(slug: str, name: str) -> Organizer:
    """Raises ConditionFailed where the slug is taken, or was once."""
    organizer = Organizer(slug=slug, name=name, created_at=clock.now())
    store.write(store.Put(organizer, Organizer.slug.does_not_exist()))
    return organizer


def rename(slug: str, name: str) -> None:
    """Raises ConditionFailed where there is no such organizer."""
    store.change(Organizer.key(slug), [Organizer.name.set(name)], is_there())


def is_there() -> Condition:
    """The condition that there is such an organizer, and not only its slug left behind."""
    condition: Condition = Organizer.slug.exists() & Organizer.deleted_at.does_not_exist()
    return condition


def delete(slug: str) -> None:
    """Our own API opens it to no token any more, and nobody can be made a member of it.

    What the authorizer and introspection tell other APIs goes by the memberships, since no check of a token reads the
    organizers: whoever deletes one takes its members out of it too.

    Raises ConditionFailed where there is no such organizer.
    """
    store.change(Organizer.key(slug), [Organizer.deleted_at.set(clock.now()), Organizer.name.set(_DELETED)], is_there())


def forget(slug: str) -> None:
    """Leave nothing of it, not even its slug: only for one with a random slug that no token but a test's was for."""
    store.write(store.Delete(Organizer.key(slug)))


def is_taken(slug: str) -> bool:
    """Is there an organizer with this slug, or was there once?"""
    return any(True for _ in store.query(Organizer, slug, ended_too=True))


def get(slug: str) -> Organizer | None:
    return store.read(Organizer.key(slug))[0]


def get_all(slugs: Iterable[str]) -> list[Organizer]:
    """The organizers with these slugs that exist, ordered by slug."""
    found = store.read_all([Organizer.key(slug) for slug in sorted(slugs)])
    return [organizer for organizer in found if organizer]


def by_name(organizers: Iterable[Organizer]) -> list[Organizer]:
    """As people look for them: whatever the case and the accents, and Hall 2 before Hall 10."""
    return sorted(organizers, key=lambda organizer: (name_order(organizer.name), organizer.slug))


def name_order(name: str) -> list[tuple[int, int, str]]:
    """A key to sort names by."""
    parts = re.split(r"([0-9]+)", _plain(name))
    return [(0, int(part), "") if number % 2 else (1, 0, part) for number, part in enumerate(parts) if part]


def is_named_like(name: str, text: str) -> bool:
    """Does the name contain the text, whatever the case and the accents?"""
    return _plain(text) in _plain(name)


def _plain(text: str) -> str:
    """Without case and accents: people leave them out, and German sorts ä as a (DIN 5007-1)."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character)).casefold()


def all_organizers(*, after: str | None = None) -> Iterator[Organizer]:
    """Every organizer, by a scan: for the operator's commands, never in a request. after: start behind this slug."""
    return (found for found in store.scan(Organizer, after=after) if not found.is_ended)
