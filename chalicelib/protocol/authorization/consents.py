"""A user's consent, in a browser or for a device: what may be chosen, and what is remembered of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from chalicelib import credentials, limits
from chalicelib.messages import Message, Problem
from chalicelib.models import user_organizers
from chalicelib.models.application import Application
from chalicelib.models.consent import Consent, as_remembered, in_force, moment_for
from chalicelib.models.store.table import as_set
from chalicelib.models.user import User
from chalicelib.protocol.rules import given_scopes
from chalicelib.protocol.rules import scopes as scope_rules


def still_member(slugs: Iterable[str], user: User) -> set[str]:
    return set(user_organizers.among(user, slugs))


class ChoiceProblem(Problem):
    """The user's selection cannot be allowed. The message tells a person why and what to do."""


class NoScope(ChoiceProblem):
    """Nothing that was asked for is left."""


def chosen_scopes(asked: Iterable[str], ticked: Iterable[str], user: User) -> tuple[str, ...]:
    """What the user allows of the scopes that were asked for.

    ticked: as posted; those that the user cannot allow without an organizer are ignored. Raises NoScope.
    """
    possible = scope_rules.ordered(asked)
    if not user_organizers.has_any(user):
        possible = scope_rules.possible_without_organizers(asked) or possible
    left_out = set(scope_rules.optional(asked)) - set(ticked)
    kept = tuple(scope for scope in possible if scope not in left_out)
    if not kept:
        raise NoScope(Message("Choose at least one permission, or deny."))
    return kept


def chosen(scopes: Iterable[str], ticked: Iterable[str], user: User) -> set[str]:
    """The organizers that the user allows these scopes for.

    ticked: slugs as posted; those of organizers that the user does not belong to are ignored. Raises ChoiceProblem if
    an organizer is needed and none is left, or if there are more than one consent can hold.
    """
    if not scope_rules.need_organizers(scopes):
        return set()
    found = still_member(ticked, user)
    if not found:
        raise ChoiceProblem(Message("Choose at least one organizer."))
    check_count(found)
    return found


def check_count(slugs: Collection[str]) -> None:
    """Raises ChoiceProblem if these are more organizers than one consent can hold."""
    limit = limits.ORGANIZERS_PER_CONSENT_LIMIT
    if len(slugs) > limit:
        raise ChoiceProblem(
            Message(
                "That is %(count)s organizers, and an application can be given at most %(limit)s. Choose fewer.",
                count=len(slugs),
                limit=limit,
            )
        )


def remembered(
    application: Application,
    given: Iterable[str],
    organizers: Iterable[str],
    user: User,
    known: Consent | None,
    *,
    place: str | None,
) -> Consent:
    """The new consent.

    given: the scopes as stored, see `given_scopes`. known: the consent as it was before, or None. place: see
    `consent.place`; None for a device.
    """
    given, organizers = set(given), set(organizers)
    before = in_force(known, application)
    is_for_the_same = before is None or not organizers or as_set(before.organizers or ()) in (organizers, None)
    scopes_at = dict(before.scopes_at) if before and is_for_the_same else {}
    if place is not None:
        scopes_at[place] = given_scopes.merged(scopes_at.get(place, ()), given)
    now = moment_for(application)
    return Consent(
        user_id=user.user_id,
        client_id=application.client_id,
        consent_id=before.consent_id if before else credentials.new_id(),
        revision=credentials.new_id(),
        scopes=set(given_scopes.merged(before.scopes, given)) if before and is_for_the_same else given,
        organizers=as_set(organizers) or (before.organizers if before else None),
        remembered_at=as_remembered(scopes_at),
        created_at=before.created_at if before else now,
        updated_at=now,
    )
