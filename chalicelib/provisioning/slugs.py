"""The slug of an organizer that the platform's server creates: the same for the same group, unless it is used up."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from chalicelib import credentials
from chalicelib.models.organizer import SLUG

_LENGTH = 50
_NUMBERED_UP_TO = 20


def candidates(external_id: str | None, name: str) -> Iterator[str]:
    """The slug, and the ones to use instead while those before belong to deleted organizers.

    It is the external id if that can be one, so that a platform finds its own names in tokens; otherwise it is made
    from the name.
    """
    wanted = external_id if external_id and SLUG.fullmatch(external_id) else _from_name(name)
    yield wanted
    for number in range(2, _NUMBERED_UP_TO + 1):
        end = f"-{number}"
        yield wanted[: _LENGTH - len(end)] + end


def _from_name(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    words = "-".join(re.findall(r"[a-z0-9]+", plain))[:_LENGTH].strip("-")
    return words or "group-" + credentials.derive_id("scim group", name).lower()
