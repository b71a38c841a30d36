"""PushedRequest: an authorization request that its application sent beforehand (RFC 9126)."""

from __future__ import annotations

from pynamodb.attributes import UnicodeAttribute

from chalicelib import clock
from chalicelib.models import store
from chalicelib.models.table import EpochSeconds, Item, Key, TableMeta, TimeToLive, table_name


class PushedRequest(Item):
    ends_by = "created_at"

    class Meta(TableMeta):
        table_name = table_name("pushed_requests")

    request_digest = UnicodeAttribute(hash_key=True)
    client_id = UnicodeAttribute()
    parameters = UnicodeAttribute()  # JSON: each name with its value
    created_at = EpochSeconds(default=0)  # 0 where a version stored it that kept no such moment
    expires_at = TimeToLive()

    @classmethod
    def key(cls, request_digest: str) -> Key[PushedRequest]:
        return Key(cls, request_digest)

    @property
    def is_expired(self) -> bool:
        return self.expires_at <= clock.now()


def keep(request: PushedRequest) -> None:
    store.write(store.Put(request))


def use(request_digest: str) -> None:
    """Answered once. Raises ConditionFailed where it was answered before."""
    store.write(store.Delete(PushedRequest.key(request_digest), PushedRequest.request_digest.exists()))
