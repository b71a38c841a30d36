"""An imported person: what a record says about them, and the user that they become."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib import credentials, imported_passwords, names
from chalicelib.imported_passwords import HashCost
from chalicelib.models import user
from chalicelib.models.email_address import normalize
from chalicelib.models.user import User
from infra.imports.records import Record, RecordProblem, flag

DJANGO_MODELS = ("auth.user", "pretixbase.user")
LANGUAGE, TIMEZONE = "en", "UTC"
_MEMBERS = {
    "email": str,
    "fullname": str,
    "locale": str,
    "timezone": str,
    "active": bool,
    "password_hash": str,
    "organizers": list,
}
_KINDS = {str: "a text", bool: "true or false", list: "a list"}
_UNUSABLE = "!"  # Django's mark of an account that no password opens


@dataclass(frozen=True)
class ImportedPerson:
    """made: the user, not yet stored. cost: of checking their password; None if no check is needed. changed: what
    could not be taken as it was, in sentences."""

    made: User
    cost: HashCost | None
    changed: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        """As the store compares it."""
        return normalize(self.made.email)


def read(record: Record) -> ImportedPerson:
    """Raises RecordProblem."""
    if record.values is None:
        raise RecordProblem("is not a JSON object")
    values = _from_django(record.values) if record.model else _checked(record.values)
    try:
        email = names.check_email(values["email"])
    except ValueError as error:
        raise RecordProblem(f"has no usable email address: it {error}") from error
    changed: list[str] = []
    given, cost = _password(values["password_hash"], changed)
    made = user.made(
        email,
        given,
        fullname=_or_else(names.check_name, values["fullname"], email.partition("@")[0], "name", changed),
        locale=_or_else(names.check_locale, values["locale"], LANGUAGE, "language", changed),
        timezone=_or_else(names.check_timezone, values["timezone"], TIMEZONE, "time zone", changed),
        active=values["active"],
        memberships=_organizers(values["organizers"]),
    )
    return ImportedPerson(made, cost, changed)


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    """A line's members, each of its type, with the ones that may be missing."""
    if unknown := sorted(set(values) - set(_MEMBERS)):
        raise RecordProblem(f"has unknown members: {', '.join(unknown)}; the known ones are {', '.join(_MEMBERS)}")
    for name, kind in _MEMBERS.items():
        if name in values and not isinstance(values[name], kind):
            raise RecordProblem(f"has a value for {name} that is not {_KINDS[kind]}")
    if "email" not in values:
        raise RecordProblem("has no email")
    defaults = {"fullname": "", "locale": LANGUAGE, "timezone": TIMEZONE, "active": True}
    return {**defaults, "password_hash": _UNUSABLE, "organizers": [], **values}


def _from_django(fields: dict[str, Any]) -> dict[str, Any]:
    """A user of Django, or of pretix, which has fullname, locale and timezone instead of two names."""
    both = " ".join(str(fields.get(name) or "").strip() for name in ("first_name", "last_name"))
    return {
        "email": str(fields.get("email") or ""),
        "fullname": str(fields.get("fullname") or both.strip() or fields.get("username") or ""),
        "locale": str(fields.get("locale") or LANGUAGE).lower(),
        "timezone": str(fields.get("timezone") or TIMEZONE),
        "active": flag(fields, "is_active"),
        "password_hash": str(fields.get("password") or _UNUSABLE),
        "organizers": [],
    }


def _password(given: str, changed: list[str]) -> tuple[str, HashCost | None]:
    if given.startswith(_UNUSABLE) or not given:
        return credentials.NO_PASSWORD, None
    cost = imported_passwords.cost_of(given)
    if cost is None:
        known = ", ".join(imported_passwords.FORMATS)
        changed.append(f"The password cannot be checked here, so they have to choose a new one. Known: {known}.")
        return credentials.NO_PASSWORD, None
    return given, cost


def _or_else(check: Callable[[str], str], given: str, otherwise: str, what: str, changed: list[str]) -> str:
    """What was given, if it may be; otherwise the other value, and a sentence in `changed`."""
    try:
        return check(given)
    except ValueError as error:
        if given:
            changed.append(f"The {what} {error}. It is now {otherwise}.")
        return otherwise


def _organizers(slugs: Sequence[Any]) -> set[str] | None:
    if not all(isinstance(slug, str) and slug and slug.isprintable() for slug in slugs):
        raise RecordProblem("has organizers that are not slugs")
    if len(set(slugs)) > user.MEMBERSHIPS_AT_ONCE:
        raise RecordProblem(
            f"has more than {user.MEMBERSHIPS_AT_ONCE} organizers; add the rest with organizers add-member"
        )
    return set(slugs) or None
