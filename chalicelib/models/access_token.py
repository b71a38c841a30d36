"""AccessToken: a grant's one live access token. Its key is the grant's id, so writing the next one ends the last."""

from __future__ import annotations

from pynamodb.attributes import UnicodeAttribute, UnicodeSetAttribute

from chalicelib import clock
from chalicelib.models import store
from chalicelib.models.store.table import EpochSeconds, Item, Key, TableMeta, TableName, TimeToLive


class AccessToken(Item):
    issued_at_name = "issued_at"

    class Meta(TableMeta):
        table_name = TableName("access_tokens")

    grant_id = UnicodeAttribute(hash_key=True)
    token_digest = UnicodeAttribute()
    user_id = UnicodeAttribute()
    client_id = UnicodeAttribute()
    scope = UnicodeAttribute()
    organizers = UnicodeSetAttribute(null=True)
    resource = UnicodeAttribute(null=True)
    issued_at = EpochSeconds()
    expires_at = TimeToLive()

    @classmethod
    def key(cls, grant_id: str) -> Key[AccessToken]:
        return Key(cls, grant_id)

    @property
    def is_expired(self) -> bool:
        return self.expires_at <= clock.now()


def revoke(grant_id: str, token_digest: str) -> None:
    """End this access token, but not one that a refresh may have written over it since."""
    try:
        store.write(store.Delete(AccessToken.key(grant_id), AccessToken.token_digest == token_digest))
    except store.ConditionFailed:
        pass  # it has already ended
