"""A user's consent, in a browser or for a device: its organizers, and what is remembered of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib import credentials, limits
from chalicelib.messages import Message, Problem
from chalicelib.models import organizer, store, verification
from chalicelib.models.application import Application
from chalicelib.models.consent import Consent, as_remembered, in_force, moment_for
from chalicelib.models.organizer import Organizer
from chalicelib.models.store.table import Key, as_set
from chalicelib.models.user import User
from chalicelib.models.verification import Logo
from chalicelib.protocol.rules import given_scopes, request_parameters
from chalicelib.protocol.rules import scopes as scope_rules


def still_member(slugs: Iterable[str], user: User) -> set[str]:
    return set(slugs) & user.organizers


class ChoiceProblem(Problem):
    """The user's selection cannot be allowed. The message tells a person why and what to do."""


class NoScope(ChoiceProblem):
    """Nothing that was asked for is left."""


def chosen_scopes(asked: Iterable[str], ticked: Iterable[str], user: User) -> tuple[str, ...]:
    """What the user allows of the scopes that were asked for.

    ticked: as posted; those that the user cannot allow without an organizer are ignored. Raises NoScope.
    """
    possible = scope_rules.ordered(asked)
    if not user.organizers:
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
    _check_count(found)
    return found


def _check_count(slugs: Collection[str]) -> None:
    limit = limits.ORGANIZERS_PER_CONSENT_LIMIT
    if len(slugs) > limit:
        raise ChoiceProblem(
            Message(
                "That is %(count)s organizers, and an application can be given at most %(limit)s. Choose fewer.",
                count=len(slugs),
                limit=limit,
            )
        )


@dataclass(frozen=True)
class Choice:
    """The organizers on a consent page.

    listed: those that match the search, or all of them. kept: ticked ones that do not match; they stay visible, so that
    nothing is allowed unseen. ticked: slugs. find: the search text. count: the number of the user's organizers.
    is_long: the page has a search field. problem: why "Select all" did not tick all; ""
    if it did.
    """

    listed: list[Organizer]
    kept: list[Organizer]
    ticked: frozenset[str]
    find: str
    count: int
    is_long: bool
    problem: str = ""

    @property
    def has_all_ticked(self) -> bool:
        return all(organizer.slug in self.ticked for organizer in self.listed)


def choice(organizers: Sequence[Organizer], form: request_parameters.Parameters | None) -> Choice:
    """The organizers to show. form: as posted; None for a new page, on which a single organizer is ticked."""
    is_long = len(organizers) >= limits.ORGANIZERS_FILTERED_FROM
    typed = (request_parameters.single(form or {}, "find") or "") if is_long else ""
    find = typed.strip()[: limits.NAME_LIMIT_CHARACTERS]
    listed = [found for found in organizers if organizer.is_named_like(found.name, find)]
    slugs, listed_slugs = ({found.slug for found in some} for some in (organizers, listed))
    problem = ""
    if form is None:
        ticked = slugs if len(organizers) == 1 else set()
    else:
        ticked = set(form.get("organizers", ())) & slugs
        match request_parameters.single(form, "decision"):
            case "select_all":
                ticked, problem = _select_all(ticked, listed_slugs)
            case "select_none":
                ticked = set()
    kept = [found for found in organizers if found.slug in ticked and found.slug not in listed_slugs]
    return Choice(listed, kept, frozenset(ticked), find, len(organizers), is_long, problem)


def _select_all(ticked: set[str], listed: set[str]) -> tuple[set[str], str]:
    """The ticked slugs after "Select all", and why they did not change; "" if they did."""
    try:
        _check_count(ticked | listed)
    except ChoiceProblem as error:
        return ticked, error.message
    return ticked | listed, ""


def read_shown(
    application: Application, user: User, scopes: Iterable[str]
) -> tuple[User | None, Logo | None, list[Organizer]]:
    """The application's owner and its verified logo, if it has them, and the user's organizers sorted by name, in one
    round trip."""
    slugs = sorted(user.organizers) if scope_rules.need_organizers(scopes) else []
    keys: list[Key[Any]] = [Organizer.key(slug) for slug in slugs]
    if application.owner_id and not application.registered_itself:
        keys.append(User.key(application.owner_id))
    if logo_key := verification.logo_key(application):
        keys.append(logo_key)
    found = [item for item in store.read_all(keys) if item is not None]
    logo = next((item for item in found if isinstance(item, Logo)), None)
    owner = next((item for item in found if isinstance(item, User)), None)
    return owner, logo, organizer.by_name(item for item in found if isinstance(item, Organizer))


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
