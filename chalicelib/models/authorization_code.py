"""AuthorizationCode: what a user allowed, on its way to the application (RFC 6749 §4.1)."""

from __future__ import annotations

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute, UnicodeSetAttribute

from chalicelib import clock, settings
from chalicelib.models import store
from chalicelib.models.access_token import AccessToken
from chalicelib.models.consent import Consent, remember
from chalicelib.models.exchange import store_claimed
from chalicelib.models.grant import Grant
from chalicelib.models.table import EpochSeconds, Item, Key, TableMeta, TimeToLive, table_name


class AuthorizationCode(Item):
    ends_by = "created_at"

    class Meta(TableMeta):
        table_name = table_name("authorization_codes")

    code_digest = UnicodeAttribute(hash_key=True)
    client_id = UnicodeAttribute()
    user_id = UnicodeAttribute()
    consent_id = UnicodeAttribute()
    scope = UnicodeAttribute()
    organizers = UnicodeSetAttribute(null=True)
    resource = UnicodeAttribute(null=True)
    redirect_uri = UnicodeAttribute()
    redirect_uri_given = BooleanAttribute()
    code_challenge = UnicodeAttribute(null=True)
    created_at = EpochSeconds()
    expires_at = EpochSeconds()
    used_at = EpochSeconds(null=True)
    grant_id = UnicodeAttribute(null=True)
    forget_at = TimeToLive()

    @classmethod
    def key(cls, code_digest: str) -> Key[AuthorizationCode]:
        return Key(cls, code_digest)

    @property
    def is_expired(self) -> bool:
        return self.expires_at <= clock.now()

    @property
    def is_used(self) -> bool:
        return self.used_at is not None


class AlreadyUsed(Exception):
    """Another request was first with this code. grant_id: the grant that it made, or None where it made none."""

    def __init__(self, grant_id: str | None) -> None:
        super().__init__("the code has been used")
        self.grant_id = grant_id


class NoLongerAllowed(Exception):
    """The user took the consent back or was disabled since the code was given."""


def give(code: AuthorizationCode, consent: Consent, *, known: Consent | None) -> None:
    """Store a code together with the consent that it was given under.

    Raises ConditionFailed where the consent changed since it was read as `known`: in another tab, say.
    """
    store.write(store.Put(code), remember(consent, known=known))


def give_again(code: AuthorizationCode, consent: Consent) -> None:
    """Store a code under a consent that stands. Raises ConditionFailed where it was taken back meanwhile."""
    store.write(
        store.Put(code),
        store.Check(Consent.key(consent.user_id, consent.client_id), Consent.consent_id == consent.consent_id),
    )


def exchange(code: AuthorizationCode, grant: Grant, access_token: AccessToken) -> None:
    """Claim the code and store what it makes, in one transaction: of any number of requests at once, one comes through.

    Raises AlreadyUsed, NoLongerAllowed. After StoreUnavailable the code may have been claimed, or may yet be.
    """
    now = clock.now()
    claim = store.Update(
        AuthorizationCode.key(code.code_digest),
        [
            AuthorizationCode.used_at.set(now),
            AuthorizationCode.grant_id.set(grant.grant_id),
            AuthorizationCode.forget_at.set(now + settings.USED_CODE_KEPT_SECONDS),
        ],
        AuthorizationCode.code_digest.exists() & AuthorizationCode.used_at.does_not_exist(),
    )
    try:
        store_claimed(claim, grant, access_token)
    except store.ConditionFailed as error:
        if claim not in error.failed:
            raise NoLongerAllowed from error
        winner = store.read(AuthorizationCode.key(code.code_digest))[0]
        raise AlreadyUsed(winner.grant_id if winner else None) from error


def spend(code: AuthorizationCode) -> None:
    """Use the code up without a grant: a wrong verifier gets one try (RFC 7636 §4.6, RFC 9700 §4.8.2)."""
    try:
        store.change(
            AuthorizationCode.key(code.code_digest),
            [AuthorizationCode.used_at.set(clock.now())],
            AuthorizationCode.code_digest.exists() & AuthorizationCode.used_at.does_not_exist(),
        )
    except store.ConditionFailed:
        pass  # it is used up already
