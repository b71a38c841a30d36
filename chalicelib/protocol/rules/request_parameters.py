"""Strict parameter parsing: repeated ones are refused, empty and unknown ones ignored (RFC 6749 §3.1, §3.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import parse_qsl, urlencode

from chalicelib import limits
from chalicelib.messages import Message, Problem

Parameters = Mapping[str, Sequence[str]]

AUTHORIZATION = (
    "client_id",
    "response_type",
    "response_mode",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "approval_prompt",
    "resource",
    "request",
    "dpop_jkt",
)
CLIENT = ("client_id", "client_secret", "client_assertion_type", "client_assertion")
TOKEN = (
    *CLIENT,
    "grant_type",
    "code",
    "redirect_uri",
    "code_verifier",
    "refresh_token",
    "scope",
    "resource",
    "device_code",
)
DEVICE_AUTHORIZATION = (*CLIENT, "scope", "resource")
REVOCATION = (*CLIENT, "token", "token_type_hint")
INTROSPECTION = REVOCATION

# The whitespace allowed around a header's value (RFC 9110 §5.6.3). A bare `strip()` removes every Unicode space, which
# would turn a name that browsers let anybody set into one that they protect.
HTTP_BLANKS = " \t"
# A decoder writes this for bytes that are not UTF-8. The gateway decodes the query before we see it.
_UNDECODABLE = "\ufffd"


class Undecodable(Problem):
    """The percent-encoding or UTF-8 of a query or form is broken."""


def read_query(values: Mapping[str, Sequence[str]] | None) -> Parameters:
    """The query as API Gateway passes it, decoded: each name with all of its values. Raises Undecodable."""
    for name, found in (values or {}).items():
        if _UNDECODABLE in name or any(_UNDECODABLE in value for value in found):
            raise Undecodable(Message("The query is not valid UTF-8."))
    return values or {}


def read_form(body: bytes) -> Parameters:
    """An application/x-www-form-urlencoded body: each name with all of its values. Raises Undecodable."""
    try:
        pairs = parse_qsl(
            body.decode("utf-8"),
            keep_blank_values=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=limits.FORM_FIELDS_LIMIT,
        )
    except ValueError as error:  # includes UnicodeDecodeError
        raise Undecodable(Message("The form cannot be decoded.")) from error
    form: dict[str, list[str]] = {}
    for name, value in pairs:
        form.setdefault(name, []).append(value)
    return form


def is_id(text: str, *, limit: int) -> bool:
    """True if `text` can be an id: printable ASCII, 1 to `limit` characters (RFC 6749 §A.1).

    Anything else is refused before it reaches the store, which accepts neither empty nor long keys.
    """
    return 0 < len(text) <= limit and text.isascii() and text.isprintable()


def repeated(parameters: Parameters, names: Iterable[str]) -> list[str]:
    """The `names` that were sent more than once."""
    return [name for name in names if len(parameters.get(name, ())) > 1]


def single(parameters: Parameters, name: str) -> str | None:
    """The value of a parameter that was sent exactly once and is not empty; else None."""
    values = parameters.get(name, ())
    return (values[0] or None) if len(values) == 1 else None


def known(parameters: Parameters, names: Iterable[str]) -> dict[str, str]:
    """The `names` that were sent exactly once and are not empty. oauthlib sets every parameter that it gets as an
    attribute of its request, even `user` and `client`, so it gets only these."""
    found = {name: single(parameters, name) for name in names}
    return {name: value for name, value in found.items() if value is not None}


def encode(parameters: Mapping[str, str]) -> str:
    return urlencode(parameters)


def encode_all(parameters: Parameters, names: Iterable[str]) -> str:
    """URL-encode those of `names` that were sent, unchanged: repeated and empty ones too."""
    return urlencode([(name, value) for name in names for value in parameters.get(name, ())])
