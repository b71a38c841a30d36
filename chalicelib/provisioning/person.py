"""A person as the platform's server describes them (RFC 7643 §4.1), and the account that follows from it.

What the server said is kept as it was said, and given back. What it says that an account has here follows it: the name,
the address, the language, the time zone and whether it is active. What it does not say stays as it is.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import scim2_models
from scim2_models import Context

from chalicelib import limits, names
from chalicelib.models import provisioned_user, user_organizers
from chalicelib.models.linked_identity import check_subject
from chalicelib.models.provisioned_user import Profile
from chalicelib.models.user import User
from chalicelib.provisioning.messages import POLICY, Call, ScimRefusal

KEPT = ("name", "displayName", "preferredLanguage", "locale", "timezone", "emails")
LANGUAGE, TIMEZONE = "en", "UTC"


class Email(scim2_models.Email):
    """Lanyard's own rules say what an address is: the library refuses admin@localhost."""

    value: str | None = None


class Person(scim2_models.User[Any]):
    """RFC 7643's User."""

    emails: list[Email] | None = None  # type: ignore[assignment]


Person.__name__ = "User"


def profile_of(given: Person, before: User | None) -> Profile:
    """What follows for the account. before: the account as it is. Raises ScimRefusal."""
    said = {name: value for name, value in given.model_dump(scim_ctx=Context.DEFAULT).items() if name in KEPT}
    user_name, external_id = _subject("userName", given.user_name or ""), given.external_id or None
    if external_id is None and before is not None and "external_id" not in given.model_fields_set:
        external_id = provisioned_user.external_id(before)
    document = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
    if len(document.encode()) > limits.SCIM_PROFILE_LIMIT_BYTES:
        raise ScimRefusal(
            400, "invalidValue", f"name, emails and the rest exceed {limits.SCIM_PROFILE_LIMIT_BYTES} bytes."
        )
    is_active = given.active if given.active is not None else before is None or before.active
    return Profile(
        user_name=user_name,
        external_id=_subject("externalId", external_id) if external_id else None,
        email=_email(said, user_name),
        fullname=_fullname(said) or (before.fullname if before else _or_address(user_name)),
        locale=_locale(said) or (before.locale if before else LANGUAGE),
        timezone=_timezone(said) or (before.timezone if before else TIMEZONE),
        active=bool(is_active),
        document=document,
    )


def shown(account: User, call: Call, *, groups_limit: int | None) -> Person:
    """The account as a SCIM resource. groups_limit: more groups than this are left out altogether; None for no limit.
    Reads further memberships of a user with very many, unless the limit leaves them out."""
    said = _said(account)
    identity = {
        "id": account.user_id,
        "externalId": provisioned_user.external_id(account),
        "userName": account.scim_user_name or account.email,
        "active": account.active,
        **said,
    }
    groups = _groups(account, groups_limit)
    location = f"{call.root}/Users/{account.user_id}"
    meta = {
        "resourceType": "User",
        "created": account.created_at,
        "lastModified": account.scim_changed_at or account.created_at,
        "version": version(account),
        "location": location,
    }
    listed = [{"value": slug, "$ref": f"{call.root}/Groups/{slug}", "type": "direct"} for slug in groups]
    with POLICY:
        return Person.model_validate({**identity, "groups": listed or None, "meta": meta})


def _groups(account: User, most: int | None) -> list[str]:
    """The slugs of the user's groups; none if there are more than `most`."""
    if most is not None and (most == 0 or len(account.memberships or ()) > most):
        return []
    found = user_organizers.of(account)
    return sorted(found) if most is None or len(found) <= most else []


def version(account: User) -> str:
    """A weak ETag: it changes with everything that `shown` shows but the groups, which are changed as groups are."""
    facts = [*_said(account).items(), account.scim_user_name, account.email, account.active]
    text = json.dumps([*facts, provisioned_user.external_id(account)])
    return f'W/"{hashlib.sha256(text.encode()).hexdigest()[:20]}"'


def is_provisioned(account: User) -> bool:
    return account.scim_user_name is not None


def _said(account: User) -> dict[str, Any]:
    """What the server said, with what its user has changed here since. For an account that it did not describe, what
    the account has."""
    if account.scim_profile is None:
        return {
            "displayName": account.fullname,
            "locale": account.locale,
            "timezone": account.timezone,
            "emails": [{"value": account.email, "primary": True}],
        }
    said: dict[str, Any] = json.loads(account.scim_profile)
    if _named(said) not in ("", account.fullname):
        said["displayName"] = account.fullname
    if (locale := _locale(said)) and locale != account.locale:
        said["locale"] = account.locale
        said.pop("preferredLanguage", None)
    if (timezone := _timezone(said)) and timezone != account.timezone:
        said["timezone"] = account.timezone
    return said


def _subject(attribute: str, value: str) -> str:
    try:
        return check_subject(value)
    except ValueError as error:
        raise ScimRefusal(400, "invalidValue", f"{attribute} {error}.") from error


def _email(said: dict[str, Any], user_name: str) -> str:
    """The primary address, or else the first one, or else the userName if it is one. Raises ScimRefusal."""
    listed = [one for one in said.get("emails") or () if one.get("value")]
    chosen = next((one["value"] for one in listed if one.get("primary")), listed[0]["value"] if listed else user_name)
    try:
        return names.check_mail_address(chosen)  # others may become somebody else's in lowercase
    except names.InputProblem as error:
        detail = "emails must have an email address in ASCII: the primary one, or else the first, is the account's."
        raise ScimRefusal(400, "invalidValue", detail) from error


def _named(said: dict[str, Any]) -> str:
    """The name that people see; "" if none is given."""
    name = said.get("name") or {}
    parts = [part for part in (name.get("givenName"), name.get("familyName")) if part]
    # Before the formatted one: Microsoft Entra changes a part and leaves that as it was.
    both = " ".join(parts) if len(parts) == 2 else ""
    return str(said.get("displayName") or both or name.get("formatted") or " ".join(parts)).strip()


def _fullname(said: dict[str, Any]) -> str | None:
    """`_named`, or None. Raises ScimRefusal for a name that nobody can have."""
    given = _named(said)
    if not given:
        return None
    try:
        return names.check_name(given)
    except names.InputProblem as error:
        raise ScimRefusal(400, "invalidValue", f"displayName, or else name, {error}.") from error


def _or_address(user_name: str) -> str:
    """A name for somebody of whom none is known."""
    try:
        return names.check_name(user_name.partition("@")[0])
    except names.InputProblem:
        return user_name


def _locale(said: dict[str, Any]) -> str | None:
    """The language, as `de` or `de-AT`; None if it is not given or is no language tag."""
    given = str(said.get("preferredLanguage") or said.get("locale") or "").replace("_", "-").split(",")[0].split(";")[0]
    language, _, rest = given.strip().partition("-")
    return _or_none(names.check_locale, f"{language.lower()}-{rest}" if rest else language.lower())


def _timezone(said: dict[str, Any]) -> str | None:
    return _or_none(names.check_timezone, str(said.get("timezone") or ""))


def _or_none(check: Any, value: str) -> str | None:
    try:
        return str(check(value))
    except ValueError:
        return None
