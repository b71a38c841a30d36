"""Consent: what a user allowed an application, remembered, and the root that everything issued under it hangs from.

A code can be exchanged and a token is good only while the consent that they were given under is there. So one delete
takes everything back at once, what is still on its way included. The consent stays until the user takes it back, also
when the application gives up its own tokens.
"""

from __future__ import annotations

from collections.abc import Iterable

from pynamodb.attributes import ListAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib import settings
from chalicelib.models import store
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
    grant_serials = ListAttribute(of=UnicodeAttribute, null=True)  # models/exchange.py keeps them
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


def is_as_known(known: Consent | None) -> Condition:
    """The condition that a consent is still what was read as `known`, or still is not there: an answer given in another
    tab meanwhile must not be written over."""
    condition: Condition = Consent.revision == known.revision if known else Consent.user_id.does_not_exist()
    return condition


def remember(consent: Consent, *, known: Consent | None) -> store.Change:
    """Write a consent over what was read as `known`, as part of a transaction.

    Where it says nothing new it only has to stand: so answers that are alike do not get into one another's way. It is
    never a put: the grants that are listed on it may have changed since. Under a new consent_id the list starts anew.
    """
    key = Consent.key(consent.user_id, consent.client_id)
    if known and all(getattr(known, name) == getattr(consent, name) for name in _said()):
        return store.Check(key, Consent.consent_id == known.consent_id)
    actions: list[Action] = [
        attribute.remove() if getattr(consent, name) is None else attribute.set(getattr(consent, name))
        for name, attribute in Consent.get_attributes().items()
        if name in (*_said(), "revision", "updated_at")
    ]
    if known is None or known.consent_id != consent.consent_id:
        actions.append(Consent.grant_serials.set([]))
    return store.Update(key, actions, is_as_known(known))


def _said() -> list[str]:
    """The attributes that tell what was allowed."""
    others = ("user_id", "client_id", "revision", "updated_at", "grant_serials")
    return [name for name in Consent.get_attributes() if name not in others]


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
