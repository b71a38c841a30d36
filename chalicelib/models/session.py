"""Session: a signed-in browser. Keyed by the user, so that a user's sessions can be listed and ended together.

A session belongs to the password that it began under (`password_serial`). The write that stores a new password ends all
sessions, even one that is just being started by a sign-in with the old password.
"""

from __future__ import annotations

from dataclasses import dataclass

from pynamodb.attributes import UnicodeAttribute

from chalicelib import clock, credentials, limits
from chalicelib.models import store
from chalicelib.models.store.table import EpochSeconds, Item, Key, TableMeta, TableName, TimeToLive
from chalicelib.models.user import User
from chalicelib.request_source import RequestSource


@dataclass(frozen=True)
class Proof:
    """How somebody proved who they are.

    methods: of RFC 8176, or as an identity provider names them; empty if nobody said. context: the `acr` that an
    identity provider named, or None.
    """

    methods: tuple[str, ...] = ()
    context: str | None = None


BY_PASSWORD = Proof(("pwd",))


@dataclass(frozen=True)
class Authentication:
    """A sign-in, for those who ask about it: when the session began, an id of it that is no secret, and the proof."""

    at: int
    session_id: str
    proof: Proof


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
    amr = UnicodeAttribute(null=True)  # space-separated; None if nobody said, or the stage did not sign
    acr = UnicodeAttribute(null=True)
    expires_at = TimeToLive()

    @classmethod
    def key(cls, user_id: str, session_digest: str) -> Key[Session]:
        return Key(cls, user_id, session_digest)

    @property
    def is_expired(self) -> bool:
        return self.expires_at <= clock.now()

    @property
    def short_id(self) -> str:
        """Names the session on a page among its user's sessions. Useless to anybody else."""
        return str(self.session_digest)[: credentials.ID_LENGTH]

    @property
    def authentication(self) -> Authentication:
        proof = Proof(tuple(self.amr.split(" ")) if self.amr else (), self.acr)
        return Authentication(int(self.created_at), public_id(self.session_digest), proof)

    def is_good_for(self, user: User) -> bool:
        return bool(user.active and not self.is_expired and self.password_serial == user.password_serial)


def public_id(session_digest: str) -> str:
    """Names the session to applications (`sid`). Neither the cookie nor its digest can be derived from it."""
    return credentials.derive_id("session", session_digest)


def start(user: User, source: RequestSource, proof: Proof | None = None) -> str:
    """Start a session under the password that `user` was read with. proof: what to keep of how they signed in.

    Returns the cookie's value, of which only the digest is stored.
    """
    begun, secret = made(user, source, proof or Proof())
    store.write(store.Put(begun))
    _end_surplus(user, begun)
    return secret


def made(user: User, source: RequestSource, proof: Proof = Proof()) -> tuple[Session, str]:
    """A new session, not yet stored, and its cookie's value."""
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
        amr=" ".join(proof.methods) or None,
        acr=proof.context,
        expires_at=_expiry(created_at=now, last_seen_at=now),
    )
    return begun, secret


def _end_surplus(user: User, begun: Session) -> None:
    """End the least recently seen sessions, so that SESSIONS_PER_USER_LIMIT are left, including the new one.

    It runs after the write: of many sessions that start at once, the last to look sees them all. Never raises: the next
    sign-in does it again.
    """
    with store.aside(surplus_sessions="left"):
        found = list(store.query(Session, user.user_id))
        others = [session for session in found if session.session_digest != begun.session_digest]
        others.sort(key=lambda session: (session.is_good_for(user), session.last_seen_at), reverse=True)
        surplus = others[limits.SESSIONS_PER_USER_LIMIT - 1 :]
        store.delete_all([Session.key(session.user_id, session.session_digest) for session in surplus])


def touch(session: Session) -> None:
    """Record that the browser was seen, at most once every SESSION_TOUCH_SECONDS, and restart the idle time."""
    now = clock.now()
    if now - session.last_seen_at < limits.SESSION_TOUCH_SECONDS:
        return
    expires_at = _expiry(created_at=session.created_at, last_seen_at=now)
    with store.aside():  # an ended session or a failed write is no reason to refuse the request
        store.change(
            Session.key(session.user_id, session.session_digest),
            [Session.last_seen_at.set(now), Session.expires_at.set(expires_at)],
            Session.session_digest.exists(),
        )


def end(user_id: str, session_digest: str) -> None:
    store.write(store.Delete(Session.key(user_id, session_digest)))


def live_ones(user: User) -> list[Session]:
    """A user's valid sessions, most recently seen first."""
    found = [session for session in store.query(Session, user.user_id) if session.is_good_for(user)]
    return sorted(found, key=lambda session: session.last_seen_at, reverse=True)


def clear_away(user: User) -> None:
    """Delete the sessions that a new password ended, instead of leaving them until they expire. user: with the new
    password; sessions that began under it stay."""
    with store.aside(sessions_cleared="not all"):
        found = list(store.query(Session, user.user_id))
        ended = [session for session in found if not session.is_good_for(user)]
        store.delete_all([Session.key(session.user_id, session.session_digest) for session in ended])


def _expiry(*, created_at: int, last_seen_at: int) -> int:
    return min(created_at + limits.SESSION_LIFETIME_SECONDS, last_seen_at + limits.SESSION_IDLE_SECONDS)
