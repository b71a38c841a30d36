"""Exchanges a code or a device's request for a grant and its access token, in the transaction that claims it.

The consent lists its grants, and only up to a limit. So a user's grants for one application stay within the limit
however many exchanges run at once, and an exchange below the limit needs no extra read.
"""

from __future__ import annotations

from typing import Any

from pynamodb.expressions.condition import Condition, size

from chalicelib import limits
from chalicelib.models import ended_tokens, grant_ending, store
from chalicelib.models.access_token import AccessToken
from chalicelib.models.application import Application
from chalicelib.models.consent import Consent, is_standing, stands
from chalicelib.models.grant import Grant, consent_key, held_for, serial_of, tidy_up
from chalicelib.models.store.attempts import attempts
from chalicelib.models.user import User


def store_claimed(claim: store.Update, grant: Grant, access_token: AccessToken, application: Application) -> None:
    """Claim the code or request and store its grant and token: all of it, while the consent stands and the user is
    active, or nothing.

    claim: marks what is exchanged as used and sets its attribute `grant_id`. application: the grant's.
    Raises ConditionFailed, with the claim in `failed` if another request came first. Raises StoreUnavailable if nothing
    was stored as far as the store can tell, or if it cannot tell.
    """
    grant.hold(access_token)
    active = store.Check(User.key(grant.user_id), _is_active_member(access_token))
    for _ in attempts():
        join = _join(grant, application)
        try:
            store.write(
                claim,
                store.Put(grant),
                store.Put(access_token),
                join,
                active,
            )
        except store.StoreUnavailable:
            if _was_stored(claim, grant):
                return
            raise
        except store.ConditionFailed as error:
            if list(error.failed) != [join] or not _make_room(grant, application):
                raise
        else:
            return
    raise store.StoreUnavailable("connected again and again")


def _is_active_member(access_token: AccessToken) -> Condition:
    """The user is active and, since nobody asks again when a signed token is used, belongs to its organizers."""
    condition: Condition = User.active == True  # noqa: E712 - a DynamoDB condition
    for slug in sorted(access_token.told_organizers):
        condition &= User.memberships.contains(slug)
    return condition


def _was_stored(claim: store.Update, grant: Grant) -> bool:
    """True if a try whose response was lost succeeded. Raises StoreUnavailable if that cannot be read."""
    claimed = store.read(claim.key)[0]
    return claimed is not None and claimed.grant_id == grant.grant_id


def _join(grant: Grant, application: Application) -> store.Update:
    """List the grant on its consent, on condition that the consent stands and lists fewer than the limit."""
    return store.Update(
        consent_key(grant.grant_id),
        [Consent.grant_serials.set(Consent.grant_serials.append([serial_of(grant.grant_id)]))],
        is_standing(grant.consent_id, application)
        & (size(Consent.grant_serials) < limits.GRANTS_PER_APPLICATION_LIMIT),
    )


def _make_room(grant: Grant, application: Application) -> bool:
    """End the least recently used grants and list the others. False if the consent has ended.

    The list also names grants that have expired; and a consent stored by a version without lists has none.
    """
    consent = store.read(consent_key(grant.grant_id))[0]
    if consent is None or not stands(consent, grant.consent_id, application):
        return False
    if consent.grant_serials is not None and len(consent.grant_serials) < limits.GRANTS_PER_APPLICATION_LIMIT:
        return True  # another exchange made room
    found = held_for(consent.user_id, consent.client_id)
    held = sorted((one for one in found if one.consent_id == consent.consent_id), key=lambda one: one.last_used_at)
    surplus = max(0, len(held) - limits.GRANTS_PER_APPLICATION_LIMIT + 1)
    if ended_tokens.are_listed():
        for one in held[:surplus]:
            grant_ending.end(one)
    else:
        store.delete_all([key for one in held[:surplus] for key in (one.own_key, AccessToken.key(one.grant_id))])
    is_as_read = (
        Consent.grant_serials.does_not_exist()
        if consent.grant_serials is None
        else Consent.grant_serials == consent.grant_serials
    )
    left: list[Any] = [serial_of(one.grant_id) for one in held[surplus:]]
    try:
        store.change(
            consent_key(grant.grant_id),
            [Consent.grant_serials.set(left)],
            is_standing(grant.consent_id, application) & is_as_read,
        )
    except store.ConditionFailed:
        return True  # another exchange made room, and may have filled it: the next try shows
    # Grants of a consent that ended before this one began, left behind by an interrupted request.
    tidy_up(str(one.grant_id) for one in found if one.consent_id != consent.consent_id)
    return True
