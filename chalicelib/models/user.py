"""User: a person on the platform, with the memberships that say which organizers they belong to.

The memberships are a set of slugs on the user's own item. So every read of the user, as in each token check, includes
them without another round trip, and removing one takes effect with the next request. `membership` lists them by
organizer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.expressions.condition import Condition, size
from pynamodb.expressions.update import Action

from chalicelib import clock, credentials, known_device, limits
from chalicelib.models import linked_identity, membership, organizer, store
from chalicelib.models.email_address import EmailAddress, normalize
from chalicelib.models.linked_identity import Identity, LinkedIdentity
from chalicelib.models.organizer import Organizer
from chalicelib.models.store.table import EpochSeconds, Item, Key, TableMeta, TableName, Whole

MEMBERSHIPS_AT_ONCE = 40  # DynamoDB takes 100 items in a transaction, and each membership is two


class User(Item):
    class Meta(TableMeta):
        table_name = TableName("users")

    user_id = UnicodeAttribute(hash_key=True)
    email = UnicodeAttribute()
    verified_email = UnicodeAttribute(null=True)  # the address that this user proved to read mail at
    password_hash = UnicodeAttribute()
    password_serial = UnicodeAttribute(null=True)
    device_key = UnicodeAttribute(null=True)
    fullname = UnicodeAttribute()
    locale = UnicodeAttribute()
    timezone = UnicodeAttribute()
    active = BooleanAttribute()
    memberships = UnicodeSetAttribute(null=True)
    shared_applications = UnicodeSetAttribute(null=True)  # that others registered; to list them, see `ownership`
    linked_identities = UnicodeSetAttribute(null=True)  # as `linked_identity` stores them
    scim_user_name = UnicodeAttribute(null=True)  # as the platform's server gave it; see `provisioned_user`
    scim_profile = UnicodeAttribute(null=True)
    scim_changed_at = EpochSeconds(null=True)
    application_count = Whole(null=True)  # None if stored by a version that did not count; see registration_form
    created_at = EpochSeconds()

    @classmethod
    def key(cls, user_id: str) -> Key[User]:
        return Key(cls, user_id)

    @property
    def organizers(self) -> frozenset[str]:
        """Slugs of the organizers that the user belongs to."""
        return frozenset(self.memberships or ())

    @property
    def shared(self) -> frozenset[str]:
        """Ids of applications of other users that the user owns too, unless they have been removed since."""
        return frozenset(self.shared_applications or ())

    @property
    def identities(self) -> tuple[Identity, ...]:
        """Those at other sources that are linked to the account."""
        return tuple(linked_identity.parse(one) for one in sorted(self.linked_identities or ()))

    @property
    def has_verified_email(self) -> bool:
        """True if the user proved to read mail at the address, or an identity provider says so. Another address, such
        as one that the platform's server gives, has to be proven anew."""
        return bool(self.verified_email == self.email)

    @property
    def has_password(self) -> bool:
        return bool(self.password_hash != credentials.NO_PASSWORD)


def create(
    *,
    email: str,
    password: str,
    fullname: str,
    locale: str,
    timezone: str,
    user_id: str | None = None,
    is_email_verified: bool = False,
    claim: store.Change | None = None,
) -> User:
    """Store a new user. Raises ConditionFailed if the address is taken.

    user_id: made by this server (`credentials.new_id`); None to make one. is_email_verified: the user proved to read
    mail at the address. claim: a change for the same transaction.
    """
    user = made(
        email, credentials.hash_password(password), user_id, fullname=fullname, locale=locale, timezone=timezone
    )
    user.verified_email = user.email if is_email_verified else None
    add(user, claim=claim)
    return user


def made(email: str, password_hash: str, user_id: str | None = None, **more: Any) -> User:
    """A new user, not yet stored. more: the other attributes of a User that are not as for everybody new."""
    as_for_everybody = {
        "user_id": user_id or credentials.new_id(),
        "email": email.strip(),
        "password_hash": password_hash,
        "password_serial": credentials.new_serial(),
        "device_key": known_device.new_key(),
        "active": True,
        "application_count": 0,
        "created_at": clock.now(),
    }
    return User(**{**as_for_everybody, **more})


def add(new: User, *, claim: store.Change | None = None) -> None:
    """Store a new user. Raises ConditionFailed if the address or a linked identity is taken, or an organizer of theirs
    does not exist.

    claim: a change for the same transaction, which takes at most MEMBERSHIPS_AT_ONCE organizers.
    """
    store.write(
        store.Put(EmailAddress(email=normalize(new.email), user_id=new.user_id), EmailAddress.email.does_not_exist()),
        *(linked_identity.claim(identity, new.user_id) for identity in new.identities),
        store.Put(new, User.user_id.does_not_exist()),
        *(store.Check(Organizer.key(slug), organizer.is_there()) for slug in sorted(new.organizers)),
        *(membership.listed(slug, new.user_id) for slug in sorted(new.organizers)),
        *([claim] if claim else []),
    )


def find_by_email(email: str) -> User | None:
    """The user with this address. An unknown address costs the same two reads, so that timing reveals nothing."""
    address = store.read(EmailAddress.key(email))[0]
    return store.read(User.key(address.user_id if address else "nobody"))[0]


def find_by_identity(identity: Identity) -> User | None:
    """The user whom this identity belongs to."""
    linked = store.read(LinkedIdentity.key(identity))[0]
    return store.read(User.key(linked.user_id))[0] if linked else None


def link(user_id: str, identity: Identity, *, verified_email: str | None = None) -> None:
    """Link an identity to the account; nothing changes if it is linked already. verified_email: the account's address,
    if the source says that it is proven.

    Raises ConditionFailed if it belongs to another user, or the user does not exist, is disabled or has PER_USER_LIMIT
    identities. An erasure disables the user first, so nothing is linked to somebody who is being erased.
    """
    is_room = User.linked_identities.does_not_exist() | (size(User.linked_identities) < linked_identity.PER_USER_LIMIT)
    is_room |= User.linked_identities.contains(str(identity))
    store.write(
        linked_identity.claim(identity, user_id),
        store.Update(
            User.key(user_id),
            [
                User.linked_identities.add({str(identity)}),
                *([User.verified_email.set(verified_email)] if verified_email else []),
            ],
            (User.active == True) & is_room,  # noqa: E712 - a DynamoDB condition
        ),
    )


def unlink(of: User, identity: Identity) -> None:
    """End the link. Raises ConditionFailed if the identity belongs to another user, or the user's identities are not
    those that were read: of two that end at once, the second could be the last way to sign in."""
    theirs = LinkedIdentity.identity.does_not_exist() | (LinkedIdentity.user_id == of.user_id)
    read = set(of.linked_identities or ())
    is_same = User.linked_identities == read if read else User.linked_identities.does_not_exist()
    store.write(
        store.Delete(LinkedIdentity.key(identity), theirs),
        store.Update(
            User.key(of.user_id), [User.linked_identities.delete({str(identity)})], User.user_id.exists() & is_same
        ),
    )


def disable(user_id: str) -> None:
    """Refuse the user's sign-ins, sessions and tokens from the next request on."""
    store.change(User.key(user_id), [User.active.set(False)], User.user_id.exists())


def enable(user_id: str) -> None:
    """Undo `disable`."""
    store.change(User.key(user_id), [User.active.set(True)], User.user_id.exists())


def add_member(user_id: str, slug: str) -> None:
    """Raises ConditionFailed if the user or the organizer does not exist, or the user has MEMBERSHIPS_LIMIT of them."""
    store.write(store.Check(Organizer.key(slug), organizer.is_there()), *joining(user_id, slug))


def remove_member(user_id: str, slug: str) -> None:
    """Raises ConditionFailed if the user does not exist."""
    store.write(*leaving(user_id, slug))


def joining(user_id: str, slug: str) -> tuple[store.Update, store.Put]:
    """The changes that add a user to an organizer. The caller makes sure that the organizer exists."""
    is_room = User.memberships.does_not_exist() | (size(User.memberships) < limits.MEMBERSHIPS_LIMIT)
    is_room |= User.memberships.contains(slug)
    joined = store.Update(User.key(user_id), [User.memberships.add({slug})], User.user_id.exists() & is_room)
    return joined, membership.listed(slug, user_id)


def leaving(user_id: str, slug: str) -> tuple[store.Update, store.Delete]:
    """The changes that take a user out of an organizer."""
    left = store.Update(User.key(user_id), [User.memberships.delete({slug})], User.user_id.exists())
    return left, membership.unlisted(slug, user_id)


def bring_up_to_date(user: User, password: str) -> None:
    """Update an older account at a sign-in with its correct password. Never raises.

    The password is hashed again with today's parameters, which ends no session, and the account gets a key for known
    devices. A password that was changed in the meantime stays.
    """
    actions: list[Action] = []
    is_same = User.password_hash == user.password_hash
    hashed, device_key = user.password_hash, user.device_key
    if credentials.needs_rehash(hashed):
        hashed = credentials.hash_password(password)
        actions.append(User.password_hash.set(hashed))
    if not device_key:
        device_key = known_device.new_key()
        actions.append(User.device_key.set(device_key))
        is_same &= User.device_key.does_not_exist()
    if not actions:
        return
    with store.aside():  # otherwise the next sign-in does it
        store.change(User.key(user.user_id), actions, is_same)
        user.password_hash, user.device_key = hashed, device_key


def edit(user_id: str, *, fullname: str, locale: str, timezone: str) -> None:
    """Raises ConditionFailed if the user has been deleted."""
    store.change(
        User.key(user_id),
        [User.fullname.set(fullname), User.locale.set(locale), User.timezone.set(timezone)],
        User.user_id.exists(),
    )


def change_password(
    user: User, password: str, *, is_email_verified: bool = False, claim: store.Change | None = None
) -> User:
    """Store a new password, and in the same write end all sessions and forget all known devices. Returns the user.

    is_email_verified: the user has just proved to read mail at the address. claim: a change for the same transaction.
    Raises ConditionFailed if the user was disabled or their password changed
    since `user` was read.
    """
    hashed, serial, device_key = credentials.hash_password(password), credentials.new_serial(), known_device.new_key()
    actions: list[Action] = [
        User.password_hash.set(hashed),
        User.password_serial.set(serial),
        User.device_key.set(device_key),
    ]
    if is_email_verified:
        actions.append(User.verified_email.set(user.email))
        user.verified_email = user.email
    update = store.Update(User.key(user.user_id), actions, _unchanged(user))
    store.write(update, *([claim] if claim else []))
    user.password_hash, user.password_serial, user.device_key = hashed, serial, device_key
    return user


def _unchanged(user: User) -> Condition:
    serial = User.password_serial
    is_same = serial == user.password_serial if user.password_serial else serial.does_not_exist()
    condition: Condition = is_same & (User.active == True)  # noqa: E712 - a DynamoDB condition
    return condition


def erase(user: User) -> None:
    """Delete the account, its address, its linked identities and its places in lists of members. Its sign-ins, sessions
    and tokens are refused from the next request on. Can be repeated."""
    now = store.read(User.key(user.user_id))[0] or user  # an identity may have been linked since
    membership.forget(user.user_id, now.organizers)
    linked = [store.Delete(LinkedIdentity.key(identity)) for identity in now.identities]
    store.write(store.Delete(User.key(user.user_id)), store.Delete(EmailAddress.key(user.email)), *linked)


def all_users(*, after: str | None = None) -> Iterator[User]:
    """Every user, by a scan: for the operator's commands, never in a request. after: start after this id."""
    return store.scan(User, after=after)
