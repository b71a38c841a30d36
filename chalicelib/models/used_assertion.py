"""UsedAssertion: records that a client assertion was presented, and with which request (RFC 7523 §3).

A DPoP proof is recorded here too (RFC 9449 §11.1). It has no second request, not even the same one.
"""

from __future__ import annotations

import math

from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.condition import Condition

from chalicelib import clock, credentials, limits
from chalicelib.models import store
from chalicelib.models.store.table import EpochSeconds, Item, Key, TableMeta, TableName, TimeToLive


class UsedAssertion(Item):
    """repeat_from, repeat_until: when the same request may be repeated. Without repeat_from, it has been answered."""

    class Meta(TableMeta):
        table_name = TableName("used_assertions")

    assertion_digest = UnicodeAttribute(hash_key=True)
    request_digest = UnicodeAttribute(null=True)
    repeat_from = EpochSeconds(null=True)
    repeat_until = EpochSeconds(null=True)
    expires_at = TimeToLive()

    @classmethod
    def key(cls, assertion_digest: str) -> Key[UsedAssertion]:
        return Key(cls, assertion_digest)


class AlreadyUsed(Exception):
    """The assertion was presented with another request, or with this one, which was answered or is too old."""


class BeingAnswered(Exception):
    """The assertion was presented with this request, which may still be in progress. wait_seconds: at most."""

    def __init__(self, wait_seconds: int) -> None:
        super().__init__("being answered")
        self.wait_seconds = wait_seconds


def of(client_id: str, jti: str, request_digest: str, *, expires_at: int) -> UsedAssertion:
    """An assertion as claimed now. jti: unique only within its client. expires_at: how long to keep it, in seconds
    since the epoch."""
    now = clock.now()
    return UsedAssertion(
        assertion_digest=credentials.digest(f"{client_id} {jti}"),
        request_digest=request_digest,
        repeat_from=now + math.ceil(limits.REQUEST_SECONDS),
        repeat_until=now + limits.ASSERTION_REPEAT_SECONDS,
        expires_at=expires_at,
    )


def claim(item: UsedAssertion) -> None:
    """Claim an assertion. Of concurrent requests, one succeeds. Raises AlreadyUsed or BeingAnswered for the others."""
    try:
        store.write(store.Put(item, UsedAssertion.assertion_digest.does_not_exist()))
    except store.ConditionFailed:
        _claim_again(item, store.read(item.own_key)[0])


def claim_proof(thumbprint: str, jti: str, *, expires_at: int) -> None:
    """Claim a DPoP proof. Of concurrent requests, one succeeds. Raises AlreadyUsed, StoreUnavailable.

    thumbprint: of the key that signed it. jti: unique only for its key. expires_at: as for `of`.
    """
    name = credentials.digest(f"DPoP\n{thumbprint}\n{jti}")  # no client id has a line break
    item = UsedAssertion(assertion_digest=name, expires_at=expires_at)
    try:
        store.write(store.Put(item, UsedAssertion.assertion_digest.does_not_exist()))
    except store.ConditionFailed:
        raise AlreadyUsed from None


def settle(item: UsedAssertion) -> None:
    """Record that the request was answered: the same request is refused from now on. Never raises."""
    with store.aside(aside_of="client assertion"):
        store.change(item.own_key, [UsedAssertion.repeat_from.remove()], _is_as_claimed(item))


def release(item: UsedAssertion) -> None:
    """Record that the request was not answered: the same request may be repeated at once. Never raises."""
    with store.aside(aside_of="client assertion"):
        store.change(item.own_key, [UsedAssertion.repeat_from.set(clock.now())], _is_as_claimed(item))


def _claim_again(item: UsedAssertion, found: UsedAssertion | None) -> None:
    now = clock.now()
    if found is None or found.request_digest != item.request_digest or found.repeat_from is None:
        raise AlreadyUsed
    if now >= found.repeat_until:
        raise AlreadyUsed
    if now < found.repeat_from:
        raise BeingAnswered(found.repeat_from - now)
    try:
        store.change(
            item.own_key,
            [UsedAssertion.repeat_from.set(item.repeat_from)],
            UsedAssertion.repeat_from == found.repeat_from,
        )
    except store.ConditionFailed:
        raise BeingAnswered(item.repeat_from - now) from None


def _is_as_claimed(item: UsedAssertion) -> Condition:
    is_same, repeated = UsedAssertion.request_digest == item.request_digest, UsedAssertion.repeat_from
    condition: Condition = is_same & (repeated == item.repeat_from)
    return condition
