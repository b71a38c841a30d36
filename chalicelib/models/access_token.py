"""AccessToken: a grant's one live access token. Its key is the grant's id, so writing the next one ends the last."""

from __future__ import annotations

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute, UnicodeSetAttribute

from chalicelib import clock, limits
from chalicelib.models import ended_tokens, store
from chalicelib.models.store.table import EpochSeconds, Item, Key, TableMeta, TableName, TimeToLive

_JTI_DIGEST_LENGTH = 32  # 128 bits in hexadecimal


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
    jkt = UnicodeAttribute(null=True)  # the thumbprint of the key that it is bound to (RFC 9449 §6.1)
    # Only of a signed token, which is made again from its item:
    signed = BooleanAttribute(null=True)
    consent_id = UnicodeAttribute(null=True)
    issued_at = EpochSeconds()
    expires_at = TimeToLive()

    @classmethod
    def key(cls, grant_id: str) -> Key[AccessToken]:
        return Key(cls, grant_id)

    @property
    def is_expired(self) -> bool:
        return self.expires_at <= clock.now()

    @property
    def told_organizers(self) -> frozenset[str]:
        """The organizers that a signed token lists: all of them, or none if they are too many for a header."""
        found = frozenset(self.organizers or ()) if self.signed else frozenset()
        is_short = len(" ".join(found)) <= limits.SIGNED_TOKEN_ORGANIZERS_LIMIT_BYTES
        return found if is_short and len(found) <= limits.SIGNED_TOKEN_ORGANIZERS_LIMIT else frozenset()

    @property
    def jti(self) -> str:
        """The id that a signed token has (RFC 7519 §4.1.7)."""
        return jti(self.grant_id, self.token_digest)


def jti(grant_id: str, token_digest: str) -> str:
    """The id of a signed token. Like an opaque token it names what decides whether it is valid; it is no secret."""
    return f"{grant_id}.{token_digest[:_JTI_DIGEST_LENGTH]}"


def grant_of(jti: str) -> str:
    """The grant id in a signed token's id."""
    return jti.partition(".")[0]


def revoke(live: AccessToken) -> None:
    """End this access token, but not one that a refresh may have written over it since."""
    ended = ended_tokens.token(live.jti, live.expires_at) if live.signed else []
    try:
        store.write(store.Delete(AccessToken.key(live.grant_id), AccessToken.token_digest == live.token_digest), *ended)
    except store.ConditionFailed:
        pass  # it has already ended
