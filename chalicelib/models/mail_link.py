"""MailLink: a link that was mailed to somebody and proves that its holder reads mail at that address.

It works once and for a short time. Using it and what that does are one transaction, so only one of two clicks succeeds.
A link to choose a password works only while the user still has the password that they had when they asked, so choosing
one ends all other links. A link to create an account holds an address that belongs to nobody until the link is used:
somebody who cannot read mail at an address can neither take it nor keep its owner from it.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from enum import StrEnum

from pynamodb.attributes import UnicodeAttribute

from chalicelib import clock, credentials, limits
from chalicelib.models import store, throttle, user, user_password
from chalicelib.models.email_address import EmailAddress
from chalicelib.models.store.table import EpochSeconds, Item, Key, TableMeta, TableName, TimeToLive
from chalicelib.models.user import User


class Purpose(StrEnum):
    CHOOSE_PASSWORD = "choose_password"
    OPEN_ACCOUNT = "open_account"


class State(StrEnum):
    """Why a link cannot be used."""

    UNKNOWN = "unknown"
    USED = "used"
    EXPIRED = "expired"
    OVERTAKEN = "overtaken"


class Unusable(Exception):
    """The link does not work, or no longer works. state: why."""

    def __init__(self, state: State) -> None:
        super().__init__(str(state))
        self.state = state


class MailLink(Item):
    issued_at_name = "created_at"

    class Meta(TableMeta):
        table_name = TableName("mail_links")

    link_digest = UnicodeAttribute(hash_key=True)
    purpose = UnicodeAttribute()
    email = UnicodeAttribute()
    user_id = UnicodeAttribute(null=True)
    password_serial = UnicodeAttribute(null=True)
    created_at = EpochSeconds()
    expires_at = EpochSeconds()
    used_at = EpochSeconds(null=True)
    forget_at = TimeToLive()

    @classmethod
    def key(cls, link_digest: str) -> Key[MailLink]:
        return Key(cls, link_digest)


def create(purpose: Purpose, *, email: str, of: User | None = None) -> str:
    """A new link's token, of which only the digest is stored. of: the user it belongs to, or None."""
    token, now = credentials.mint(credentials.Kind.MAIL_LINK), clock.now()
    link = MailLink(
        link_digest=credentials.digest(token),
        purpose=str(purpose),
        email=email,
        user_id=of.user_id if of else None,
        password_serial=of.password_serial if of else None,
        created_at=now,
        expires_at=now + limits.MAIL_LINK_LIFETIME_SECONDS,
        forget_at=now + limits.MAIL_LINK_KEPT_SECONDS,
    )
    store.write(store.Put(link))
    return token


def find(token: str | None, purpose: Purpose) -> MailLink:
    """The link with this token. Raises Unusable. A made-up token costs no read."""
    named = credentials.recognize(token, credentials.Kind.MAIL_LINK)
    found = store.read(MailLink.key(named.digest))[0] if named else None
    if found is None or found.purpose != purpose:
        raise Unusable(State.UNKNOWN)
    if found.used_at is not None:
        raise Unusable(State.USED)
    if found.expires_at <= clock.now():
        raise Unusable(State.EXPIRED)
    return found


def owner(link: MailLink) -> User:
    """The user whose password the link changes. Raises Unusable if they are gone, or if their password or their address
    has changed."""
    found = store.read(User.key(link.user_id))[0] if link.user_id else None
    if found is None or not found.active or found.password_serial != link.password_serial or found.email != link.email:
        raise Unusable(State.OVERTAKEN)
    return found


def check_address_is_free(link: MailLink) -> None:
    """Raises Unusable if the link's address has an account by now. Saves a password hash."""
    if store.read(EmailAddress.key(link.email))[0] is not None:
        raise Unusable(State.OVERTAKEN)


def trying(link: MailLink) -> AbstractContextManager[object]:
    """Count tries with a valid link, since each costs a password hash. Raises TooManyTries."""
    limit = throttle.Limit(throttle.named("mail link", link.link_digest), limits.MAIL_LINK_TRIES)
    return throttle.trying([limit], window_seconds=limits.MAIL_LINK_LIFETIME_SECONDS)


def choose_password(link: MailLink, of: User, password: str) -> User:
    """Use the link: set its owner's password and end their sessions. Raises Unusable."""
    claim = _claim(link)
    try:
        return user_password.change_password(of, password, is_email_verified=True, claim=claim)
    except store.ConditionFailed as error:
        raise Unusable(State.USED if claim in error.failed else State.OVERTAKEN) from error


def open_account(link: MailLink, *, password: str, fullname: str, locale: str, timezone: str) -> User:
    """Use the link: create an account for its address. Raises Unusable."""
    claim = _claim(link)
    try:
        return user.create(
            email=link.email,
            password=password,
            fullname=fullname,
            locale=locale,
            timezone=timezone,
            is_email_verified=True,
            claim=claim,
        )
    except store.ConditionFailed as error:
        raise Unusable(State.USED if claim in error.failed else State.OVERTAKEN) from error


def _claim(link: MailLink) -> store.Update:
    now = clock.now()
    unused = MailLink.link_digest.exists() & MailLink.used_at.does_not_exist() & (MailLink.expires_at > now)
    return store.Update(MailLink.key(link.link_digest), [MailLink.used_at.set(now)], unused)
