"""Organizer: a tenant of the platform, whose data the API serves.

A slug names one organizer forever. A deleted organizer leaves its slug behind, because consents, grants and tokens name
it: a new organizer with the same slug would be open to everything that the old one was open to.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice

from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib import clock
from chalicelib.models import organizer_external_id, store
from chalicelib.models.store.table import EpochSeconds, Item, Key, TableMeta, TableName, Whole

_DELETED = "-"
_TRIES = 5
_AT_ONCE = 100  # what DynamoDB takes in a transaction
SLUG = re.compile(r"[a-z0-9][a-z0-9_.-]{0,49}", re.ASCII)


class Organizer(Item):
    class Meta(TableMeta):
        table_name = TableName("organizers")

    slug = UnicodeAttribute(hash_key=True)
    name = UnicodeAttribute()
    external_id = UnicodeAttribute(null=True)  # see `organizer_external_id`
    members_version = Whole(null=True)  # raised by each change of its members; absent until the first one
    created_at = EpochSeconds()
    deleted_at = EpochSeconds(null=True)

    @property
    def is_ended(self) -> bool:
        """True if the organizer was deleted. Reads then do not find it."""
        return self.deleted_at is not None

    @classmethod
    def key(cls, slug: str) -> Key[Organizer]:
        return Key(cls, slug)


def check_slug(slug: str) -> str:
    """Return the slug. Raises ValueError if it is not valid; the message completes a sentence that begins with it."""
    if not SLUG.fullmatch(slug):
        raise ValueError("must be 1 to 50 of a-z, 0-9, '-', '_' and '.', and start with a letter or digit")
    return slug


def create(slug: str, name: str) -> Organizer:
    """Store a new organizer. Raises ConditionFailed if the slug is or ever was taken."""
    organizer = Organizer(slug=slug, name=name, created_at=clock.now())
    store.write(store.Put(organizer, Organizer.slug.does_not_exist()))
    return organizer


def rename(slug: str, name: str) -> None:
    """Raises ConditionFailed if there is no such organizer."""
    store.change(Organizer.key(slug), [Organizer.name.set(name)], is_there())


def is_there() -> Condition:
    """The condition that the organizer exists, and not only its slug."""
    condition: Condition = Organizer.slug.exists() & Organizer.deleted_at.does_not_exist()
    return condition


def delete(slug: str) -> None:
    """Close an organizer: our own API opens it to no token, and nobody can become a member.

    The authorizer and introspection tell other APIs the memberships, since a token check does not read organizers. So
    the caller must remove its members too.

    Raises ConditionFailed if there is no such organizer, StoreUnavailable.
    """
    for _ in range(_TRIES):
        found = get(slug)
        if found is None:
            raise store.ConditionFailed([])
        try:
            close(found)
        except store.ConditionFailed:
            continue  # changed in the meantime
        return
    raise store.StoreUnavailable("the organizer changed again and again")


def close(found: Organizer, *, members_too: bool = False) -> None:
    """`delete` an organizer as it was read; members_too: with the members that it had. Raises ConditionFailed if it has
    changed or was deleted since."""
    slug, external_id = found.slug, found.external_id
    ended: list[Action] = [Organizer.deleted_at.set(clock.now()), Organizer.name.set(_DELETED)]
    ended.append(Organizer.external_id.remove())
    freed = [organizer_external_id.free(external_id, slug)] if external_id else []
    store.write(store.Update(Organizer.key(slug), ended, is_as_read(found, members_too=members_too)), *freed)


def is_as_read(found: Organizer, *, members_too: bool = False) -> Condition:
    """The condition that the organizer exists, with the name and the external id that it had; members_too: and with the
    members."""
    named = Organizer.external_id
    is_same: Condition = named.does_not_exist() if found.external_id is None else named == found.external_id
    condition: Condition = is_there() & (Organizer.name == found.name) & is_same
    return condition & _has_members_of(found) if members_too else condition


def joined(slug: str, *, as_read: Organizer | None = None) -> store.Update:
    """The change that notes that users join, if the organizer exists; as_read: and has the members that it had then."""
    return _members_changed(slug, is_there(), as_read)


def left(slug: str, *, as_read: Organizer | None = None) -> store.Update:
    """The change that notes that users leave. They can leave an organizer that was deleted, too."""
    return _members_changed(slug, Organizer.slug.exists(), as_read)


def note_leaving(slugs: Iterable[str]) -> None:
    """Note that somebody who is being erased leaves these organizers. One that does not exist is passed over."""
    pending = iter(sorted(slugs))
    while part := list(islice(pending, _AT_ONCE)):
        try:
            store.write(*(left(slug) for slug in part))
        except store.ConditionFailed:
            for slug in part:
                with suppress(store.ConditionFailed):
                    store.write(left(slug))


def _members_changed(slug: str, condition: Condition, as_read: Organizer | None) -> store.Update:
    condition = condition & _has_members_of(as_read) if as_read else condition
    return store.Update(Organizer.key(slug), [Organizer.members_version.add(1)], condition)


def _has_members_of(found: Organizer) -> Condition:
    version = Organizer.members_version
    condition: Condition = (
        version.does_not_exist() if found.members_version is None else version == found.members_version
    )
    return condition


def forget(slug: str) -> None:
    """Delete an organizer without keeping its slug. Only for a random slug that was used by nothing but a test."""
    store.write(store.Delete(Organizer.key(slug)))


def is_taken(slug: str) -> bool:
    """True if there is or ever was an organizer with this slug."""
    return any(True for _ in store.query(Organizer, slug, ended_too=True))


def get(slug: str) -> Organizer | None:
    return store.read(Organizer.key(slug))[0]


def get_all(slugs: Iterable[str]) -> list[Organizer]:
    """The organizers with these slugs that exist, ordered by slug."""
    found = store.read_all([Organizer.key(slug) for slug in sorted(slugs)])
    return [organizer for organizer in found if organizer]


def by_name(organizers: Iterable[Organizer]) -> list[Organizer]:
    """Sorted as people expect: ignoring case and accents, and with Hall 2 before Hall 10."""
    return sorted(organizers, key=lambda organizer: (name_order(organizer.name), organizer.slug))


def name_order(name: str) -> list[tuple[int, int, str]]:
    """A sort key for names."""
    parts = re.split(r"([0-9]+)", _plain(name))
    return [(0, int(part), "") if number % 2 else (1, 0, part) for number, part in enumerate(parts) if part]


def is_named_like(name: str, text: str) -> bool:
    """True if the name contains the text, ignoring case and accents."""
    return _plain(text) in _plain(name)


def _plain(text: str) -> str:
    """The text without case and accents, which people leave out; German sorts ä as a (DIN 5007-1)."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character)).casefold()


def all_organizers(*, after: str | None = None) -> Iterator[Organizer]:
    """Every organizer, by a scan: for the operator's commands, never in a request. after: start after this slug."""
    return (found for found in store.scan(Organizer, after=after) if not found.is_ended)
