"""LinkedIdentity: the user that an identity elsewhere belongs to. Its key makes the identity unique.

An identity is a subject at a source: what an OpenID provider calls its user (`iss` and `sub`), or what the platform
itself does. It never changes hands as an email address does, so it alone says who somebody is.
"""

from __future__ import annotations

from dataclasses import dataclass

from pynamodb.attributes import UnicodeAttribute

from chalicelib import clock
from chalicelib.models import store
from chalicelib.models.store.table import EpochSeconds, Item, Key, TableMeta, TableName

PLATFORM = "platform"  # the source of subjects that the platform's own server names
SUBJECT_LIMIT_CHARACTERS = 255  # OpenID Connect Core §2
PER_USER_LIMIT = 10


@dataclass(frozen=True)
class Identity:
    """source: an issuer's URL, or PLATFORM. subject: as the source calls the user, compared exactly."""

    source: str
    subject: str

    def __str__(self) -> str:
        """As stored. A source has no space, so it ends at the first one."""
        return f"{self.source} {self.subject}"


class LinkedIdentity(Item):
    class Meta(TableMeta):
        table_name = TableName("linked_identities")

    identity = UnicodeAttribute(hash_key=True)
    user_id = UnicodeAttribute()
    linked_at = EpochSeconds()

    @classmethod
    def key(cls, identity: Identity) -> Key[LinkedIdentity]:
        return Key(cls, str(identity))


def check_subject(subject: str) -> str:
    """Return the subject. Raises ValueError if it cannot be one; the message completes a sentence that begins with
    it."""
    if not is_subject(subject):
        raise ValueError(f"must be 1 to {SUBJECT_LIMIT_CHARACTERS} printable characters, with no space at either end")
    return subject


def is_subject(subject: str) -> bool:
    is_short = 0 < len(subject) <= SUBJECT_LIMIT_CHARACTERS
    return is_short and subject.isprintable() and subject == subject.strip()


def parse(stored: str) -> Identity:
    """An identity as it is stored."""
    return Identity(*stored.split(" ", 1))


def claim(identity: Identity, user_id: str) -> store.Put:
    """The change that gives the identity to a user, unless it is another one's."""
    linked = LinkedIdentity(identity=str(identity), user_id=user_id, linked_at=clock.now())
    return store.Put(linked, LinkedIdentity.identity.does_not_exist() | (LinkedIdentity.user_id == user_id))
