"""Consent: what a user allowed an application, remembered, and the root that everything issued under it hangs from.

A code can be exchanged only while the consent that it was given under is there, so taking it back also ends what is
still on its way. It stays until the user takes it back, also when the application gives up its own tokens.
"""

from __future__ import annotations

from collections.abc import Iterable

from pynamodb.attributes import UnicodeAttribute, UnicodeSetAttribute

from chalicelib.models import grant, store
from chalicelib.models.store import EpochSeconds, Item, Key, TableMeta, table_name


class Consent(Item):
    class Meta(TableMeta):
        table_name = table_name("consents")

    user_id = UnicodeAttribute(hash_key=True)
    client_id = UnicodeAttribute(range_key=True)
    consent_id = UnicodeAttribute()
    scopes = UnicodeSetAttribute()
    organizers = UnicodeSetAttribute(null=True)
    created_at = EpochSeconds()
    updated_at = EpochSeconds()

    @classmethod
    def key(cls, user_id: str, client_id: str) -> Key[Consent]:
        return Key(cls, user_id, client_id)


def given_by(user_id: str) -> list[Consent]:
    return list(store.query(Consent, user_id))


def end(user_id: str, client_id: str) -> None:
    """Take back all that the user allowed. The consent goes first: from then on no code makes a grant."""
    store.write(store.Delete(Consent.key(user_id, client_id)))
    grant.end_all(user_id, client_id)


def widened(old: Consent | None, scopes: Iterable[str], organizers: Iterable[str]) -> tuple[set[str], set[str]]:
    """What to remember after the user allowed `scopes` for `organizers`.

    Scopes add up as long as the organizers are the same; for other organizers the last word counts alone. An answer
    that touches no organizers (the `profile` scope) leaves what is remembered about them as it was.
    """
    scopes, organizers = set(scopes), set(organizers)
    if old is None:
        return scopes, organizers
    kept = set(old.organizers or ())
    if not organizers:
        return scopes | set(old.scopes), kept
    return (scopes | set(old.scopes) if kept in (organizers, set()) else scopes), organizers
