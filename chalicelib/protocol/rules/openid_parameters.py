"""The parameters that OpenID Connect adds to an authorization request (OpenID Connect Core §3.1.2.1).

A request is one of OpenID Connect if it asks for `openid` on a stage that signs. In any other, they are unknown
parameters, which are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs

from chalicelib import limits
from chalicelib.keys import signing
from chalicelib.permissions.openid import OPENID
from chalicelib.protocol.rules import paths, request_parameters

# Those that decide nothing: they may stand in the browser's address beside a pushed request.
HINTS = ("login_hint", "ui_locales")
ASKING = frozenset(("max_age", "id_token_hint", "claims"))  # a request with one may lead to the sign-in page again
NAMES = ("nonce", "max_age", "id_token_hint", "claims", "request_uri", *HINTS)


def is_openid(parameters: request_parameters.Parameters) -> bool:
    return signing.is_on() and OPENID in (request_parameters.single(parameters, "scope") or "").split(" ")


def of_authorization(parameters: request_parameters.Parameters) -> tuple[str, ...]:
    """The names of all the parameters that this authorization request may have."""
    return (*request_parameters.AUTHORIZATION, *NAMES) if is_openid(parameters) else request_parameters.AUTHORIZATION


def that_may_be_pushed() -> tuple[str, ...]:
    """The same before the request is read."""
    added = [name for name in NAMES if name != "request_uri"] if signing.is_on() else []
    return (*request_parameters.AUTHORIZATION, *added)


def hints(address: str) -> Mapping[str, str]:
    """What an authorization request tells the sign-in page on its way to it.

    address: the path that the sign-in leads to. Empty unless that is an authorization request on a stage that signs.
    """
    if not signing.is_on():
        return {}
    path, _, query_text = address.partition("?")
    if path != paths.AUTHORIZATION:
        return {}
    try:
        query = parse_qs(query_text, max_num_fields=limits.FORM_FIELDS_LIMIT)
    except ValueError:
        return {}
    found = request_parameters.known(query, (*HINTS, "scope", "request_uri"))
    is_one = is_openid(query) or "request_uri" in found
    return {name: value for name, value in found.items() if name in HINTS} if is_one else {}
