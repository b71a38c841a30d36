"""What travels: the callers' requests and our replies, and the errors with their SCIM names (RFC 7644 §3.12)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from pydantic.alias_generators import to_camel
from scim2_models import Error, ResponseParameters, SCIMException, ScimPolicy

# What Microsoft Entra and others send, and the RFC does not allow: attributes that we do not have are ignored, a
# `remove` names its values, and `emails[type eq "work"].value` makes an address that is missing.
POLICY = ScimPolicy(
    unknown=ScimPolicy.Unknown.ignore,
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)


class ScimRefusal(Exception):
    """A request that is answered with an error. scim_type: a word of RFC 7644 §3.12, or None. detail: a sentence."""

    def __init__(self, status: int, scim_type: str | None, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.scim_type = scim_type
        self.detail = detail


@dataclass(frozen=True)
class Call:
    """What comes with every request.

    root: the URL of /scim/v2. secret: known to this caller and to us only; cursors are made with it. parameters: of the
    query, each once. if_match, if_none_match: the headers.
    """

    root: str
    secret: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    if_match: str | None = None
    if_none_match: str | None = None

    def wants(self, attribute: str) -> bool:
        """True if the response is to have this attribute of a resource, one that is returned by default."""
        asked, excluded = (self._listed(name) for name in ("attributes", "excludedattributes"))
        return (not asked or attribute in asked) and attribute not in excluded

    def _listed(self, name: str) -> set[str]:
        """The attributes that a parameter lists, in lower case, without their schemas and the names below them."""
        listed = next((value for key, value in self.parameters.items() if key.lower() == name), "")
        return {one.strip().lower().rpartition(":")[2].partition(".")[0] for one in listed.split(",") if one.strip()}


@dataclass(frozen=True)
class Reply:
    """body: a JSON object, or None. version: the ETag. location: the URL of the resource."""

    status: int
    body: dict[str, Any] | None = None
    version: str | None = None
    location: str | None = None


def error_body(status: int, scim_type: str | None, detail: str) -> dict[str, Any]:
    """RFC 7644 §3.12."""
    return Error(status=status, scim_type=scim_type, detail=detail).model_dump()


@contextmanager
def refusing() -> Iterator[None]:
    """Read requests by POLICY within the block; what the library refuses raises ScimRefusal."""
    try:
        with POLICY:
            yield
    except ValidationError as error:
        found = Error.from_validation_errors(error)[0]
        raise ScimRefusal(found.status or 400, found.scim_type, found.detail or "The request is invalid.") from error
    except SCIMException as error:
        raise ScimRefusal(error.status, error.scim_type or None, _in_words(error)) from error


def _in_words(error: SCIMException) -> str:
    """What is wrong. Where a PATCH sets a value of the wrong type, the library quotes pydantic's report of it."""
    reported = error.__cause__
    if not isinstance(reported, ValidationError):
        return error.detail
    first = reported.errors()[0]
    place = tuple(to_camel(part) if isinstance(part, str) else part for part in first["loc"])
    return Error.from_validation_errors([{**first, "loc": place}])[0].detail or error.detail


def check_operations(payload: Mapping[str, Any], most: int) -> None:
    """Raises ScimRefusal if a PATCH has more operations than this."""
    listed = next((value for name, value in payload.items() if name.lower() == "operations"), None)
    if isinstance(listed, list) and len(listed) > most:
        raise ScimRefusal(400, "tooMany", f"A PATCH of this resource has at most {most} operations. Send several.")


def response_parameters(model: Any, call: Call) -> ResponseParameters[Any]:
    """Which attributes the response is to have. Raises ScimRefusal."""
    with refusing():
        found = {name: value for name, value in call.parameters.items() if name.lower() in _ATTRIBUTES}
        read: ResponseParameters[Any] = ResponseParameters[model].model_validate(found)
        return read


_ATTRIBUTES = ("attributes", "excludedattributes")
