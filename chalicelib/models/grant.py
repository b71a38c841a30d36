"""Grant: one user's permission for one application, with its refresh token.

A grant's id is user id + client id + serial number. So a token, which carries the id, names everything that decides
whether it is good, and all of that comes in one read; and a user's grants for one application stand side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pynamodb.attributes import UnicodeAttribute, UnicodeSetAttribute
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection

from chalicelib import clock, credentials, settings
from chalicelib.models import store
from chalicelib.models.access_token import AccessToken
from chalicelib.models.application import Application
from chalicelib.models.consent import Consent
from chalicelib.models.table import EpochSeconds, Item, Key, TableMeta, Whole, table_name
from chalicelib.models.user import User


class ClientIndex(GlobalSecondaryIndex["Grant"]):
    """Counts and finds an application's grants. Eventually consistent: it shows, it never decides."""

    class Meta:
        index_name = "client"
        projection = KeysOnlyProjection()

    client_id = UnicodeAttribute(hash_key=True)


class Grant(Item):
    ends_by = "created_at"

    class Meta(TableMeta):
        table_name = table_name("grants")

    user_id = UnicodeAttribute(hash_key=True)
    grant_id = UnicodeAttribute(range_key=True)
    client_id = UnicodeAttribute()
    consent_id = UnicodeAttribute()
    scope = UnicodeAttribute()
    organizers = UnicodeSetAttribute(null=True)
    resource = UnicodeAttribute(null=True)
    refresh_digest = UnicodeAttribute()
    generation = Whole(default=0)  # how often the refresh token was rotated
    rotated_at = EpochSeconds(null=True)
    created_at = EpochSeconds()
    last_used_at = EpochSeconds()
    by_client = ClientIndex()

    @classmethod
    def key(cls, grant_id: str) -> Key[Grant]:
        return Key(cls, user_of(grant_id), grant_id)


@dataclass(frozen=True)
class Standing:
    """All that decides whether a token of a grant is good, as it stood at one moment."""

    grant: Grant
    user: User
    application: Application
    consent: Consent | None
    access_token: AccessToken | None

    @property
    def is_good(self) -> bool:
        """Are its user and application active, and does the consent stand that it was given under?"""
        return bool(self.user.active and self.application.active) and is_allowed(self.grant, self.consent)

    @property
    def allowed_scopes(self) -> frozenset[str]:
        return frozenset(self.grant.scope.split())

    @property
    def allowed_organizers(self) -> frozenset[str]:
        return self.user.organizers


@dataclass(frozen=True)
class Connected:
    """How many users have an application connected. is_complete: or are there more that were not counted?"""

    users: int
    is_complete: bool


def new_id(user_id: str, client_id: str) -> str:
    return user_id + client_id + credentials.new_serial()


def user_of(grant_id: str) -> str:
    return grant_id[: credentials.ID_LENGTH]


def client_of(grant_id: str) -> str:
    return grant_id[credentials.ID_LENGTH : 2 * credentials.ID_LENGTH]


def consent_key(grant_id: str) -> Key[Consent]:
    return Consent.key(user_of(grant_id), client_of(grant_id))


def is_allowed(grant: Grant, consent: Consent | None) -> bool:
    """Does the consent that it was given under still stand?"""
    return consent is not None and consent.consent_id == grant.consent_id


def standing(grant_id: str) -> Standing | None:
    """Read all that decides in one round trip; None where the grant, its user or its application is gone."""
    grant, token, user, application, consent = store.read(
        Grant.key(grant_id),
        AccessToken.key(grant_id),
        User.key(user_of(grant_id)),
        Application.key(client_of(grant_id)),
        consent_key(grant_id),
    )
    if grant is None or user is None or application is None:
        return None
    return Standing(grant, user, application, consent, token)


def refresh(grant: Grant, access_token: AccessToken) -> None:
    """Put the next access token in place of the last one. Raises ConditionFailed where the grant has ended."""
    store.write(
        store.Update(
            Grant.key(grant.grant_id),
            [Grant.last_used_at.set(clock.now())],
            Grant.refresh_digest == grant.refresh_digest,
        ),
        store.Put(access_token),
        store.Check(consent_key(grant.grant_id), Consent.consent_id == grant.consent_id),
    )


def rotate(grant: Grant, successor_digest: str, access_token: AccessToken) -> None:
    """Put the next refresh token and the next access token in place of the last ones.

    Raises ConditionFailed where another request was first with this refresh token, or the grant has ended.
    """
    now = clock.now()
    store.write(
        store.Update(
            Grant.key(grant.grant_id),
            [
                Grant.refresh_digest.set(successor_digest),
                Grant.generation.set(grant.generation + 1),
                Grant.rotated_at.set(now),
                Grant.last_used_at.set(now),
            ],
            Grant.refresh_digest == grant.refresh_digest,
        ),
        store.Put(access_token),
        store.Check(consent_key(grant.grant_id), Consent.consent_id == grant.consent_id),
    )


def touch(grant: Grant) -> None:
    """Note that the grant was used, at most once in GRANT_TOUCH_SECONDS."""
    if clock.now() - grant.last_used_at < settings.GRANT_TOUCH_SECONDS:
        return
    with store.aside():  # an ended grant, or a note that cannot be taken, is no reason to refuse the request
        store.change(Grant.key(grant.grant_id), [Grant.last_used_at.set(clock.now())], Grant.grant_id.exists())


def end(grant_id: str) -> None:
    """Both its tokens with it."""
    store.write(store.Delete(Grant.key(grant_id)), store.Delete(AccessToken.key(grant_id)))


def take_back(user_id: str, client_id: str) -> None:
    """End all that the user allowed the application. The first delete has ended it; the others tidy up."""
    store.write(store.Delete(Consent.key(user_id, client_id)))
    with store.aside(dead_grants="left"):
        _tidy_up(store.query(Grant, user_id, starts_with=user_id + client_id))


def end_surplus(user_id: str, client_id: str) -> None:
    """Make room for one more grant. An aside: the next time does as well."""
    with store.aside(surplus_grants="left"):
        held = sorted(
            store.query(Grant, user_id, starts_with=user_id + client_id), key=lambda grant: grant.last_used_at
        )
        _tidy_up(held[: max(0, len(held) - settings.GRANTS_PER_APPLICATION_LIMIT + 1)])


def _tidy_up(grants: Iterable[Grant]) -> None:
    keys = [key for grant in grants for key in (Grant.key(grant.grant_id), AccessToken.key(grant.grant_id))]
    store.delete_all(keys)


def held_by(user_id: str) -> Iterator[Grant]:
    return store.query(Grant, user_id)


def connected_to(client_id: str) -> Connected:
    """Who is connected to an application, for its owner to see: from an index, and never more than it may cost."""
    found = list(store.query(Grant, client_id, index="by_client", most=settings.CONNECTED_COUNT_LIMIT))
    return Connected(len({grant.user_id for grant in found}), len(found) < settings.CONNECTED_COUNT_LIMIT)


def users_of(client_id: str) -> set[str]:
    """Who has granted this application something, from an index that lags behind a little: for the operator."""
    return {str(found.user_id) for found in store.query(Grant, client_id, index="by_client")}
