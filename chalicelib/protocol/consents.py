"""What a user allows, wherever they are asked: for which organizers, and what of it is remembered."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from chalicelib import credentials
from chalicelib.models import store
from chalicelib.models.application import Application
from chalicelib.models.consent import Consent, as_remembered, in_force, moment_for
from chalicelib.models.organizer import Organizer
from chalicelib.models.table import Key, as_set
from chalicelib.models.user import User
from chalicelib.protocol import scopes as scope_rules


def still_member(slugs: Iterable[str], user: User) -> set[str]:
    return set(slugs) & user.organizers


def chosen(scopes: Iterable[str], ticked: Iterable[str], user: User) -> set[str] | None:
    """The organizers that the user allows these scopes for; None where one is needed and none is left.

    ticked: slugs as they were posted; those that the user does not belong to count for nothing.
    """
    if not scope_rules.need_organizers(scopes):
        return set()
    return still_member(ticked, user) or None


def ticked(choices: Collection[Organizer], tick_all: bool | None) -> set[str]:
    """The slugs that are ticked on the page: all or none where the user said so, else the one if there is no other."""
    if tick_all is None:
        tick_all = len(choices) == 1
    return {choice.slug for choice in choices} if tick_all else set()


def read_shown(application: Application, user: User, scopes: Iterable[str]) -> tuple[User | None, list[Organizer]]:
    """The application's owner, if it has one, and the organizers to choose from, in one round trip."""
    slugs = sorted(user.organizers) if scope_rules.need_organizers(scopes) else []
    keys: list[Key[Any]] = [Organizer.key(slug) for slug in slugs]
    if application.owner_id and not application.registered_itself:
        keys.append(User.key(application.owner_id))
    found = [item for item in store.read_all(keys) if item is not None]
    owner = next((item for item in found if isinstance(item, User)), None)
    return owner, [item for item in found if isinstance(item, Organizer)]


def remembered(
    application: Application,
    scopes: Iterable[str],
    organizers: Iterable[str],
    user: User,
    known: Consent | None,
    *,
    origin: str | None,
) -> Consent:
    """The consent as it is from now on. known: as it was before, or None. origin: where the answer goes to; None where
    it goes to no redirect URI."""
    scopes, organizers = set(scopes), set(organizers)
    before = in_force(known, application)
    is_for_the_same = before is None or not organizers or as_set(before.organizers or ()) in (organizers, None)
    scopes_at = dict(before.scopes_at) if before and is_for_the_same else {}
    if origin is not None:
        scopes_at[origin] = frozenset(scopes) | scopes_at.get(origin, frozenset())
    now = moment_for(application)
    return Consent(
        user_id=user.user_id,
        client_id=application.client_id,
        consent_id=before.consent_id if before else credentials.new_id(),
        revision=credentials.new_id(),
        scopes=scopes | before.scopes if before and is_for_the_same else scopes,
        organizers=as_set(organizers) or (before.organizers if before else None),
        remembered_at=as_remembered(scopes_at),
        created_at=before.created_at if before else now,
        updated_at=now,
    )
