"""The groups that a filter finds, by id, external id, member or name (RFC 7644 §3.4.2.2)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from scim2_models import Group, GroupMember, SearchRequest
from scim2_models.path import Comparison

from chalicelib import credentials, limits
from chalicelib.models import organizer, provisioned_organizer, store, user_organizers
from chalicelib.models.linked_identity import is_subject
from chalicelib.models.organizer import SLUG, Organizer
from chalicelib.models.user import User
from chalicelib.provisioning import filters, listing
from chalicelib.provisioning.messages import Call, ScimRefusal, refusing

_LOOKUPS = ("id", "externalId", "members.value", "displayName")


def found_by_filter(
    asked: SearchRequest[Any], call: Call, show: Callable[[Organizer], Group]
) -> listing.Page[Organizer]:
    """A page of them. show: a group as its attributes are compared, without members. Raises ScimRefusal."""
    assert asked.filter is not None
    by = filters.lookup(asked.filter, _LOOKUPS)
    theirs = {str(one.user_id): user_organizers.of(one) for one in _users(filters.members_compared(asked.filter))}
    if by.attribute == "members.value":
        slugs = sorted(theirs.get(by.value, ()))
        if len(slugs) > limits.MEMBERSHIPS_ON_USER_LIMIT:
            if not isinstance(asked.filter.ast, Comparison):
                raise ScimRefusal(400, "tooMany", listing.TOO_MANY)
            following = partial(_following, slugs)
            return listing.of_keys(following, organizer.get_all, asked, call, f"groups {asked.filter}")
        candidates = organizer.get_all(slugs)
    else:
        candidates = [one for one in _candidates(by) if one]
    with refusing():
        shown = [show(one) for one in candidates]
        for one in shown:
            one.members = [
                GroupMember.model_validate({"value": user_id}) for user_id, slugs_ in theirs.items() if one.id in slugs_
            ]
        found = [one for one, as_shown in zip(candidates, shown, strict=True) if asked.filter.match(as_shown)]
    return listing.of_found(found, asked, call, f"groups {asked.filter}")


def _users(user_ids: set[str]) -> list[User]:
    """Those of the users who exist. Raises ScimRefusal for too many."""
    if len(user_ids) > limits.SCIM_PAGE_LIMIT:
        raise ScimRefusal(400, "tooMany", f"A filter can name {limits.SCIM_PAGE_LIMIT} members.")
    keys = [User.key(user_id) for user_id in sorted(user_ids) if credentials.is_id(user_id)]
    return [one for one in store.read_all(keys) if one]


def _candidates(by: filters.Lookup) -> list[Organizer] | list[Organizer | None]:
    match by.attribute:
        case "id":
            return [organizer.get(by.value)] if SLUG.fullmatch(by.value) else []
        case "externalId":
            return [provisioned_organizer.find_by_external_id(by.value)] if is_subject(by.value) else []
        case _:
            return listing.search(Organizer, "name", by.value)


def _following(slugs: list[str], after: str | None) -> Iterator[str]:
    return iter(slugs if after is None else slugs[bisect_right(slugs, after) :])
