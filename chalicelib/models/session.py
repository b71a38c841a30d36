"""Session: a signed-in browser. Keyed by the user, so that a user's sessions can be listed and ended together.

A session belongs to the password that it began under (`password_serial`). The write that stores a new password ends all
sessions, even one that is just being started by a sign-in with the old password.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pynamodb.attributes import UnicodeAttribute, UnicodeSetAttribute

from chalicelib import clock, credentials, limits, logout_queue
from chalicelib.logout_queue import Ended
from chalicelib.models import store
from chalicelib.models.application import Application
from chalicelib.models.store.table import EpochSeconds, Item, Key, TableMeta, TableName, TimeToLive, as_set
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
    """A sign-in, for those who ask about it: when the session began, an id of it that is no secret, and the proof.

    key: the session. told: see `Session.told`.
    """

    at: int
    session_id: str
    proof: Proof
    key: Key[Session]
    told: frozenset[str] = frozenset()


class SessionEnded(Exception):
    """The session ended while its browser made a request."""


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
    told = UnicodeSetAttribute(null=True)  # who is told when it ends: "CLIENT_ID SID ISSUER" of each; see `noting`
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
        key = Session.key(self.user_id, self.session_digest)
        told = frozenset(self.told or ())
        return Authentication(int(self.created_at), public_id(self.session_digest), proof, key, told)

    def is_good_for(self, user: User) -> bool:
        return bool(user.active and not self.is_expired and self.password_serial == user.password_serial)


def public_id(session_digest: str) -> str:
    """Names the session to applications (`sid`). Neither the cookie nor its digest can be derived from it."""
    return credentials.derive_id("session", session_digest)


def noting(authentication: Authentication, application: Application, issuer: str) -> store.Change | None:
    """The change that notes on the session that this application gets an ID token in it, and is told when it ends
    (OpenID Connect Back-Channel Logout §2.1). It fails if the session has ended.

    None if that is already noted, and for an application that wants to be told nothing. issuer: of the ID token.
    """
    if not logout_queue.is_on() or not application.backchannel_logout_uri:
        return None
    entry = f"{application.client_id} {authentication.session_id} {issuer}"
    if entry in authentication.told:
        return None
    return store.Update(authentication.key, [Session.told.add({entry})], Session.session_digest.exists())


def start(user: User, source: RequestSource, proof: Proof | None = None, follows: Key[Session] | None = None) -> str:
    """Start a session under the password that `user` was read with. proof: what to keep of how they signed in. follows:
    the session which the user had in this browser until now. It ends, but goes on for applications: they are told when
    the new one ends.

    Returns the cookie's value, of which only the digest is stored.
    """
    begun, secret = made(user, source, proof or Proof())
    noted = sorted(_read_told(follows)) if follows else []
    begun.told = as_set(noted[: limits.TOLD_AT_SIGN_OUT_LIMIT])
    store.write(store.Put(begun))
    if follows:  # after the new one is stored, so that nobody is forgotten if this is interrupted
        end(follows, noted[limits.TOLD_AT_SIGN_OUT_LIMIT :], known=noted)
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
    surplus: list[Session] = []
    with store.aside(surplus_sessions="left"):
        found = list(store.query(Session, user.user_id))
        others = [session for session in found if session.session_digest != begun.session_digest]
        others.sort(key=lambda session: (session.is_good_for(user), session.last_seen_at), reverse=True)
        surplus = others[limits.SESSIONS_PER_USER_LIMIT - 1 :]
    tell(surplus)  # outside of an aside, whose time is for the store
    with store.aside(surplus_sessions="left"):
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


def end(key: Key[Session], told: Iterable[str] | None = None, *, known: Iterable[str] = ()) -> None:
    """End the session, and have applications told. told: `Session.told`, if the session has just been read; else it is
    read. known: those that are told another time.

    Those are told first, so that nobody is forgotten if this is interrupted, or if the answer to the deletion is lost.
    The deletion returns who was noted since then, and costs no more than another one.
    """
    user_id, already = str(key.hash_key), set(_read_told(key) if told is None else told)
    _tell(user_id, already)
    _tell(user_id, _take(key) - already - set(known))


def end_all(ended: Sequence[Session]) -> None:
    """The same for several sessions, which have just been read. A queue that does not answer holds this up no longer
    than for one, so that all of them end."""
    tell(ended)
    late = [(one.user_id, _take(one.own_key) - set(one.told or ())) for one in ended]
    logout_queue.put(message for user_id, told in late for message in _messages(user_id, told))


def _read_told(key: Key[Session]) -> set[str]:
    """Who is to be told of the end of this session. One read, if this stage tells anybody."""
    found = store.read(key)[0] if logout_queue.is_on() else None
    return set(found.told or ()) if found else set()


def _take(key: Key[Session]) -> set[str]:
    """End the session. Returns who is to be told, as far as that is known: see `store.take`."""
    if not logout_queue.is_on():
        store.write(store.Delete(key))
        return set()
    found = store.take(key)
    return set(found.told or ()) if found else set()


def tell(ended: Iterable[Session]) -> None:
    """Have the applications told that got an ID token in these sessions. Costs nothing if there are none."""
    if logout_queue.is_on():
        logout_queue.put(message for one in ended for message in _messages(str(one.user_id), one.told or ()))


def tell_of_all(user_id: str) -> None:
    """The same for all sessions of a user whose account is disabled or erased. One query, if this stage tells
    anybody."""
    if logout_queue.is_on():
        tell(store.query(Session, user_id))


def _tell(user_id: str, told: Iterable[str]) -> None:
    if logout_queue.is_on():
        logout_queue.put(_messages(user_id, told))


def _messages(user_id: str, told: Iterable[str]) -> Iterator[Ended]:
    for entry in told:
        client_id, session_id, issuer = entry.split(" ", 2)
        yield Ended(client_id, issuer, user_id, session_id)


def live_ones(user: User) -> list[Session]:
    """A user's valid sessions, most recently seen first."""
    found = [session for session in store.query(Session, user.user_id) if session.is_good_for(user)]
    return sorted(found, key=lambda session: session.last_seen_at, reverse=True)


def clear_away(user: User) -> None:
    """Delete the sessions that a new password ended, instead of leaving them until they expire. user: with the new
    password; sessions that began under it stay."""
    ended: list[Session] = []
    with store.aside(sessions_cleared="not all"):
        ended = [session for session in store.query(Session, user.user_id) if not session.is_good_for(user)]
    tell(ended)
    with store.aside(sessions_cleared="not all"):
        store.delete_all([Session.key(session.user_id, session.session_digest) for session in ended])


def _expiry(*, created_at: int, last_seen_at: int) -> int:
    return min(created_at + limits.SESSION_LIFETIME_SECONDS, last_seen_at + limits.SESSION_IDLE_SECONDS)
