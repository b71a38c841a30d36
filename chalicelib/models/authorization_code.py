"""AuthorizationCode: what a user allowed, on its way to the application (RFC 6749 §4.1)."""

from __future__ import annotations

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.expressions.update import Action

from chalicelib import clock, limits
from chalicelib.models import pushed_request, store
from chalicelib.models.access_token import AccessToken
from chalicelib.models.application import Application
from chalicelib.models.consent import Consent, must_stand, remember
from chalicelib.models.exchange import store_claimed
from chalicelib.models.grant import Grant
from chalicelib.models.pushed_request import PushedRequest
from chalicelib.models.session import SessionEnded
from chalicelib.models.store.table import EpochSeconds, Item, Key, TableMeta, TableName, TimeToLive


class AuthorizationCode(Item):
    issued_at_name = "created_at"

    class Meta(TableMeta):
        table_name = TableName("authorization_codes")

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
    jkt = UnicodeAttribute(null=True)  # the thumbprint of the key that it is bound to (RFC 9449 §10)
    # The attributes below are for OpenID Connect. None in a request without it.
    nonce = UnicodeAttribute(null=True)
    auth_time = EpochSeconds(null=True)
    session_id = UnicodeAttribute(null=True)  # see `session.public_id`
    amr = UnicodeAttribute(null=True)
    acr = UnicodeAttribute(null=True)
    id_token_claims = UnicodeAttribute(null=True)  # about the user, that the ID token was asked to have; JSON
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
    """Another request used this code first. grant_id: the grant that it made; None if it made none."""

    def __init__(self, grant_id: str | None) -> None:
        super().__init__("the code has been used")
        self.grant_id = grant_id


class NoLongerAllowed(Exception):
    """The consent was ended or its user disabled after the code was issued."""


def give(
    code: AuthorizationCode,
    consent: Consent,
    *,
    known: Consent | None,
    pushed: PushedRequest | None = None,
    noted: store.Change | None = None,
) -> None:
    """Store a code together with the consent that it was issued under.

    pushed: the pushed request that this answers, or None. noted: what `session.noting` returned. Raises ConditionFailed
    if the consent changed since it was read as `known`, for example in another tab; AlreadyAnswered if the pushed
    request was already answered; SessionEnded if `noted` failed.
    """
    _answer(code, pushed, noted, remember(consent, known=known))


def give_again(
    code: AuthorizationCode,
    application: Application,
    *,
    pushed: PushedRequest | None = None,
    noted: store.Change | None = None,
) -> None:
    """Store a code under an existing consent. Raises ConditionFailed if the consent has since been revoked, and
    AlreadyAnswered and SessionEnded as `give` does."""
    _answer(code, pushed, noted, must_stand(code.user_id, code.consent_id, application))


def _answer(
    code: AuthorizationCode, pushed: PushedRequest | None, noted: store.Change | None, consent: store.Change
) -> None:
    answered = pushed_request.answered(pushed, pushed_request.ALLOWED, code.user_id) if pushed else None
    try:
        store.write(store.Put(code), consent, *(change for change in (answered, noted) if change))
    except store.ConditionFailed as error:
        if answered in error.failed:
            raise pushed_request.AlreadyAnswered from error
        if noted in error.failed:
            raise SessionEnded from error
        raise


def exchange(code: AuthorizationCode, grant: Grant, access_token: AccessToken, application: Application) -> None:
    """Claim the code and store what it is exchanged for, in one transaction. Of concurrent requests, one succeeds.

    application: the code's. Raises AlreadyUsed, NoLongerAllowed. After StoreUnavailable the code may have been claimed,
    or may still be.
    """
    now = clock.now()
    actions: list[Action] = [
        AuthorizationCode.used_at.set(now),
        AuthorizationCode.grant_id.set(grant.grant_id),
        AuthorizationCode.forget_at.set(now + limits.USED_CODE_KEPT_SECONDS),
    ]
    if code.id_token_claims:  # a used code is kept for a day, and what it says about its user need not be
        actions.append(AuthorizationCode.id_token_claims.remove())
    claim = store.Update(
        AuthorizationCode.key(code.code_digest),
        actions,
        AuthorizationCode.code_digest.exists() & AuthorizationCode.used_at.does_not_exist(),
    )
    try:
        store_claimed(claim, grant, access_token, application)
    except store.ConditionFailed as error:
        if claim not in error.failed:
            raise NoLongerAllowed from error
        winner = store.read(AuthorizationCode.key(code.code_digest))[0]
        raise AlreadyUsed(winner.grant_id if winner else None) from error


def spend(code: AuthorizationCode) -> None:
    """Mark the code as used, without a grant: a wrong verifier gets one try (RFC 7636 §4.6, RFC 9700 §4.8.2)."""
    try:
        store.change(
            AuthorizationCode.key(code.code_digest),
            [AuthorizationCode.used_at.set(clock.now())],
            AuthorizationCode.code_digest.exists() & AuthorizationCode.used_at.does_not_exist(),
        )
    except store.ConditionFailed:
        pass  # it has already been used
