"""Consent: what a user allowed an application, and the root that everything issued under it depends on.

A code can be exchanged, and a token is valid, only while the consent that it was issued under exists. So one delete
ends everything at once, including codes still on their way. The consent stays until the user revokes it, even if the
application gives up its own tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pynamodb.attributes import ListAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib import clock, limits, settings
from chalicelib.models import application, ended_tokens, store
from chalicelib.models.application import Application
from chalicelib.models.store.table import EpochSeconds, Item, Key, TableMeta, TableName, as_set

_TRIES = 3
_AT_ONE_API = ">"  # neither an origin nor a resource has it


class Consent(Item):
    class Meta(TableMeta):
        table_name = TableName("consents")

    user_id = UnicodeAttribute(hash_key=True)
    client_id = UnicodeAttribute(range_key=True)
    consent_id = UnicodeAttribute()
    revision = UnicodeAttribute()
    scopes = UnicodeSetAttribute()
    organizers = UnicodeSetAttribute(null=True)
    remembered_at = UnicodeSetAttribute(null=True)  # None if stored by a version that did not record origins
    grant_serials = ListAttribute(of=UnicodeAttribute, null=True)  # maintained by models/exchange.py
    created_at = EpochSeconds()
    updated_at = EpochSeconds()

    @property
    def predates_restore(self) -> bool:
        """True if the consent is from before NOT_BEFORE, so a restore may have brought it back.

        It stays readable, unlike items with an `issued_at_name`, because the next consent is written over it.
        """
        return bool(self.updated_at < settings.SETTINGS.not_before)

    @property
    def scopes_at(self) -> dict[str, frozenset[str]]:
        """The scopes allowed for these organizers, as stored, by the `place` that they were allowed at."""
        each = (entry.split(" ") for entry in self.remembered_at or ())
        return {at: frozenset(scopes) for at, *scopes in each}

    def allowed_at(self, origin: str, resource: str | None) -> frozenset[str] | None:
        """The scopes that the user allowed for responses to this origin, at this API or at all of them, as stored; None
        if they allowed none. resource: the API's URL; None for all of them."""
        found = [scopes for at, scopes in self.scopes_at.items() if at in (place(origin), place(origin, resource))]
        return frozenset().union(*found) if found else None

    def allowed_here_and_elsewhere(self, resource: str | None) -> tuple[frozenset[str], frozenset[str]]:
        """The scopes that the user allowed at this API or at all of them, and those at other APIs, whichever origin the
        response went to; as stored."""
        here, others = frozenset[str](), frozenset[str]()
        for at, scopes in self.scopes_at.items():
            if at.partition(_AT_ONE_API)[2] in ("", resource):
                here |= scopes
            else:
                others |= scopes
        return here, others

    def knows_origin(self, origin: str) -> bool:
        """True if a response went to this origin, whatever it was for."""
        return any(at.partition(_AT_ONE_API)[0] == origin for at in self.scopes_at)

    @classmethod
    def key(cls, user_id: str, client_id: str) -> Key[Consent]:
        return Key(cls, user_id, client_id)


def place(origin: str, resource: str | None = None) -> str:
    """What a remembered consent is limited to: the origin that the response went to, and the URL of the one API that it
    was for (RFC 8707); None for all of them."""
    return f"{origin}{_AT_ONE_API}{resource}" if resource else origin


def in_force(given: Consent | None, of: Application) -> Consent | None:
    """The consent; None if a restore may have brought it back or the operator has ended the application's consents."""
    return None if given is None or given.predates_restore or _is_ended(given, of) else given


def stands(given: Consent | None, consent_id: str, of: Application) -> bool:
    """True if the consent that a code, a grant or a device's request was given under still stands.

    The one rule for all of them. `must_stand` is the same rule as a condition, for when the consent is not read.
    """
    return given is not None and given.consent_id == consent_id and not _is_ended(given, of)


def is_standing(consent_id: str, of: Application) -> Condition:
    """`stands`, as a condition on the consent's item."""
    condition: Condition = Consent.consent_id == consent_id
    if of.void_before is not None:
        condition &= Consent.created_at > of.void_before
    return condition


def must_stand(user_id: str, consent_id: str, of: Application) -> store.Check:
    """`stands`, as a check in a transaction."""
    return store.Check(Consent.key(user_id, of.client_id), is_standing(consent_id, of))


def end_all(client_id: str) -> None:
    """End every consent that the application was given until now, whether or not it fetched tokens under it.

    Raises ConditionFailed if there is no such application.
    """
    for _ in range(_TRIES):
        found = application.get(client_id)
        if found is None:
            break
        last = found.void_before
        is_as_read = Application.void_before.does_not_exist() if last is None else Application.void_before == last
        moment = max(clock.now() + limits.CLOCKS_APART_SECONDS, (last or 0) + 1)
        ended = store.Update(
            Application.key(client_id),
            [Application.void_before.set(moment)],
            Application.owner_id.exists() & is_as_read,
        )
        try:
            handle = ended_tokens.handle_of_application(found.client_id)
            store.write(ended, *ended_tokens.all_with(handle, before=moment))
        except store.ConditionFailed:
            continue  # somebody else has just ended them, or deleted the application
        return
    raise store.ConditionFailed([])


def delete_consent(user_id: str, client_id: str) -> None:
    """End a consent and everything under it. Raises StoreUnavailable."""
    key = Consent.key(user_id, client_id)
    if not ended_tokens.are_listed():
        store.write(store.Delete(key))
        return
    for _ in range(_TRIES):
        found = store.read(key)[0]
        if found is None:
            return
        handle = ended_tokens.handle_of_consent(found.consent_id)
        try:
            store.write(store.Delete(key, Consent.consent_id == found.consent_id), *ended_tokens.all_with(handle))
        except store.ConditionFailed:
            continue  # it was ended and given again since
        return
    raise store.StoreUnavailable("given again and again")


def moment_for(of: Application) -> int:
    """The creation time of a new consent: later than whatever the operator ended within this same second."""
    return max(clock.now(), (of.void_before or 0) + 1)


def _is_ended(given: Consent, of: Application) -> bool:
    # By creation time, which stays when an answer given in the meantime updates the consent.
    return of.void_before is not None and given.created_at <= of.void_before


def is_as_known(known: Consent | None) -> Condition:
    """The condition that a consent is still as `known`, or still missing, so that no other tab's answer is lost."""
    condition: Condition = Consent.revision == known.revision if known else Consent.user_id.does_not_exist()
    return condition


def remember(consent: Consent, *, known: Consent | None) -> store.Change:
    """Write a consent over the one that was read as `known`, as part of a transaction.

    If it says nothing new, it is only checked, so that identical answers do not conflict. It is never a put, because
    the list of grants may have changed since the read. A new consent_id starts a new list.
    """
    key = Consent.key(consent.user_id, consent.client_id)
    if known and all(getattr(known, name) == getattr(consent, name) for name in _content_attributes()):
        return store.Check(key, Consent.consent_id == known.consent_id)
    actions: list[Action] = [
        attribute.remove() if getattr(consent, name) is None else attribute.set(getattr(consent, name))
        for name, attribute in Consent.get_attributes().items()
        if name in (*_content_attributes(), "revision", "updated_at")
    ]
    if known is None or known.consent_id != consent.consent_id:
        actions.append(Consent.grant_serials.set([]))
    return store.Update(key, actions, is_as_known(known))


def _content_attributes() -> list[str]:
    """The attributes that say what was allowed."""
    others = ("user_id", "client_id", "revision", "updated_at", "grant_serials")
    return [name for name in Consent.get_attributes() if name not in others]


def given_by(user_id: str) -> list[Consent]:
    return list(store.query(Consent, user_id))


def tidy_up(consents: Iterable[Consent]) -> None:
    """Delete the consents of deleted applications. They can never apply again, since no client id is used twice.

    An aside: what it leaves, the next one to read these consents deletes.
    """
    with store.aside(dead_consents="left"):
        for given in consents:
            store.write(store.Delete(given.own_key))


def as_remembered(scopes_at: Mapping[str, Iterable[str]]) -> set[str] | None:
    """`Consent.scopes_at` as stored: an entry per `place`, such as `https://shop.example.com read write`."""
    return as_set(" ".join([at, *sorted(scopes)]) for at, scopes in scopes_at.items())
