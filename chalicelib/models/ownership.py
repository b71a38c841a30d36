"""Who owns an application: one main owner, and others who manage it too.

The application says who its owners are, which decides. A user lists the applications of others that they own, which is
for showing them; both change in one transaction. The main owner is named on the consent page, has the application
counted toward their limit, and is the only one who invites, removes and deletes.

An invitation names an email address and works for the account with that address, whoever knows its link. It ends with
its inviter's main ownership.
"""

from __future__ import annotations

from dataclasses import replace

from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.condition import Condition, size
from pynamodb.expressions.update import Action

from chalicelib import clock, limits
from chalicelib.models import application, registration_form, store
from chalicelib.models.application import Application
from chalicelib.models.email_address import normalize
from chalicelib.models.store.table import EpochSeconds, Item, Key, TableMeta, TableName, TimeToLive
from chalicelib.models.user import User


class Invitation(Item):
    """email: normalized, as accounts are found by it."""

    class Meta(TableMeta):
        table_name = TableName("invitations")

    issued_at_name = "created_at"
    client_id = UnicodeAttribute(hash_key=True)
    email = UnicodeAttribute(range_key=True)
    invited_by = UnicodeAttribute()
    created_at = EpochSeconds()
    expires_at = TimeToLive()

    @classmethod
    def key(cls, client_id: str, email: str) -> Key[Invitation]:
        return Key(cls, client_id, normalize(email))


class TooManyOwners(Exception):
    """The application has the maximum number of owners and open invitations, or the user of applications."""


class NotOpen(Exception):
    """There is no such invitation: it was withdrawn, it expired, or its inviter is no longer the main owner."""


def owned_by(user: User) -> list[Application]:
    """The applications that a user owns, oldest first. Their own come from an index, so one registered just now may be
    missing."""
    own = application.owned_by(user.user_id)
    shared = [found for found in store.read_all([Application.key(one) for one in user.shared]) if found]
    listed = [*own, *(found for found in shared if found.is_owned_by(user.user_id))]
    # By id, since the index may still list one that was transferred just now.
    return sorted({one.client_id: one for one in listed}.values(), key=lambda one: one.created_at)


def owners(of: Application) -> list[User]:
    """An application's owners, the main one first and the others by name. One round trip."""
    found = [user for user in store.read_all([User.key(user_id) for user_id in of.owner_ids]) if user]
    return sorted(found, key=lambda user: (user.user_id != of.owner_id, user.fullname.casefold(), user.user_id))


def invitations(of: Application) -> list[Invitation]:
    """The application's open invitations, oldest first."""
    found = [one for one in store.query(Invitation, of.client_id) if _is_open(one, of)]
    return sorted(found, key=lambda one: (one.created_at, one.email))


def invite(of: Application, email: str) -> None:
    """Invite whoever has this address, again if they were invited before. Raises TooManyOwners.

    Two at once can exceed the limit by one; `accept` cannot.
    """
    others = [one for one in invitations(of) if one.email != normalize(email)]
    if len(of.owner_ids) + len(others) >= limits.OWNERS_LIMIT:
        raise TooManyOwners
    now = clock.now()
    invitation = Invitation(
        client_id=of.client_id,
        email=normalize(email),
        invited_by=of.owner_id,
        created_at=now,
        expires_at=now + limits.INVITATION_LIFETIME_SECONDS,
    )
    store.write(store.Put(invitation))


def withdraw(of: Application, email: str) -> None:
    """End an invitation, for its inviter or for the one who was invited."""
    store.write(store.Delete(Invitation.key(of.client_id, email)))


def find_invitation(client_id: str, user: User) -> tuple[Application, Invitation | None] | None:
    """An application and the user's open invitation to it. One round trip. None if they have nothing to do with it."""
    found, invitation = store.read(Application.key(client_id), Invitation.key(client_id, user.email))
    if found is None or found.is_deleted or found.client_id != client_id:
        return None
    if invitation is not None and _is_open(invitation, found):
        return found, invitation
    return (found, None) if found.is_owned_by(user.user_id) else None


def accept(invitation: Invitation, user: User) -> None:
    """Make the invited user an owner. Raises NotOpen, TooManyOwners."""
    if len(user.shared) >= limits.SHARED_APPLICATIONS_LIMIT:
        raise TooManyOwners
    is_open = (Invitation.expires_at > clock.now()) & (Invitation.invited_by == invitation.invited_by)
    is_room = Application.co_owner_ids.does_not_exist() | (size(Application.co_owner_ids) < limits.OWNERS_LIMIT - 1)
    is_inviters = Application.owner_id == invitation.invited_by
    joined = store.Update(
        Application.key(invitation.client_id), [Application.co_owner_ids.add({user.user_id})], is_inviters & is_room
    )
    listed = store.Update(User.key(user.user_id), [User.shared_applications.add({invitation.client_id})], _is_active())
    try:
        store.write(store.Delete(invitation.own_key, is_open), joined, listed)
    except store.ConditionFailed as error:
        now = application.get(invitation.client_id)
        is_full = joined in error.failed and now is not None and len(now.owner_ids) >= limits.OWNERS_LIMIT
        raise (TooManyOwners if is_full else NotOpen) from error


def remove(of: Application, user_id: str) -> None:
    """Take an application from one of its other owners. Raises ConditionFailed if its main owner is another by now."""
    taken = store.Update(
        Application.key(of.client_id), [Application.co_owner_ids.delete({user_id})], Application.owner_id == of.owner_id
    )
    unlisted = store.Update(User.key(user_id), [User.shared_applications.delete({of.client_id})], User.user_id.exists())
    try:
        store.write(taken, unlisted)
    except store.ConditionFailed as error:
        if taken in error.failed:
            raise
        store.write(taken)  # the user was erased


def transfer(of: Application, to: User, *, keeps: bool, most: int | None = None) -> None:
    """Make a user the main owner.

    keeps: the present one stays an owner. most: how many applications the new one may have registered; None for the
    operator. Raises TooManyOwners, TooManyApplications, and ConditionFailed if the owners changed in the meantime, or
    the new one was erased; with `most`, also if they were disabled.
    """
    others = (of.owner_ids - {to.user_id}) if keeps else (of.owner_ids - {to.user_id, of.owner_id})
    if len(others) >= limits.OWNERS_LIMIT:
        raise TooManyOwners
    co_owners = Application.co_owner_ids
    are_same: Condition = co_owners == of.co_owner_ids if of.co_owner_ids else co_owners.does_not_exist()
    given: list[Action] = [Application.owner_id.set(to.user_id)]
    given.append(co_owners.set(set(others)) if others else co_owners.remove())
    counted = registration_form.count_one_more(to, most)
    before = store.read(User.key(of.owner_id))[0]
    parts: list[store.Change] = [
        store.Update(Application.key(of.client_id), given, (Application.owner_id == of.owner_id) & are_same),
        replace(counted, actions=[*counted.actions, User.shared_applications.delete({of.client_id})]),
    ]
    if before is not None:
        parts += _after(before, of.client_id if keeps else None)
    store.write(*parts)


def forget(of: Application) -> None:
    """Take a deleted application off the lists of its other owners. Only cleanup: a deleted one is not shown."""
    for user_id in of.co_owner_ids or ():
        with store.aside():
            unlisted: list[Action] = [User.shared_applications.delete({of.client_id})]
            store.change(User.key(user_id), unlisted, User.user_id.exists())


def _after(before: User, shared: str | None) -> list[store.Change]:
    """What a transfer changes for the main owner before it. shared: the application, if they go on to own it."""
    actions: list[Action] = [User.shared_applications.add({shared})] if shared else []
    condition: Condition = User.user_id.exists()
    if before.application_count:  # absent if stored by a version that did not count
        actions.append(User.application_count.add(-1))
        condition &= User.application_count > 0
    return [store.Update(User.key(before.user_id), actions, condition)] if actions else []


def _is_open(invitation: Invitation, of: Application) -> bool:
    return clock.now() < invitation.expires_at and invitation.invited_by == of.owner_id


def _is_active() -> Condition:
    condition: Condition = User.active == True  # noqa: E712 - a DynamoDB condition
    return condition
