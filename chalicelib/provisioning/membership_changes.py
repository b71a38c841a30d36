"""What a request changes of a group's members, worked out without reading them: a group may have 100,000.

PATCH operations on `members` (RFC 7644 §3.5.2) come in several spellings: one path for all, a path for each, a value
without a path. All become: who joins, who leaves, and whether everybody else leaves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from scim2_models import Group, PatchOperation
from scim2_models.path import Comparison, FilterNode, LogicalExpr

from chalicelib import credentials, limits, logs
from chalicelib.models import membership, organizer_members, store, user_organizers
from chalicelib.models.organizer import Organizer
from chalicelib.models.user import User
from chalicelib.provisioning.messages import ScimRefusal

_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:group"


@dataclass
class Changes:
    """joining, leaving: ids of users. everybody_else_leaves: the list is replaced by those who join."""

    joining: set[str] = field(default_factory=set)
    leaving: set[str] = field(default_factory=set)
    everybody_else_leaves: bool = False

    def add(self, user_ids: Iterable[str]) -> None:
        self.joining |= set(user_ids)
        self.leaving -= self.joining

    def remove(self, user_ids: Iterable[str]) -> None:
        gone = set(user_ids)
        self.joining -= gone
        self.leaving |= gone

    def replace(self, user_ids: Iterable[str]) -> None:
        self.joining, self.leaving, self.everybody_else_leaves = set(user_ids), set(), True


def split(operations: Sequence[PatchOperation[Group]]) -> tuple[Changes, list[PatchOperation[Group]]]:
    """The changes of members, and the operations on everything else. Raises ScimRefusal."""
    changes, others = Changes(), []
    for operation in operations:
        if operation.path is not None:
            name, *below = operation.path.parts or ("",)
            if not _is_members(name):
                others.append(operation)
            elif below:
                raise ScimRefusal(400, "invalidPath", "A part of a member cannot be changed: use the path members.")
            else:
                _apply(changes, operation, operation.value)
        elif isinstance(operation.value, dict):
            rest = {name: value for name, value in operation.value.items() if not _is_members(name)}
            for name in operation.value.keys() - rest.keys():
                _apply(changes, operation, operation.value[name])
            if rest:
                others.append(operation.model_copy(update={"value": rest}))
        else:
            others.append(operation)
    return changes, others


def check(slug: str, changes: Changes) -> list[User]:
    """The users who join. Raises ScimRefusal if one of them cannot, before anything is written."""
    if len(changes.joining | changes.leaving) > limits.SCIM_MEMBER_CHANGES_LIMIT:
        detail = f"One request can add or remove {limits.SCIM_MEMBER_CHANGES_LIMIT} members. Send several."
        raise ScimRefusal(400, "tooMany", detail)
    ids = sorted(changes.joining)
    changes.leaving = {user_id for user_id in changes.leaving if credentials.is_id(user_id)}
    if strange := [user_id for user_id in ids if not credentials.is_id(user_id)]:
        raise _no_user(strange)
    found = {one.user_id: one for one in store.read_all([User.key(user_id) for user_id in ids]) if one}
    if missing := [user_id for user_id in ids if user_id not in found]:
        raise _no_user(missing)
    if full := [user_id for user_id, one in found.items() if user_organizers.is_full(one, slug)]:
        raise ScimRefusal(400, "tooMany", f"members: the user {full[0]} belongs to too many groups to join another.")
    return list(found.values())


def carry_out(slug: str, changes: Changes, joining: Sequence[User], as_read: Organizer | None) -> bool:
    """True if somebody joined or left.

    as_read: the group, whose members must be those that it had then; None for whoever they are. Repeating it after an
    error does what is left. Raises ConditionFailed, StoreUnavailable.
    """
    has_changed = organizer_members.add(slug, joining, as_read=as_read)
    if has_changed:
        as_read = None  # the version is ours from here on
    leaving: Iterable[str] = changes.leaving
    if changes.everybody_else_leaves:
        leaving = [user_id for user_id in membership.members(slug) if user_id not in changes.joining]
    has_changed |= organizer_members.remove(slug, leaving, as_read=as_read)
    logs.note(members_joining=len(joining), members_leaving=len(list(leaving)))
    return has_changed


def ids_of(value: Any) -> Iterator[str]:
    """The user ids in a value of `members`. Raises ScimRefusal."""
    for one in value if isinstance(value, list) else [value]:
        named = next((one[key] for key in one if key.lower() == "value"), None) if isinstance(one, dict) else one
        if not isinstance(named, str) or not named:
            raise ScimRefusal(400, "invalidValue", 'members: each must be an object with the id of a user as "value".')
        yield named


def _no_user(missing: Sequence[str]) -> ScimRefusal:
    named = ", ".join(user_id[:64] for user_id in missing[:5]) + (", …" if len(missing) > 5 else "")
    return ScimRefusal(400, "invalidValue", f"members: there is no user {named}.")


def _is_members(name: str) -> bool:
    """Names are compared without case, and may begin with the schema (RFC 7643 §2.1, RFC 7644 §3.10)."""
    return name.lower() in ("members", f"{_SCHEMA}:members")


def _apply(changes: Changes, operation: PatchOperation[Group], value: Any) -> None:
    selected = operation.path.value_filter if operation.path is not None else None
    match operation.op:
        case PatchOperation.Op.remove if selected is not None:
            changes.remove(_selected(selected))
        case PatchOperation.Op.remove if value in (None, []):
            changes.replace([])
        case PatchOperation.Op.remove:
            changes.remove(ids_of(value))
        case _ if selected is not None:
            raise ScimRefusal(
                400, "invalidPath", "members can be added or replaced only as a whole: use the path members."
            )
        case PatchOperation.Op.add:
            changes.add(ids_of(value))
        case _:
            changes.replace(ids_of(value or []))


def _selected(node: FilterNode) -> Iterator[str]:
    """The ids that `members[value eq "..."]` names, or several joined by `or`. Raises ScimRefusal."""
    match node:
        case Comparison(op="eq", value=str() as value) if node.attr_path.attr.lower() == "value":
            yield value
        case LogicalExpr(op="or"):
            for term in node.terms:
                yield from _selected(term)
        case _:
            raise ScimRefusal(400, "invalidFilter", 'Select members by their ids: members[value eq "ID"].')
