"""What the platform's server says about a user (SCIM), and the transactions that make the account follow it.

The server's own subject (`externalId`) and its name for the user (`userName`) are identities that are linked to the
account, so that each is unique and finds it by a key.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib import clock, credentials, known_device
from chalicelib.models import ended_tokens, linked_identity, store, user
from chalicelib.models.email_address import EmailAddress, normalize
from chalicelib.models.linked_identity import PLATFORM, Identity, LinkedIdentity
from chalicelib.models.store.table import as_set
from chalicelib.models.user import User

USER_NAMES = "scim-user-name"  # the source of identities that are userNames
_AS_READ = (
    *("email", "fullname", "locale", "timezone", "active", "password_serial"),
    *("linked_identities", "scim_user_name", "scim_profile"),
)


@dataclass(frozen=True)
class Profile:
    """user_name, external_id: of the platform's server. document: what it said, as JSON, to be answered as it was said.
    The other attributes are those of a User."""

    user_name: str
    external_id: str | None
    email: str
    fullname: str
    locale: str
    timezone: str
    active: bool
    document: str

    @property
    def identities(self) -> set[Identity]:
        found = {user_name_identity(self.user_name)}
        return found | ({Identity(PLATFORM, self.external_id)} if self.external_id else set())


class Taken(Exception):
    """Something that must be unique belongs to another user. attribute: its name in SCIM."""

    def __init__(self, attribute: str) -> None:
        super().__init__(attribute)
        self.attribute = attribute


def user_name_identity(user_name: str) -> Identity:
    """User names are compared without case (RFC 7643 §4.1.1)."""
    return Identity(USER_NAMES, unicodedata.normalize("NFC", unicodedata.normalize("NFC", user_name).lower()))


def external_id(of: User) -> str | None:
    """What the platform's server calls the user. If it has several names for them, the first one."""
    return next((one.subject for one in of.identities if one.source == PLATFORM), None)


def find(profile: Profile) -> tuple[User | None, User | None]:
    """The users whom the external id and the address belong to. One round trip if there are none, otherwise two."""
    identity = Identity(PLATFORM, profile.external_id) if profile.external_id else None
    named, addressed = store.read(LinkedIdentity.key(identity) if identity else None, EmailAddress.key(profile.email))
    ids = sorted({one.user_id for one in (named, addressed) if one})
    found = dict(zip(ids, store.read_all([User.key(user_id) for user_id in ids]), strict=True))
    return found.get(named.user_id) if named else None, found.get(addressed.user_id) if addressed else None


def create(profile: Profile, password: str | None) -> User:
    """Store a new account. Raises Taken."""
    made = user.made(
        profile.email,
        credentials.hash_password(password) if password else credentials.NO_PASSWORD,
        linked_identities={str(one) for one in profile.identities},
        **_attributes(profile),
    )
    try:
        user.add(made)
    except store.ConditionFailed as error:
        raise Taken(_taken(error.failed) or "userName") from error
    return made


def replace(now: User, profile: Profile, password: str | None) -> User:
    """Make an account follow the profile. Returns it as it is then.

    now: as it was read. password: a new one, which ends all sessions; credentials.NO_PASSWORD takes it away; None for
    no change. Raises Taken, and ConditionFailed if the account has changed or has been erased since.
    """
    named = external_id(now)
    theirs = {one for one in now.identities if one.source == USER_NAMES or one == Identity(PLATFORM, named or "")}
    kept = {one for one in now.identities if one not in theirs}
    identities = as_set(str(one) for one in kept | profile.identities)
    if len(identities or ()) > linked_identity.PER_USER_LIMIT:
        raise Taken("externalId")
    values = {**_attributes(profile), "email": profile.email, "linked_identities": identities}
    if password is not None:
        values |= _password(password)
    changes: list[store.Change] = [linked_identity.claim(one, now.user_id) for one in profile.identities - theirs]
    changes += [_freed(one, now.user_id) for one in theirs - profile.identities]
    if normalize(now.email) != normalize(profile.email):
        changes += _moved(now, profile.email)
    if now.active and not profile.active:
        changes += ended_tokens.all_with(ended_tokens.handle_of_user(now.user_id))
    try:
        store.write(*changes, store.Update(User.key(now.user_id), _set(values), _is_as_read(now)))
    except store.ConditionFailed as error:
        attribute = _taken(error.failed)
        if attribute is None:
            raise
        raise Taken(attribute) from error
    return User(**{**now.attribute_values, **values})


def disable(now: User) -> None:
    """`user.disable` for an account as it was read. Raises ConditionFailed if it has changed or was erased since."""
    store.change(User.key(now.user_id), [User.active.set(False)], _is_as_read(now))


def _attributes(profile: Profile) -> dict[str, Any]:
    return {
        "fullname": profile.fullname,
        "locale": profile.locale,
        "timezone": profile.timezone,
        "active": profile.active,
        "scim_user_name": profile.user_name,
        "scim_profile": profile.document,
        "scim_changed_at": clock.now(),
    }


def _password(password: str) -> dict[str, Any]:
    is_taken_away = password == credentials.NO_PASSWORD
    return {
        "password_hash": password if is_taken_away else credentials.hash_password(password),
        "password_serial": credentials.new_serial(),
        "device_key": known_device.new_key(),
    }


def _set(values: dict[str, Any]) -> list[Action]:
    attributes = User.get_attributes()
    return [attributes[name].set(value) for name, value in values.items() if value is not None]


def _is_as_read(now: User) -> Condition:
    condition: Condition = User.user_id.exists()
    for name in _AS_READ:
        attribute, value = User.get_attributes()[name], getattr(now, name)
        condition &= attribute.does_not_exist() if value is None else attribute == value
    return condition


def _moved(now: User, email: str) -> list[store.Change]:
    """The changes that give the account another address."""
    is_free = EmailAddress.email.does_not_exist() | (EmailAddress.user_id == now.user_id)
    return [
        store.Put(EmailAddress(email=normalize(email), user_id=now.user_id), is_free),
        store.Delete(EmailAddress.key(now.email), EmailAddress.user_id == now.user_id),
    ]


def _freed(identity: Identity, user_id: str) -> store.Delete:
    return store.Delete(LinkedIdentity.key(identity), LinkedIdentity.user_id == user_id)


def _taken(failed: Sequence[store.Change]) -> str | None:
    """The attribute that another user has, by the puts that failed."""
    for change in failed:
        match change:
            case store.Put(item=EmailAddress()):
                return "emails"
            case store.Put(item=LinkedIdentity() as linked):
                is_user_name = linked_identity.parse(linked.identity).source == USER_NAMES
                return "userName" if is_user_name else "externalId"
    return None
