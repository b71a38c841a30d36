"""Session: a signed-in browser. Keyed by the user, so that a user's sessions can be listed and ended together.

A session belongs to the password that it began under (`password_serial`): a new password ends all sessions in the
write that stores it, also the one that a sign-in with the old password is just about to begin.
"""

from __future__ import annotations

from pynamodb.attributes import UnicodeAttribute

from chalicelib import clock, credentials, settings
from chalicelib.models import store
from chalicelib.models.store.table import EpochSeconds, Item, Key, TableMeta, TableName, TimeToLive
from chalicelib.models.user import User
from chalicelib.request_source import RequestSource


class Session(Item):
    issued_at_name = "created_at"

    class Meta(TableMeta):
        table_name = TableName("sessions")

    user_id = UnicodeAttribute(hash_key=True)
    session_digest = UnicodeAttribute(range_key=True)
    created_at = EpochSeconds()
    last_seen_at = EpochSeconds()
    password_serial = UnicodeAttribute(null=True)
    address = UnicodeAttribute(null=True)
    user_agent = UnicodeAttribute(null=True)
    expires_at = TimeToLive()

    @classmethod
    def key(cls, user_id: str, session_digest: str) -> Key[Session]:
        return Key(cls, user_id, session_digest)

    @property
    def is_expired(self) -> bool:
        return self.expires_at <= clock.now()

    @property
    def short_id(self) -> str:
        """Names it on a page among its user's sessions, and is of no use to anybody else."""
        return str(self.session_digest)[: credentials.ID_LENGTH]

    def is_good_for(self, user: User) -> bool:
        return bool(user.active and not self.is_expired and self.password_serial == user.password_serial)


def start(user: User, source: RequestSource) -> str:
    """A new session, under the password that `user` was read with.

    Gives the cookie's value, of which only the digest is kept.
    """
    secret = credentials.mint(credentials.Kind.SESSION, user.user_id)
    now = clock.now()
    begun = Session(
        user_id=user.user_id,
        session_digest=credentials.digest(secret),
        created_at=now,
        last_seen_at=now,
        password_serial=user.password_serial,
        address=source.address or None,
        user_agent=source.user_agent or None,
        expires_at=_expiry(created_at=now, last_seen_at=now),
    )
    store.write(store.Put(begun))
    _end_surplus(user, begun)
    return secret


def _end_surplus(user: User, begun: Session) -> None:
    """End the sessions that were seen least recently, so that SESSIONS_PER_USER_LIMIT are left, the new one among them.

    After it was written: of many that begin at once, the last one to look sees them all. Never raises: the next one
    does as well.
    """
    with store.aside(surplus_sessions="left"):
        found = list(store.query(Session, user.user_id))
        others = [session for session in found if session.session_digest != begun.session_digest]
        others.sort(key=lambda session: (session.is_good_for(user), session.last_seen_at), reverse=True)
        surplus = others[settings.SESSIONS_PER_USER_LIMIT - 1 :]
        store.delete_all([Session.key(session.user_id, session.session_digest) for session in surplus])


def touch(session: Session) -> None:
    """Note that the browser was seen, at most once in SESSION_TOUCH_SECONDS, and let the idle time start again."""
    now = clock.now()
    if now - session.last_seen_at < settings.SESSION_TOUCH_SECONDS:
        return
    expires_at = _expiry(created_at=session.created_at, last_seen_at=now)
    with store.aside():  # an ended session, or a note that cannot be taken, is no reason to refuse the request
        store.change(
            Session.key(session.user_id, session.session_digest),
            [Session.last_seen_at.set(now), Session.expires_at.set(expires_at)],
            Session.session_digest.exists(),
        )


def end(user_id: str, session_digest: str) -> None:
    store.write(store.Delete(Session.key(user_id, session_digest)))


def live_ones(user: User) -> list[Session]:
    """A user's sessions that are good, the one seen last first."""
    found = [session for session in store.query(Session, user.user_id) if session.is_good_for(user)]
    return sorted(found, key=lambda session: session.last_seen_at, reverse=True)


def clear_away(user: User) -> None:
    """Delete the sessions that a new password has ended, rather than leave them until their own end. user: as they are
    with it; what has begun under it stays."""
    with store.aside(sessions_cleared="not all"):
        found = list(store.query(Session, user.user_id))
        ended = [session for session in found if not session.is_good_for(user)]
        store.delete_all([Session.key(session.user_id, session.session_digest) for session in ended])


def _expiry(*, created_at: int, last_seen_at: int) -> int:
    return min(created_at + settings.SESSION_LIFETIME_SECONDS, last_seen_at + settings.SESSION_IDLE_SECONDS)
