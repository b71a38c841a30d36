"""What the platform's server says about an organizer (a group in SCIM)."""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib import clock, limits
from chalicelib.models import organizer, organizer_external_id, organizer_members, store
from chalicelib.models.organizer import Organizer
from chalicelib.models.organizer_external_id import OrganizerExternalId
from chalicelib.models.user import User


class SlugTaken(Exception):
    """There is or was an organizer with this slug."""


class ExternalIdTaken(Exception):
    """The external id belongs to another organizer."""


def find_by_external_id(external_id: str) -> Organizer | None:
    named = store.read(OrganizerExternalId.key(external_id))[0]
    return organizer.get(named.slug) if named else None


def create(slug: str, name: str, external_id: str | None, members: Sequence[User]) -> Organizer:
    """Store a new organizer with its members. Raises SlugTaken, ExternalIdTaken, and ConditionFailed if a member cannot
    be one any more; those who come after the first SCIM_MEMBERS_AT_ONCE are added after the organizer is stored."""
    made = Organizer(slug=slug, name=name, external_id=external_id, created_at=clock.now())
    put = store.Put(made, Organizer.slug.does_not_exist())
    claims = [organizer_external_id.claim(external_id, slug)] if external_id else []
    try:
        organizer_members.add(slug, members, create=[put, *claims])
    except store.ConditionFailed as error:
        _explain(error, put, claims)
        raise
    return (organizer.get(slug) or made) if len(members) > limits.SCIM_MEMBERS_AT_ONCE else made


def replace(now: Organizer, name: str, external_id: str | None, *, members_too: bool = False) -> Organizer:
    """Change its name and external id. Returns it as it is then. Raises ExternalIdTaken, and ConditionFailed if it has
    changed or was deleted since it was read; members_too: or if its members have changed."""
    slug, named = now.slug, Organizer.external_id
    update = store.Update(
        Organizer.key(slug),
        [Organizer.name.set(name), named.set(external_id) if external_id else named.remove()],
        organizer.is_as_read(now, members_too=members_too),
    )
    is_new = external_id is not None and external_id != now.external_id
    claims = [organizer_external_id.claim(external_id, slug)] if external_id is not None and is_new else []
    is_old = now.external_id is not None and external_id != now.external_id
    freed = [organizer_external_id.free(now.external_id, slug)] if now.external_id is not None and is_old else []
    try:
        store.write(update, *claims, *freed)
    except store.ConditionFailed as error:
        _explain(error, None, claims)
        raise
    return Organizer(**{**now.attribute_values, "name": name, "external_id": external_id})


def _explain(error: store.ConditionFailed, put: store.Put | None, claims: Sequence[store.Put]) -> None:
    if put in error.failed:
        raise SlugTaken from error
    if any(claim in error.failed for claim in claims):
        raise ExternalIdTaken from error
