"""/Users: people (RFC 7644 §3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from scim2_models import Context, PatchOp, SearchRequest
from scim2_models.path import Comparison

from chalicelib import credentials, limits, logs, names
from chalicelib.accounts import passwords
from chalicelib.models import membership, provisioned_user, security_event, session, store, user
from chalicelib.models.linked_identity import PLATFORM, Identity, is_subject
from chalicelib.models.organizer import SLUG
from chalicelib.models.provisioned_user import Profile
from chalicelib.models.security_event import Kind
from chalicelib.models.user import User
from chalicelib.provisioning import conditions, deletion, filters, listing, person
from chalicelib.provisioning.messages import Call, Reply, ScimRefusal, check_operations, refusing, response_parameters
from chalicelib.provisioning.person import Person

MODEL = Person
_LOOKUPS = ("id", "externalId", "userName", "emails.value", "groups.value", "displayName")
_TRIES = 5
# Stands for the password while a PATCH is applied: nobody can read it, so the PATCH may set it or take it away.
_UNCHANGED = "\0unchanged"


def create(call: Call, payload: dict[str, Any]) -> Reply:
    """Raises ScimRefusal. An account that the server has not described yet, but that has the address or the external
    id, becomes the one it describes; docs/security.md says why."""
    with refusing():
        given = Person.model_validate(payload, scim_ctx=Context.RESOURCE_CREATION_REQUEST)
    parameters = response_parameters(Person, call)
    for _ in range(_TRIES):
        profile = person.profile_of(given, None)
        there = _undescribed(profile)
        try:
            made = _made(profile, given.password) if there is None else _linked(there, given)
        except store.ConditionFailed:
            continue  # changed in the meantime: the next try sees how
        return _reply(201, made, call, parameters, Context.RESOURCE_CREATION_RESPONSE)
    raise store.StoreUnavailable("the user changed again and again")


def read(call: Call, user_id: str) -> Reply:
    found, parameters = _found(user_id), response_parameters(Person, call)
    if conditions.is_known(call, person.version(found)):
        return Reply(304, version=person.version(found))
    return _reply(200, found, call, parameters, Context.RESOURCE_QUERY_RESPONSE)


def replace(call: Call, user_id: str, payload: dict[str, Any]) -> Reply:
    """Raises ScimRefusal."""
    with refusing():
        given = Person.model_validate(payload, scim_ctx=Context.RESOURCE_REPLACEMENT_REQUEST)
    return _change(call, user_id, lambda _: (given, given.password), Context.RESOURCE_REPLACEMENT_RESPONSE)


def patch(call: Call, user_id: str, payload: dict[str, Any]) -> Reply:
    """Raises ScimRefusal."""
    check_operations(payload, limits.SCIM_USER_OPERATIONS_LIMIT)
    with refusing():
        operations = PatchOp[Person].model_validate(payload, scim_ctx=Context.RESOURCE_PATCH_REQUEST)

    def patched(now: User) -> tuple[Person, str | None]:
        with refusing():
            given = person.shown(now, call, groups_limit=0)
            given.password = _UNCHANGED
            operations.patch(given)
            if given.active is None:
                raise ScimRefusal(400, "invalidValue", "active is true or false and cannot be removed.")
            given.external_id = given.external_id or ""  # removed, and not only left out
            password = None if given.password == _UNCHANGED else given.password or credentials.NO_PASSWORD
            return given, password

    return _change(call, user_id, patched, Context.RESOURCE_PATCH_RESPONSE)


def delete(call: Call, user_id: str) -> Reply:
    """Raises ScimRefusal."""
    for _ in range(_TRIES):
        found = _found(user_id)
        conditions.check(call, person.version(found))
        try:
            deletion.delete(found)
        except store.ConditionFailed:
            continue  # changed in the meantime: the next try sees how
        logs.note(outcome="user erased")
        return Reply(204)
    raise store.StoreUnavailable("the user changed again and again")


def query(call: Call, given: dict[str, Any]) -> Reply:
    """Raises ScimRefusal."""
    asked = listing.asked_for(Person, given)
    if asked.filter is None:
        of, page = User.__name__, listing.of_table(User, asked, call)
    else:
        of = f"users {asked.filter}"
        page = _filtered(asked, call, of)
    limit = limits.SCIM_PART_OF_PAGE_LIMIT
    shown = [person.shown(found, call, groups_limit=limit) for found in page.items]
    return listing.reply(Person, page, shown, asked, call, of)


def _filtered(asked: SearchRequest[Any], call: Call, of: str) -> listing.Page[User]:
    assert asked.filter is not None
    by = filters.lookup(asked.filter, _LOOKUPS)
    if by.attribute == "groups.value" and isinstance(asked.filter.ast, Comparison):
        return listing.of_keys(lambda after: _members(by.value, after), _all, asked, call, of)
    candidates = [one for one in _candidates(by) if one]
    groups_limit = None if "groups" in str(asked.filter).lower() else 0
    with refusing():
        shown = [person.shown(one, call, groups_limit=groups_limit) for one in candidates]
        found = [one for one, as_shown in zip(candidates, shown, strict=True) if asked.filter.match(as_shown)]
    return listing.of_found(found, asked, call, of)


def _candidates(by: filters.Lookup) -> Sequence[User | None]:
    match by.attribute:
        case "id":
            return store.read(User.key(by.value)) if credentials.is_id(by.value) else []
        case "externalId":
            return [user.find_by_identity(Identity(PLATFORM, by.value))] if is_subject(by.value) else []
        case "userName" if not is_subject(by.value):
            return []
        case "userName":
            named = user.find_by_identity(provisioned_user.user_name_identity(by.value))
            address = None if named else user.find_by_email(by.value)  # shown as the userName until it has one
            return [named or (address if address and not person.is_provisioned(address) else None)]
        case "emails.value":
            return [user.find_by_email(by.value)]
        case "groups.value":
            user_ids = list(_members(by.value, None, limits.SCIM_PARTS_LIMIT + 1))
            if len(user_ids) > limits.SCIM_PARTS_LIMIT:
                raise ScimRefusal(400, "tooMany", f"The group {by.value} has too many members to filter them.")
            return _all(user_ids)
        case _:
            return listing.search(User, "fullname", by.value)


def _members(slug: str, after: str | None, most: int | None = None) -> Iterator[str]:
    return membership.members(slug, after=after, most=most) if SLUG.fullmatch(slug) else iter(())


def _all(user_ids: Iterable[str]) -> list[User]:
    return [one for one in store.read_all([User.key(user_id) for user_id in user_ids]) if one]


def _found(user_id: str) -> User:
    found = store.read(User.key(user_id))[0] if credentials.is_id(user_id) else None
    if found is None:
        raise ScimRefusal(404, None, f"There is no user {user_id}.")
    return found


def _undescribed(profile: Profile) -> User | None:
    """The account that a new resource describes, if there is one. Raises ScimRefusal if the server has described it
    already, or if the external id and the address lead to two."""
    named, addressed = provisioned_user.find(profile)
    if named and addressed and named.user_id != addressed.user_id:
        raise _taken(provisioned_user.Taken("emails"))
    there = named or addressed
    if there is None:
        return None
    if person.is_provisioned(there):
        raise _taken(provisioned_user.Taken("externalId" if named else "emails"))
    known = provisioned_user.external_id(there)
    if known and profile.external_id and known != profile.external_id:
        raise _taken(provisioned_user.Taken("emails"))
    return there


def _made(profile: Profile, password: str | None) -> User:
    try:
        made = provisioned_user.create(profile, _checked(password, profile))
    except provisioned_user.Taken as error:
        raise _taken(error) from error
    security_event.record(made.user_id, Kind.ACCOUNT_CREATED)
    logs.note(outcome="user provisioned")
    return made


def _linked(there: User, given: Person) -> User:
    linked = _follow(there, person.profile_of(given, there), given.password)
    logs.note(outcome="user linked")
    return linked


def _change(
    call: Call, user_id: str, described: Callable[[User], tuple[Person, str | None]], context: Context
) -> Reply:
    """described: what the resource is to be, given the account as it is, and its new password, if any."""
    parameters = response_parameters(Person, call)
    for _ in range(_TRIES):
        now = _found(user_id)
        conditions.check(call, person.version(now))
        given, password = described(now)
        try:
            changed = _follow(now, person.profile_of(given, now), password)
        except store.ConditionFailed:
            continue  # changed in the meantime: the next try sees how
        return _reply(200, changed, call, parameters, context)
    raise store.StoreUnavailable("the user changed again and again")


def _follow(now: User, profile: Profile, password: str | None) -> User:
    """Store what has changed, if anything has, and record it. Raises ScimRefusal, ConditionFailed."""
    is_same = _as_profile(now) == profile
    if is_same and password is None:
        return now
    try:
        changed = provisioned_user.replace(now, profile, _checked(password, profile))
    except provisioned_user.Taken as error:
        raise _taken(error) from error
    shown = ("email", "fullname", "locale", "timezone")
    outcome = "user changed"
    is_renamed = profile.external_id not in (None, provisioned_user.external_id(now))
    if is_renamed or not person.is_provisioned(now):  # whoever signs in as this subject is this user now
        security_event.record(now.user_id, Kind.ACCOUNT_LINKED)
    if any(getattr(now, name) != getattr(changed, name) for name in shown):
        security_event.record(now.user_id, Kind.PROFILE_CHANGED)
    if password is not None:
        security_event.record(now.user_id, Kind.PASSWORD_SET_BY_OPERATOR)
    if now.active != changed.active:
        security_event.record(now.user_id, Kind.ACCOUNT_ENABLED if changed.active else Kind.ACCOUNT_DISABLED)
        outcome = "user enabled" if changed.active else "user disabled"
    if password is not None or (now.active and not changed.active):  # which ends the sessions
        session.tell_of_all(str(now.user_id))
    logs.note(outcome=outcome)
    return changed


def _as_profile(now: User) -> Profile | None:
    """What the account follows; None if the server has not described it."""
    if now.scim_user_name is None or now.scim_profile is None:
        return None
    external_id = provisioned_user.external_id(now)
    facts = now.email, now.fullname, now.locale, now.timezone, now.active, now.scim_profile
    return Profile(now.scim_user_name, external_id, *facts)


def _checked(password: str | None, profile: Profile) -> str | None:
    """The password, by the rules for those that people choose. Raises ScimRefusal."""
    if password is None or password == credentials.NO_PASSWORD:
        return password
    try:
        return passwords.check(password, about=[profile.email, profile.fullname, profile.user_name])
    except names.InputProblem as error:
        raise ScimRefusal(400, "invalidValue", f"password {error}.") from error


def _taken(error: provisioned_user.Taken) -> ScimRefusal:
    return ScimRefusal(409, "uniqueness", f"Another user has this value of {error.attribute}.")


def _reply(status: int, found: User, call: Call, parameters: Any, context: Context) -> Reply:
    shown = person.shown(found, call, groups_limit=limits.SCIM_PARTS_LIMIT)
    with refusing():
        body = shown.model_dump(scim_ctx=context, response_parameters=parameters)
    assert shown.meta is not None
    return Reply(status, body, shown.meta.version, str(shown.meta.location))
