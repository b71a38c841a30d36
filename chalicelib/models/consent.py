"""Consent: what a user allowed an application, remembered, and the root that everything issued under it hangs from.

A code can be exchanged and a token is good only while the consent that they were given under is there. So one delete
takes everything back at once, what is still on its way included. The consent stays until the user takes it back, also
when the application gives up its own tokens.
"""

from __future__ import annotations

from collections.abc import Iterable

from pynamodb.attributes import UnicodeAttribute, UnicodeSetAttribute
from pynamodb.expressions.condition import Condition

from chalicelib import clock, settings
from chalicelib.models import store
from chalicelib.models.application import Application
from chalicelib.models.table import EpochSeconds, Item, Key, TableMeta, table_name


class Consent(Item):
    class Meta(TableMeta):
        table_name = table_name("consents")

    user_id = UnicodeAttribute(hash_key=True)
    client_id = UnicodeAttribute(range_key=True)
    consent_id = UnicodeAttribute()
    revision = UnicodeAttribute()
    scopes = UnicodeSetAttribute()
    organizers = UnicodeSetAttribute(null=True)
    created_at = EpochSeconds()
    updated_at = EpochSeconds()

    @property
    def predates_restore(self) -> bool:
        """Given before NOT_BEFORE: a restore may have brought it back.

        It stays readable, unlike what `ends_by` ends, since what is allowed next is written over it.
        """
        return bool(self.updated_at < settings.SETTINGS.not_before)

    @classmethod
    def key(cls, user_id: str, client_id: str) -> Key[Consent]:
        return Key(cls, user_id, client_id)


def in_force(given: Consent | None, application: Application) -> Consent | None:
    """The consent, unless a restore may have brought it back or the operator has ended all of its application's."""
    return None if given is None or given.predates_restore or _is_ended(given, application) else given


def stands(given: Consent | None, consent_id: str, application: Application) -> bool:
    """Does the consent still stand that a code, a grant or a device's request was given under?

    The one rule for all of them. Where the consent is only demanded of the store and not read: `must_stand`.
    """
    return given is not None and given.consent_id == consent_id and not _is_ended(given, application)


def must_stand(user_id: str, consent_id: str, application: Application) -> store.Check:
    """`stands`, as part of a transaction."""
    is_same = Consent.consent_id == consent_id
    void_before = application.void_before
    is_later = Consent.created_at > void_before if void_before is not None else None
    return store.Check(Consent.key(user_id, application.client_id), is_same & is_later if is_later else is_same)


def moment_for(application: Application) -> int:
    """When a consent that is given now counts as given: after all that the operator ended in this same second."""
    return max(clock.now(), (application.void_before or 0) + 1)


def _is_ended(given: Consent, application: Application) -> bool:
    # By when it was first given: an answer that is under way meanwhile updates the consent, and keeps this moment.
    return application.void_before is not None and given.created_at <= application.void_before


def is_as_known(known: Consent | None) -> Condition:
    """The condition that a consent is still what was read as `known`, or still is not there: an answer given in another
    tab meanwhile must not be written over."""
    condition: Condition = Consent.revision == known.revision if known else Consent.user_id.does_not_exist()
    return condition


def given_by(user_id: str) -> list[Consent]:
    return list(store.query(Consent, user_id))


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
