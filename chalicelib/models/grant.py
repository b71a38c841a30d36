"""Grant: one user's permission for one application, with its refresh token.

A grant's id is user id + client id + serial number. So a token, which contains the id, names everything that decides
whether it is valid, and one read returns all of it; and a user's grants for one application are adjacent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pynamodb.attributes import ListAttribute, MapAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection

from chalicelib import clock, credentials, limits, settings
from chalicelib.models import ended_tokens, store, user_organizers
from chalicelib.models.access_token import AccessToken, jti
from chalicelib.models.application import Application
from chalicelib.models.consent import Consent, delete_consent, stands
from chalicelib.models.store.table import EpochSeconds, Item, Key, TableMeta, TableName, TimeToLive, Whole
from chalicelib.models.user import User


class ClientIndex(GlobalSecondaryIndex["Grant"]):
    """Counts and finds an application's grants. Eventually consistent: good for showing them, never for decisions."""

    class Meta:
        index_name = "client"
        projection = KeysOnlyProjection()

    client_id = UnicodeAttribute(hash_key=True)


class Stretch(MapAttribute[str, Any]):
    """A part of a grant's chain of refresh tokens that was made with one key.

    key_id: None if made by a version that did not record keys and used no salt. began, ended: generations. end_digest:
    of the token of generation `ended`; a token of this stretch is recognized by walking to it.
    """

    key_id = UnicodeAttribute(null=True)
    began = Whole()
    ended = Whole()
    end_digest = UnicodeAttribute()


class Grant(Item):
    issued_at_name = "created_at"

    class Meta(TableMeta):
        table_name = TableName("grants")

    user_id = UnicodeAttribute(hash_key=True)
    grant_id = UnicodeAttribute(range_key=True)
    client_id = UnicodeAttribute()
    consent_id = UnicodeAttribute()
    scope = UnicodeAttribute()
    organizers = UnicodeSetAttribute(null=True)
    resource = UnicodeAttribute(null=True)
    refresh_digest = UnicodeAttribute()
    generation = Whole(default=0)  # the number of refreshes
    # Of the sign-in under which it was allowed with `openid`; see `authorization_code`.
    auth_time = EpochSeconds(null=True)
    session_id = UnicodeAttribute(null=True)
    amr = UnicodeAttribute(null=True)
    acr = UnicodeAttribute(null=True)
    id_token_claims = UnicodeSetAttribute(null=True)  # names of claims about the user that each ID token has
    # The attributes below are for public clients, whose refresh tokens rotate.
    rotated_at = EpochSeconds(null=True)
    rotated_before_at = EpochSeconds(null=True)
    jkt = UnicodeAttribute(null=True)  # the thumbprint of the key that the refresh token is bound to (RFC 9449 §5)
    bound_since = Whole(null=True)  # the generation of the first token bound to it; None if all are
    refresh_salt = UnicodeAttribute(null=True)
    refresh_key_id = UnicodeAttribute(null=True)
    stretch_began = Whole(default=0)
    past_stretches = ListAttribute(of=Stretch, null=True)
    repeated_generation = Whole(null=True)
    repeated_rotations = Whole(default=0)
    forget_at = TimeToLive(null=True)
    # The access token that is live, if it is a JWT: whoever ends it has to list it without reading it.
    signed_digest = UnicodeAttribute(null=True)
    signed_until = EpochSeconds(null=True)
    created_at = EpochSeconds()
    last_used_at = EpochSeconds()
    by_client = ClientIndex()

    @classmethod
    def key(cls, grant_id: str) -> Key[Grant]:
        return Key(cls, user_of(grant_id), grant_id)

    def hold(self, access_token: AccessToken) -> None:
        """Note on a grant that is not yet stored which access token it has."""
        if access_token.signed:
            self.signed_digest, self.signed_until = access_token.token_digest, access_token.expires_at

    @property
    def refresh_token_issued_at(self) -> int:
        return int(self.rotated_at or self.created_at)

    @property
    def idle_at(self) -> int | None:
        """When the refresh token expires if it is not used (seconds since the epoch); None for never, as for one from a
        version without idle expiry."""
        idle_seconds = settings.SETTINGS.refresh_idle_days * limits.DAY_SECONDS
        return self.refresh_token_issued_at + idle_seconds if idle_seconds and self.forget_at is not None else None

    @property
    def is_idle(self) -> bool:
        """True if the refresh token expired unused."""
        return self.idle_at is not None and clock.now() >= self.idle_at


@dataclass(frozen=True)
class GrantStanding:
    """Everything that decides whether a grant's token is valid, read at one moment."""

    grant: Grant
    user: User
    application: Application
    consent: Consent | None
    access_token: AccessToken | None

    @property
    def is_good(self) -> bool:
        """True if the user and the application are active and the consent behind the grant stands."""
        return bool(self.user.active and self.application.active) and is_allowed(
            self.grant, self.consent, self.application
        )

    def organizers_among(self, slugs: Iterable[str]) -> frozenset[str]:
        """Those of these organizers that the user belongs to. One round trip for a user with very many; else none."""
        return user_organizers.among(self.user, slugs)


@dataclass(frozen=True)
class Connected:
    """The approximate number of an application's users. is_complete: False if counting stopped at the limit."""

    users: int
    is_complete: bool


def new_id(user_id: str, client_id: str) -> str:
    return user_id + client_id + credentials.new_serial()


def user_of(grant_id: str) -> str:
    return grant_id[: credentials.ID_LENGTH]


def client_of(grant_id: str) -> str:
    return grant_id[credentials.ID_LENGTH : 2 * credentials.ID_LENGTH]


def serial_of(grant_id: str) -> str:
    return grant_id[2 * credentials.ID_LENGTH :]


def consent_key(grant_id: str) -> Key[Consent]:
    return Consent.key(user_of(grant_id), client_of(grant_id))


def is_allowed(grant: Grant, consent: Consent | None, application: Application) -> bool:
    """True if the consent behind the grant still stands."""
    return stands(consent, grant.consent_id, application)


def standing(grant_id: str) -> GrantStanding | None:
    """Read everything that decides, in one round trip. None if the grant, its user or its application is gone."""
    grant, token, user, application, consent = store.read(
        Grant.key(grant_id),
        AccessToken.key(grant_id),
        User.key(user_of(grant_id)),
        Application.key(client_of(grant_id)),
        consent_key(grant_id),
    )
    if grant is None or user is None or application is None:
        return None
    return GrantStanding(grant, user, application, consent, token)


def refresh(grant: Grant, access_token: AccessToken) -> None:
    """Replace the access token of a confidential client, whose refresh token stays the same.

    Raises ConditionFailed if another refresh came first since the grant was read, or if the grant has ended. So a late
    write never ends a newer token.
    """
    actions: list[Action] = [
        Grant.generation.set(grant.generation + 1),
        Grant.last_used_at.set(clock.now()),
        Grant.forget_at.remove(),  # set while the client was public; its document has since made it confidential
    ]
    advance(grant, actions, access_token)


def advance(grant: Grant, actions: list[Action], access_token: AccessToken) -> None:
    """Change a grant and replace its access token, if the grant is as it was read and its consent stands.

    actions: the changes; one of them advances the generation. Raises ConditionFailed.
    """
    is_as_read: Condition = Grant.generation == grant.generation
    if not grant.generation:
        is_as_read |= Grant.generation.does_not_exist()
    held = [*actions, *_holding(grant, access_token)]
    store.write(
        store.Update(Grant.key(grant.grant_id), held, (Grant.refresh_digest == grant.refresh_digest) & is_as_read),
        store.Put(access_token),
        store.Check(consent_key(grant.grant_id), Consent.consent_id == grant.consent_id),
        *ended_token(grant),
    )


def _holding(grant: Grant, access_token: AccessToken) -> list[Action]:
    """The changes of a grant whose access token is replaced; none between opaque ones."""
    if access_token.signed:
        return [Grant.signed_digest.set(access_token.token_digest), Grant.signed_until.set(access_token.expires_at)]
    return [Grant.signed_digest.remove(), Grant.signed_until.remove()] if grant.signed_digest else []


def ended_token(grant: Grant) -> list[store.Change]:
    """The change that lists the grant's signed access token as ended; none if it has none that has not expired."""
    if grant.signed_digest is None or grant.signed_until is None:
        return []
    return ended_tokens.token(jti(grant.grant_id, grant.signed_digest), grant.signed_until)


def forgotten_at() -> int | None:
    """When a public client's grant may be deleted if it is not refreshed (seconds since the epoch); None for never."""
    days = settings.SETTINGS.refresh_idle_days
    return clock.now() + days * limits.DAY_SECONDS + limits.IDLE_GRANT_KEPT_SECONDS if days else None


def touch(grant: Grant) -> None:
    """Record that the grant was used, at most once every GRANT_TOUCH_SECONDS."""
    if clock.now() - grant.last_used_at < limits.GRANT_TOUCH_SECONDS:
        return
    with store.aside():  # an ended grant or a failed write is no reason to refuse the request
        store.change(Grant.key(grant.grant_id), [Grant.last_used_at.set(clock.now())], Grant.grant_id.exists())


def take_back(user_id: str, client_id: str) -> None:
    """End everything that the user allowed the application. Deleting the consent ends it; the grants, which are useless
    without it, are deleted as well, now or when they are next read."""
    delete_consent(user_id, client_id)
    with store.aside(dead_grants="left"):
        _delete_all(str(grant.grant_id) for grant in held_for(user_id, client_id))


def tidy_up(grant_ids: Iterable[str]) -> None:
    """Delete grants that are no longer valid. An aside: what it leaves, the next one to read these grants deletes."""
    with store.aside(dead_grants="left"):
        _delete_all(grant_ids)


def _delete_all(grant_ids: Iterable[str]) -> None:
    store.delete_all([key for grant_id in grant_ids for key in (Grant.key(grant_id), AccessToken.key(grant_id))])


def tidy_up_left(grants: Iterable[Grant], consents: Iterable[Consent]) -> None:
    """Delete the grants left by a request or command that ended a consent and was interrupted before it deleted them.

    consents: all that stand, read after the grants. So a consent that is missing has ended and does not come back.
    """
    standing = {consent.consent_id for consent in consents}
    tidy_up(str(grant.grant_id) for grant in grants if grant.consent_id not in standing)


def held_for(user_id: str, client_id: str) -> list[Grant]:
    return list(store.query(Grant, user_id, starts_with=user_id + client_id))


def held_by(user_id: str) -> Iterator[Grant]:
    return store.query(Grant, user_id)


def connected_to(client_id: str) -> Connected:
    """The approximate number of users who have connected an application, for its owner. From an index, one round trip.

    Grants left behind by an interrupted request are counted too: checking their consents would take a read of each.
    """
    found = list(store.query(Grant, client_id, index="by_client", most=limits.CONNECTED_COUNT_LIMIT))
    return Connected(len({str(grant.user_id) for grant in found}), len(found) < limits.CONNECTED_COUNT_LIMIT)


def users_of(client_id: str) -> set[str]:
    """The users who have allowed this application something, for the operator. From an index that lags a little."""
    return {str(found.user_id) for found in store.query(Grant, client_id, index="by_client")}
