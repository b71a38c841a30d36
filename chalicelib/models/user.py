"""User: a person on the platform, with the memberships that say which organizers they belong to.

The memberships are a set of slugs on the user's own item. So every read of the user, as in each token check, includes
them without another round trip, and removing one takes effect with the next request. Those of a user with very many go
on in `membership_shards`; `user_organizers` reads both. `membership` lists them by organizer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.expressions.condition import size
from pynamodb.expressions.update import Action

from chalicelib import clock, credentials, known_device, limits
from chalicelib.models import ended_tokens, linked_identity, membership, membership_shards, organizer, store
from chalicelib.models.email_address import EmailAddress, normalize
from chalicelib.models.linked_identity import Identity, LinkedIdentity
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
    memberships = UnicodeSetAttribute(null=True)  # not all of them: see `user_organizers`
    has_more_memberships = BooleanAttribute(null=True)  # True: there are shards too. It is never taken back
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
        *(organizer.joined(slug) for slug in sorted(new.memberships or ())),
        *(membership.listed(slug, new.user_id) for slug in sorted(new.memberships or ())),
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
    disabled = store.Update(User.key(user_id), [User.active.set(False)], User.user_id.exists())
    store.write(disabled, *ended_tokens.all_with(ended_tokens.handle_of_user(user_id)))


def enable(user_id: str) -> None:
    """Undo `disable`."""
    store.change(User.key(user_id), [User.active.set(True)], User.user_id.exists())


def add_member(user_id: str, slug: str) -> None:
    """Raises ConditionFailed if the user or the organizer does not exist, or the user has too many of them."""
    joined = organizer.joined(slug)
    try:
        store.write(joined, *_joining_set(user_id, slug))
    except store.ConditionFailed as error:
        if joined in error.failed or (found := store.read(User.key(user_id))[0]) is None:
            raise
        store.write(joined, *_joining_shard(found, slug))


def remove_member(user_id: str, slug: str) -> None:
    """Raises ConditionFailed if the user does not exist."""
    left = organizer.left(slug)
    try:
        store.write(left, *_leaving(user_id, slug, has_shards=False))
    except store.ConditionFailed as error:
        if left in error.failed or (found := store.read(User.key(user_id))[0]) is None:
            raise
        store.write(left, *leaving(found, slug))


def joining(one: User, slug: str) -> tuple[store.Change, ...]:
    """The changes that add a user to an organizer. The caller adds `organizer.joined`."""
    is_full = len(one.memberships or ()) >= limits.MEMBERSHIPS_ON_USER_LIMIT and slug not in (one.memberships or ())
    return _joining_shard(one, slug) if is_full else _joining_set(one.user_id, slug)


def leaving(one: User, slug: str) -> tuple[store.Change, ...]:
    """The changes that take a user out of an organizer. The caller adds `organizer.left`."""
    return _leaving(one.user_id, slug, has_shards=bool(one.has_more_memberships))


def _joining_set(user_id: str, slug: str) -> tuple[store.Change, ...]:
    is_room = User.memberships.does_not_exist() | (size(User.memberships) < limits.MEMBERSHIPS_ON_USER_LIMIT)
    is_room |= User.memberships.contains(slug)
    joined = store.Update(User.key(user_id), [User.memberships.add({slug})], User.user_id.exists() & is_room)
    return joined, membership.listed(slug, user_id)


def _joining_shard(one: User, slug: str) -> tuple[store.Change, ...]:
    key, exists = User.key(one.user_id), User.user_id.exists()
    flag: list[Action] = [User.has_more_memberships.set(True)]
    flagged = store.Check(key, exists) if one.has_more_memberships else store.Update(key, flag, exists)
    return flagged, membership_shards.joined(one.user_id, slug), membership.listed(slug, one.user_id)


def _leaving(user_id: str, slug: str, *, has_shards: bool) -> tuple[store.Change, ...]:
    # Without the flag, no shard can have the slug, not even one written at this moment.
    is_all = User.user_id.exists()
    is_all = is_all if has_shards else is_all & User.has_more_memberships.does_not_exist()
    left = store.Update(User.key(user_id), [User.memberships.delete({slug})], is_all)
    in_shard = [membership_shards.left(user_id, slug)] if has_shards else []
    ended = ended_tokens.all_with(ended_tokens.handle_of_membership(user_id, slug))
    return left, *in_shard, membership.unlisted(slug, user_id), *ended


def edit(user_id: str, *, fullname: str, locale: str, timezone: str) -> None:
    """Raises ConditionFailed if the user has been deleted."""
    store.change(
        User.key(user_id),
        [User.fullname.set(fullname), User.locale.set(locale), User.timezone.set(timezone)],
        User.user_id.exists(),
    )


def all_users(*, after: str | None = None) -> Iterator[User]:
    """Every user, by a scan: for the operator's commands, never in a request. after: start after this id."""
    return store.scan(User, after=after)
