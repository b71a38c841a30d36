"""/Groups: organizers, and who belongs to them (RFC 7644 §3). A group's id is the organizer's slug."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from scim2_models import Context, Group, PatchOp, SearchRequest

from chalicelib import limits, logs, names
from chalicelib.models import (
    membership,
    organizer,
    organizer_members,
    provisioned_organizer,
    store,
)
from chalicelib.models.linked_identity import check_subject
from chalicelib.models.organizer import SLUG, Organizer
from chalicelib.models.user import User
from chalicelib.provisioning import conditions, group_search, listing, membership_changes, slugs
from chalicelib.provisioning.membership_changes import Changes
from chalicelib.provisioning.messages import Call, Reply, ScimRefusal, check_operations, refusing, response_parameters

MODEL = Group
_TRIES = 5


def create(call: Call, payload: dict[str, Any]) -> Reply:
    """Raises ScimRefusal."""
    with refusing():
        given = Group.model_validate(payload, scim_ctx=Context.RESOURCE_CREATION_REQUEST)
    parameters = response_parameters(Group, call)
    name, external_id = _described(given)
    changes = Changes(joining=_member_ids(given))
    for slug in slugs.candidates(external_id, name):
        joining = membership_changes.check(slug, changes)
        there = _is_there(slug)
        if there:
            raise ScimRefusal(409, "uniqueness", f"There is already a group {slug}.")
        if there is None:
            continue  # belonged to a deleted organizer, and is never used again
        made = _stored(slug, name, external_id, joining)
        logs.note(outcome="organizer provisioned", members_joining=len(joining))
        return _reply(201, made, call, parameters, Context.RESOURCE_CREATION_RESPONSE)
    raise ScimRefusal(409, "uniqueness", "Too many groups of this name have been deleted. Choose another displayName.")


def read(call: Call, slug: str) -> Reply:
    found, parameters = _found(slug), response_parameters(Group, call)
    if conditions.is_known(call, version(found)):
        return Reply(304, version=version(found))
    return _reply(200, found, call, parameters, Context.RESOURCE_QUERY_RESPONSE)


def replace(call: Call, slug: str, payload: dict[str, Any]) -> Reply:
    """Raises ScimRefusal."""
    with refusing():
        given = Group.model_validate(payload, scim_ctx=Context.RESOURCE_REPLACEMENT_REQUEST)
    changes = Changes()
    if "members" in given.model_fields_set:
        changes.replace(_member_ids(given))

    def described(now: Organizer) -> tuple[str, str | None]:
        name, external_id = _described(given)
        return name, external_id if "external_id" in given.model_fields_set else now.external_id

    return _change(call, slug, described, changes, Context.RESOURCE_REPLACEMENT_RESPONSE)


def patch(call: Call, slug: str, payload: dict[str, Any]) -> Reply:
    """Raises ScimRefusal."""
    check_operations(payload, limits.SCIM_GROUP_OPERATIONS_LIMIT)
    with refusing():
        read = PatchOp[Group].model_validate(payload, scim_ctx=Context.RESOURCE_PATCH_REQUEST)
    changes, others = membership_changes.split(read.operations or [])

    def described(now: Organizer) -> tuple[str, str | None]:
        if not others:
            return now.name, now.external_id
        with refusing():
            given = _shown(now, call, None)
            PatchOp[Group](Operations=others).patch(given)
            return _described(given)

    return _change(call, slug, described, changes, Context.RESOURCE_PATCH_RESPONSE)


def delete(call: Call, slug: str) -> Reply:
    """Close the organizer, then take its members out. Raises ScimRefusal, and StoreUnavailable while members are left:
    repeat it."""
    there = _is_there(slug)
    if there is False or (there is None and not any(membership.members(slug, most=1))):
        raise _missing(slug)
    if there:
        _close(call, slug)
    logs.note(outcome="organizer closed")  # unless the rest succeeds too
    organizer_members.remove(slug, membership.members(slug))
    logs.note(outcome="organizer deleted")
    return Reply(204)


def _close(call: Call, slug: str) -> None:
    for _ in range(_TRIES):
        found = organizer.get(slug)
        if found is None:
            return  # was deleted in the meantime
        conditions.check(call, version(found))
        try:
            organizer.close(found, members_too=call.if_match is not None)
        except store.ConditionFailed:
            continue  # changed in the meantime: the next try sees how
        return
    raise store.StoreUnavailable("the organizer changed again and again")


def query(call: Call, given: dict[str, Any]) -> Reply:
    """Raises ScimRefusal."""
    asked = listing.asked_for(Group, given)
    if asked.filter is None:
        of, page = Organizer.__name__, listing.of_table(Organizer, asked, call, without="deleted_at")
    else:
        of = f"groups {asked.filter}"
        page = group_search.found_by_filter(asked, call, lambda one: _shown(one, call, None))
    limit = limits.SCIM_PART_OF_PAGE_LIMIT
    shown = [_shown(found, call, limit if _wants_members(call, asked) else None) for found in page.items]
    return listing.reply(Group, page, shown, asked, call, of)


def version(found: Organizer) -> str:
    """A weak ETag of its attributes and its members."""
    text = json.dumps([found.slug, found.name, found.external_id, found.members_version])
    return f'W/"{hashlib.sha256(text.encode()).hexdigest()[:20]}"'


def _wants_members(call: Call, asked: SearchRequest[Any]) -> bool:
    """A search names its attributes in its body, a query in its parameters."""
    named = {"attributes": asked.attributes, "excludedattributes": asked.excluded_attributes}
    listed = {name: ",".join(map(str, paths)) for name, paths in named.items() if paths}
    return Call(call.root, "", listed).wants("members")


def _stored(slug: str, name: str, external_id: str | None, joining: list[User]) -> Organizer:
    try:
        return provisioned_organizer.create(slug, name, external_id, joining)
    except provisioned_organizer.SlugTaken as error:
        raise ScimRefusal(409, "uniqueness", f"There is already a group {slug}.") from error
    except provisioned_organizer.ExternalIdTaken as error:
        raise _external_id_taken() from error
    except store.ConditionFailed as error:
        raise _changed_meanwhile() from error


def _change(
    call: Call, slug: str, described: Callable[[Organizer], tuple[str, str | None]], changes: Changes, context: Context
) -> Reply:
    """described: the name and the external id that it is to have, given the organizer as it is."""
    parameters = response_parameters(Group, call)
    is_checked = call.if_match is not None
    for _ in range(_TRIES):
        now = _found(slug)
        conditions.check(call, version(now))
        as_read = now if is_checked else None
        name, external_id = described(now)
        joining = membership_changes.check(slug, changes)
        try:
            if (name, external_id) != (now.name, now.external_id):
                now = provisioned_organizer.replace(now, name, external_id, members_too=is_checked)
                as_read = None  # the version is ours from here on
        except provisioned_organizer.ExternalIdTaken as error:
            raise _external_id_taken() from error
        except store.ConditionFailed:
            continue  # changed in the meantime: the next try sees how
        try:
            if membership_changes.carry_out(slug, changes, joining, as_read):
                now = _found(slug)  # for its version: before its members are listed, so that it is not too new for them
        except store.ConditionFailed as error:
            if as_read:
                continue  # as above
            raise _changed_meanwhile() from error
        logs.note(outcome="organizer changed")
        return _reply(200, now, call, parameters, context)
    raise store.StoreUnavailable("the organizer changed again and again")


def _described(given: Group) -> tuple[str, str | None]:
    """The name and the external id. Raises ScimRefusal."""
    try:
        name = names.check_name(given.display_name or "")
    except names.InputProblem as error:
        raise ScimRefusal(400, "invalidValue", f"displayName {error}.") from error
    try:
        return name, check_subject(given.external_id) if given.external_id else None
    except ValueError as error:
        raise ScimRefusal(400, "invalidValue", f"externalId {error}.") from error


def _member_ids(given: Group) -> set[str]:
    return set(membership_changes.ids_of([{"value": one.value} for one in given.members or ()]))


def _is_there(slug: str) -> bool | None:
    """True for an organizer, False if there never was one, None if it was deleted."""
    if not SLUG.fullmatch(slug):
        return False
    if organizer.get(slug):
        return True
    return None if organizer.is_taken(slug) else False


def _found(slug: str) -> Organizer:
    found = organizer.get(slug) if SLUG.fullmatch(slug) else None
    if found is None:
        raise _missing(slug)
    return found


def _missing(slug: str) -> ScimRefusal:
    return ScimRefusal(404, None, f"There is no group {slug}.")


def _external_id_taken() -> ScimRefusal:
    return ScimRefusal(409, "uniqueness", "Another group has this externalId.")


def _changed_meanwhile() -> ScimRefusal:
    return ScimRefusal(
        409, None, "The group or one of its members was changed or deleted in the meantime. Send it again."
    )


def _shown(found: Organizer, call: Call, members_limit: int | None) -> Group:
    """members_limit: more members than this are left out altogether; None to leave them out anyway."""
    members: list[str] = []
    if members_limit is not None:
        listed = list(membership.members(found.slug, most=members_limit + 1))
        members = listed if len(listed) <= members_limit else []
    meta = {
        "resourceType": "Group",
        "created": found.created_at,
        "version": version(found),
        "location": f"{call.root}/Groups/{found.slug}",
    }
    shown = [{"value": one, "$ref": f"{call.root}/Users/{one}", "type": "User"} for one in members]
    identity = {"id": found.slug, "externalId": found.external_id, "displayName": found.name}
    with refusing():
        return Group.model_validate({**identity, "members": shown or None, "meta": meta})


def _reply(status: int, found: Organizer, call: Call, parameters: Any, context: Context) -> Reply:
    shown = _shown(found, call, limits.SCIM_PARTS_LIMIT if call.wants("members") else None)
    with refusing():
        body = shown.model_dump(scim_ctx=context, response_parameters=parameters)
    assert shown.meta is not None
    return Reply(status, body, shown.meta.version, str(shown.meta.location))
