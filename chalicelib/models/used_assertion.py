"""UsedAssertion: that a client's signed assertion was presented, kept until it would have expired (RFC 7523 §3)."""

from __future__ import annotations

from pynamodb.attributes import UnicodeAttribute

from chalicelib import credentials
from chalicelib.models import store
from chalicelib.models.table import Item, Key, TableMeta, TimeToLive, table_name


class UsedAssertion(Item):
    class Meta(TableMeta):
        table_name = table_name("used_assertions")

    assertion_digest = UnicodeAttribute(hash_key=True)
    expires_at = TimeToLive()

    @classmethod
    def key(cls, assertion_digest: str) -> Key[UsedAssertion]:
        return Key(cls, assertion_digest)


def use(client_id: str, jti: str, *, expires_at: int) -> None:
    """Claim an assertion: of any number of requests at once, one comes through. Raises ConditionFailed for the others.

    jti: unique for its client alone. expires_at: from when it would be refused anyway, in seconds since the epoch.
    """
    digest = credentials.digest(f"{client_id} {jti}")
    item = UsedAssertion(assertion_digest=digest, expires_at=expires_at)
    store.write(store.Put(item, UsedAssertion.assertion_digest.does_not_exist()))
