"""Consent: what a user allowed an application, remembered, and the root that everything issued under it hangs from.

A code can be exchanged and a token is good only while the consent that they were given under is there. So one delete
takes everything back at once, what is still on its way included. The consent stays until the user takes it back, also
when the application gives up its own tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pynamodb.attributes import ListAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib import clock, settings
from chalicelib.models import application, store
from chalicelib.models.application import Application
from chalicelib.models.store.table import EpochSeconds, Item, Key, TableMeta, TableName, as_set

_TRIES = 3


class Consent(Item):
    class Meta(TableMeta):
        table_name = TableName("consents")

    user_id = UnicodeAttribute(hash_key=True)
    client_id = UnicodeAttribute(range_key=True)
    consent_id = UnicodeAttribute()
    revision = UnicodeAttribute()
    scopes = UnicodeSetAttribute()
    organizers = UnicodeSetAttribute(null=True)
    remembered_at = UnicodeSetAttribute(null=True)  # none where a version stored it that knew no origins
    grant_serials = ListAttribute(of=UnicodeAttribute, null=True)  # models/exchange.py keeps them
    created_at = EpochSeconds()
    updated_at = EpochSeconds()

    @property
    def predates_restore(self) -> bool:
        """Given before NOT_BEFORE: a restore may have brought it back.

        It stays readable, unlike what `issued_at_name` ends, since what is allowed next is written over it.
        """
        return bool(self.updated_at < settings.SETTINGS.not_before)

    @property
    def scopes_at(self) -> dict[str, frozenset[str]]:
        """The scopes that were allowed for these organizers, by the origin that the answer went to."""
        each = (entry.split(" ") for entry in self.remembered_at or ())
        return {origin: frozenset(scopes) for origin, *scopes in each}

    @classmethod
    def key(cls, user_id: str, client_id: str) -> Key[Consent]:
        return Key(cls, user_id, client_id)


def in_force(given: Consent | None, of: Application) -> Consent | None:
    """The consent, unless a restore may have brought it back or the operator has ended all of its application's."""
    return None if given is None or given.predates_restore or _is_ended(given, of) else given


def stands(given: Consent | None, consent_id: str, of: Application) -> bool:
    """Does the consent still stand that a code, a grant or a device's request was given under?

    The one rule for all of them. Where the consent is only demanded of the store and not read: `must_stand`.
    """
    return given is not None and given.consent_id == consent_id and not _is_ended(given, of)


def is_standing(consent_id: str, of: Application) -> Condition:
    """`stands`, as a condition on the consent."""
    condition: Condition = Consent.consent_id == consent_id
    if of.void_before is not None:
        condition &= Consent.created_at > of.void_before
    return condition


def must_stand(user_id: str, consent_id: str, of: Application) -> store.Check:
    """`stands`, as part of a transaction."""
    return store.Check(Consent.key(user_id, of.client_id), is_standing(consent_id, of))


def end_all(client_id: str) -> None:
    """End every consent that the application was given until now, whether or not anything was fetched under it.

    Raises ConditionFailed where there is no such application.
    """
    for _ in range(_TRIES):
        found = application.get(client_id)
        if found is None:
            break
        last = found.void_before
        is_as_read = Application.void_before.does_not_exist() if last is None else Application.void_before == last
        moment = max(clock.now() + settings.CLOCKS_APART_SECONDS, (last or 0) + 1)
        try:
            store.change(
                Application.key(client_id),
                [Application.void_before.set(moment)],
                Application.owner_id.exists() & is_as_read,
            )
        except store.ConditionFailed:
            continue  # somebody else has ended them at the same moment, or deleted the application
        return
    raise store.ConditionFailed([])


def moment_for(of: Application) -> int:
    """When a consent that is given now counts as given: after all that the operator ended in this same second."""
    return max(clock.now(), (of.void_before or 0) + 1)


def _is_ended(given: Consent, of: Application) -> bool:
    # By when it was first given: an answer that is under way meanwhile updates the consent, and keeps this moment.
    return of.void_before is not None and given.created_at <= of.void_before


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


def tidy_up(consents: Iterable[Consent]) -> None:
    """Delete consents whose applications were deleted, and which can never count again: no client id is used twice.

    An aside: the next to come across them does as well.
    """
    with store.aside(dead_consents="left"):
        for given in consents:
            store.write(store.Delete(given.own_key))


def as_remembered(scopes_at: Mapping[str, Iterable[str]]) -> set[str] | None:
    """`Consent.scopes_at` as it is stored: an entry for each origin, `https://shop.example.com read write`."""
    return as_set(" ".join([origin, *sorted(scopes)]) for origin, scopes in scopes_at.items())
