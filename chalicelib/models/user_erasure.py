"""Deletes an account with everything that is found by it: its address, its linked identities, its memberships."""

from __future__ import annotations

from contextlib import suppress

from pynamodb.expressions.condition import Condition

from chalicelib.models import ended_tokens, membership, membership_shards, organizer, store
from chalicelib.models.email_address import EmailAddress
from chalicelib.models.linked_identity import LinkedIdentity
from chalicelib.models.user import User

_TRIES = 5


def erase(user: User) -> None:
    """Delete the account, its address, its linked identities and its memberships. Its sign-ins, sessions and tokens are
    refused from the next request on. Can be repeated. Raises StoreUnavailable.

    What the account got since it was read goes with it, and an address that it no longer has stays with its owner.
    """
    for _ in range(_TRIES):
        now = store.read(User.key(user.user_id))[0]
        if now is None:
            break
        if now.has_more_memberships:
            membership_shards.forget(user.user_id)
        membership.forget(user.user_id, now.memberships or ())
        organizer.note_leaving(now.memberships or ())
        linked = [store.Delete(LinkedIdentity.key(identity)) for identity in now.identities]
        account = store.Delete(User.key(user.user_id), _has_what_was_read(now))
        ended = ended_tokens.all_with(ended_tokens.handle_of_user(user.user_id))
        try:
            store.write(account, store.Delete(EmailAddress.key(now.email)), *linked, *ended)
        except store.ConditionFailed:
            continue  # changed in the meantime: the next try sees how
        if now.has_more_memberships:  # one may have been added to a shard; from now on, none can be
            membership_shards.forget(user.user_id)
        return
    else:
        raise store.StoreUnavailable("the user changed again and again")
    with suppress(store.ConditionFailed):  # is somebody else's by now
        store.write(store.Delete(EmailAddress.key(user.email), EmailAddress.user_id == user.user_id))


def _has_what_was_read(now: User) -> Condition:
    """The condition that the account has the address, the identities and the organizers that it had; of those in
    shards, that it has shards."""
    condition: Condition = User.email == now.email
    for attribute, value in (
        (User.linked_identities, now.linked_identities),
        (User.memberships, now.memberships),
        (User.has_more_memberships, now.has_more_memberships),
    ):
        condition &= attribute == value if value else attribute.does_not_exist()
    return condition
