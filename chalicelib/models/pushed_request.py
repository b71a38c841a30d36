"""PushedRequest: an authorization request that its application sent beforehand (RFC 9126).

It is answered once. The answer is recorded on it in the write that stores the code, so it is used up exactly when there
is a code. It is kept until it would have expired, so that a second click can be told what the first one did.
"""

from __future__ import annotations

from pynamodb.attributes import UnicodeAttribute

from chalicelib import clock
from chalicelib.models import store
from chalicelib.models.store.table import EpochSeconds, Item, Key, TableMeta, TableName, TimeToLive

ALLOWED, DENIED = "allowed", "denied"


class PushedRequest(Item):
    issued_at_name = "created_at"

    class Meta(TableMeta):
        table_name = TableName("pushed_requests")

    request_digest = UnicodeAttribute(hash_key=True)
    client_id = UnicodeAttribute()
    parameters = UnicodeAttribute()  # JSON: each name with its value
    answer = UnicodeAttribute(null=True)
    answered_by = UnicodeAttribute(null=True)
    created_at = EpochSeconds(default=0)  # 0 if stored by a version that did not record it
    expires_at = TimeToLive()

    @classmethod
    def key(cls, request_digest: str) -> Key[PushedRequest]:
        return Key(cls, request_digest)

    @property
    def is_expired(self) -> bool:
        return self.expires_at <= clock.now()

    def is_for(self, user_id: str | None) -> bool:
        """True if this user may see the request: once it is answered, only the user who answered it may."""
        return self.answer is None or self.answered_by == user_id


class AlreadyAnswered(Exception):
    """Another request, such as the first of two clicks, answered it first."""


def keep(request: PushedRequest) -> None:
    store.write(store.Put(request))


def answered(request: PushedRequest, answer: str, user_id: str) -> store.Update:
    """Record the answer, as part of a transaction, on condition that there is none yet."""
    return store.Update(
        PushedRequest.key(request.request_digest),
        [PushedRequest.answer.set(answer), PushedRequest.answered_by.set(user_id)],
        PushedRequest.request_digest.exists() & PushedRequest.answer.does_not_exist(),
    )


def deny(request: PushedRequest, user_id: str) -> None:
    """Raises AlreadyAnswered."""
    try:
        store.write(answered(request, DENIED, user_id))
    except store.ConditionFailed as error:
        raise AlreadyAnswered from error
