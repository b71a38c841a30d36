"""Session: a signed-in browser. Keyed by the user, so that a user's sessions can be listed and ended together."""

from __future__ import annotations

from pynamodb.attributes import UnicodeAttribute

from chalicelib import clock, credentials, settings
from chalicelib.models import store
from chalicelib.models.table import EpochSeconds, Item, Key, TableMeta, TimeToLive, table_name


class Session(Item):
    class Meta(TableMeta):
        table_name = table_name("sessions")

    user_id = UnicodeAttribute(hash_key=True)
    session_digest = UnicodeAttribute(range_key=True)
    created_at = EpochSeconds()
    last_seen_at = EpochSeconds()
    expires_at = TimeToLive()

    @classmethod
    def key(cls, user_id: str, session_digest: str) -> Key[Session]:
        return Key(cls, user_id, session_digest)

    @property
    def is_expired(self) -> bool:
        return self.expires_at <= clock.now()


def start(user_id: str) -> str:
    """A new session; gives the cookie's value, of which only the digest is kept."""
    secret = credentials.mint(credentials.Kind.SESSION, user_id)
    now = clock.now()
    store.write(
        store.Put(
            Session(
                user_id=user_id,
                session_digest=credentials.digest(secret),
                created_at=now,
                last_seen_at=now,
                expires_at=_expiry(created_at=now, last_seen_at=now),
            )
        )
    )
    return secret


def touch(session: Session) -> None:
    """Note that the browser was seen, at most once in SESSION_TOUCH_SECONDS, and let the idle time start again."""
    now = clock.now()
    if now - session.last_seen_at < settings.SESSION_TOUCH_SECONDS:
        return
    expires_at = _expiry(created_at=session.created_at, last_seen_at=now)
    try:
        store.change(
            Session.key(session.user_id, session.session_digest),
            [Session.last_seen_at.set(now), Session.expires_at.set(expires_at)],
            Session.session_digest.exists(),
        )
    except (store.ConditionFailed, store.StoreUnavailable):
        pass  # it was ended meanwhile, or the note cannot be taken: neither is a reason to refuse the request


def end(user_id: str, session_digest: str) -> None:
    store.write(store.Delete(Session.key(user_id, session_digest)))


def _expiry(*, created_at: int, last_seen_at: int) -> int:
    return min(created_at + settings.SESSION_LIFETIME_SECONDS, last_seen_at + settings.SESSION_IDLE_SECONDS)
