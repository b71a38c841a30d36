"""Claims: what an application is told about a user, and under which scope (OpenID Connect Core §5.1, §5.4, §5.5).

UserInfo returns the claims of the scopes that the user allowed. An application that asks for a claim with the parameter
`claims` asks for the scope that the claim belongs to, so that the consent page says it and the user decides. A claim
that was asked for in the ID token is there, too.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib import limits
from chalicelib.models.user import User
from chalicelib.permissions.openid import EMAIL, PROFILE
from chalicelib.protocol.rules import strict_json

_BY_SCOPE = {PROFILE: ("name", "locale", "zoneinfo"), EMAIL: ("email", "email_verified")}
_SCOPE_OF = {claim: scope for scope, claims in _BY_SCOPE.items() for claim in claims}
# Those that an ID token has by itself come first.
SUPPORTED = ("sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid", *_SCOPE_OF)
_PLACES = ("id_token", "userinfo")


class ClaimsProblem(ValueError):
    """The parameter `claims` cannot be read. The message says why, and begins with `claims`."""


@dataclass(frozen=True)
class ClaimsRequest:
    """What the parameter `claims` asks for, of what is known here (§5.5).

    in_id_token: claims about the user. scopes: that all the claims belong to, wherever they are to be. subject: the
    only user to answer for, or None. acr: the values of which one is essential, or None.
    """

    in_id_token: tuple[str, ...] = ()
    scopes: frozenset[str] = frozenset()
    subject: str | None = None
    acr: tuple[str, ...] | None = None


def read_request(text: str | None) -> ClaimsRequest:
    """Claims and members that are not known here are ignored (§5.5). Raises ClaimsProblem."""
    if text is None:
        return ClaimsRequest()
    if len(text) > limits.CLAIMS_LIMIT_CHARACTERS:
        raise ClaimsProblem(f"claims must have at most {limits.CLAIMS_LIMIT_CHARACTERS} characters.")
    try:
        found = strict_json.read_object(text)
    except strict_json.NotStrict as error:
        raise ClaimsProblem("claims must be a JSON object.") from error
    asked = {place: _asked(place, found.get(place)) for place in _PLACES}
    names = {name for place in _PLACES for name in asked[place] if name in _SCOPE_OF}
    return ClaimsRequest(
        in_id_token=tuple(name for name in _SCOPE_OF if name in asked["id_token"]),
        scopes=frozenset(_SCOPE_OF[name] for name in names),
        subject=_subject(asked),
        acr=_essential_acr(asked["id_token"].get("acr")),
    )


def of_scopes(allowed: Collection[str], user: User) -> dict[str, Any]:
    """The claims of these scopes (§5.4)."""
    return _values((name for name, scope in _SCOPE_OF.items() if scope in allowed), user)


def for_id_token(names: Iterable[str], allowed: Collection[str], user: User) -> dict[str, Any]:
    """Those of the claims whose scopes the user allowed."""
    return _values((name for name in names if _SCOPE_OF.get(name) in allowed), user)


def as_text(values: Mapping[str, Any]) -> str | None:
    """Claims as they are stored; None for none."""
    return json.dumps(values, ensure_ascii=False) if values else None


def from_text(stored: str | None) -> dict[str, Any]:
    """What `as_text` made."""
    return dict(json.loads(stored)) if stored else {}


def _values(names: Iterable[str], user: User) -> dict[str, Any]:
    values = {
        "name": user.fullname,
        "locale": user.locale,
        "zoneinfo": user.timezone,
        "email": user.email,
        "email_verified": user.has_verified_email,
    }
    return {name: values[name] for name in names}


def _asked(place: str, value: Any) -> dict[str, dict[str, Any]]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ClaimsProblem(f"claims.{place} must be an object.")
    for name, one in value.items():
        if one is not None and not isinstance(one, dict):
            raise ClaimsProblem(f"claims.{place}: each claim must be null or an object, such as {json.dumps(name)}.")
    return {name: one or {} for name, one in value.items()}


def _subject(asked: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str | None:
    wanted = {value for place in _PLACES if isinstance(value := asked[place].get("sub", {}).get("value"), str)}
    if len(wanted) > 1:
        raise ClaimsProblem("claims asks for two values of sub.")
    return next(iter(wanted), None)


def _essential_acr(asked: Mapping[str, Any] | None) -> tuple[str, ...] | None:
    """§5.5.1.1: an essential acr with values that cannot be met is a failed sign-in; a voluntary one is a wish."""
    if not asked or asked.get("essential") is not True:
        return None
    values = asked.get("values", [asked["value"]] if "value" in asked else None)
    if values is None:
        return None
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ClaimsProblem("claims.id_token.acr must have texts as values.")
    return tuple(values)
