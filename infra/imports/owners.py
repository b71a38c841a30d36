"""Who owns an imported application: the people of the same dump, by the keys that its applications name them with."""

from __future__ import annotations

from typing import Any

from infra.imports.records import Record, RecordProblem

_REMEDY = "or name an owner with --owner"


class People:
    """The email addresses of a dump's people, by primary key."""

    def __init__(self) -> None:
        self._emails: dict[str, set[str]] = {}

    def note(self, record: Record) -> None:
        """record: of one of Django's models of people."""
        if record.values is not None and record.values.get("pk") is not None:
            self._emails.setdefault(str(record.values["pk"]), set()).add(str(record.values.get("email") or ""))

    def email_of(self, key: Any) -> str:
        """The address of the person with this primary key. Raises RecordProblem.

        Two models of people in one dump may both have the key; it is not clear then whose application it is.
        """
        if key is None:
            raise RecordProblem("has no owner; name one with --owner")
        if isinstance(key, list):
            raise RecordProblem(f"names its owner by a natural key; dump without --natural-foreign, {_REMEDY}")
        found = self._emails.get(str(key), set())
        if not found:
            raise RecordProblem(f"has an owner who is not in this file; dump the users into it too, {_REMEDY}")
        if len(found) > 1:
            raise RecordProblem(f"has an owner whose key belongs to several people in this file; {_REMEDY[3:]}")
        (email,) = found
        if not email:
            raise RecordProblem(f"has an owner without an email address; {_REMEDY[3:]}")
        return email
