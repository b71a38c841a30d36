"""Reads a permission catalogue strictly. A mistake is refused with a message that names its place in the file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from chalicelib import resource_url
from chalicelib.permissions.catalogue import JWT, OPAQUE, Catalogue, Resource, Rule, Scope
from chalicelib.toml_file import FileError as CatalogueError
from chalicelib.toml_file import check_keys, flag, read, table, words

# A scope token (RFC 6749 §3.3), without what would need escaping in a page, an address or a log.
_SCOPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,79}")
# OpenID Connect gives these a meaning, so a catalogue must not give them another.
_RESERVED = frozenset(("openid", "email", "offline_access"))
# For the platform's own server, which acts for no user. The operator allows them; nobody can ask a user for them.
ADMINISTRATIVE = ("scim", "sign_in")
_DURATION = re.compile(r"(?P<count>[1-9][0-9]{0,3}) (?P<unit>minute|hour|day)s?")
_UNIT_SECONDS = {"minute": 60, "hour": 3600, "day": 86_400}
_LASTS_LIMIT_DAYS = 365
_RULE = re.compile(r"(?P<method>[A-Za-z]+|\*) (?P<path>/[^\s;*]*\*?) (?P<scope>\S+)")
_ANY_TOKEN = "-"  # noqa: S105
_RESOURCES_LIMIT = 100
_VERSION_LIMIT = 9999
_SCOPES_LIMIT = 100
_WORDS_LIMIT_CHARACTERS = 200
_CATALOGUE_KEYS = {"default", "own_api", "scopes", "resources"}
_SCOPE_KEYS = {"title", "detail", "organizers", "always", "implies", "risk", "optional", "lasts", "version"}
_RESOURCE_KEYS = {"scopes", "title", "token_lifetime", "token_format", "required_scopes"}
_OWN_API_KEYS = {"list_organizers", "rename_organizers"}


def parse(text: str) -> Catalogue:
    """Raises CatalogueError."""
    found = read(text)
    check_keys("the file", found, _CATALOGUE_KEYS)
    tables = table("scopes", found.get("scopes"))
    if not 0 < len(tables) <= _SCOPES_LIMIT:
        raise CatalogueError(f"scopes: give 1 to {_SCOPES_LIMIT}, each as [scopes.NAME]")
    by_name = {name: _scope(name, table(f"scopes.{name}", one)) for name, one in tables.items()}
    scopes = {name: _closed(scope, by_name) for name, scope in by_name.items()}
    own_api = table("own_api", found.get("own_api", {}))
    check_keys("own_api", own_api, _OWN_API_KEYS)
    for part, scope in own_api.items():
        if not isinstance(scope, str) or scope not in scopes or not scopes[scope].needs_organizers:
            raise CatalogueError(f"own_api.{part} must be a scope of this file that is given for organizers")
    default = tuple(_names("default", found.get("default", []), scopes))
    resources = _resources(found.get("resources", {}), scopes)
    return Catalogue(scopes, tuple(name for name in scopes if name in default), own_api, resources)


def _scope(name: str, found: Mapping[str, Any]) -> Scope:
    place = f"scopes.{name}"
    if not _SCOPE.fullmatch(name):
        raise CatalogueError(
            f"{place}: a scope has at most 80 letters, digits and . _ : / -, and starts with one of the first two"
        )
    if name in _RESERVED:
        raise CatalogueError(f"{place}: OpenID Connect gives this scope its meaning, so choose another name")
    if name in ADMINISTRATIVE:
        raise CatalogueError(f"{place}: this scope is for the platform's own server, so choose another name")
    check_keys(place, found, _SCOPE_KEYS)
    risk = found.get("risk", "low")
    if risk not in ("low", "high"):
        raise CatalogueError(f"{place}.risk must be low or high")
    return Scope(
        name=name,
        title=words(f"{place}.title", found.get("title"), most_characters=_WORDS_LIMIT_CHARACTERS),
        detail=_words(f"{place}.detail", found.get("detail")),
        needs_organizers=flag(f"{place}.organizers", found.get("organizers", True)),
        is_always=flag(f"{place}.always", found.get("always", False)),
        implies=frozenset(_texts(f"{place}.implies", found.get("implies", []))),
        is_high_risk=risk == "high",
        is_optional=flag(f"{place}.optional", found.get("optional", False)),
        lasts_seconds=_lasts(f"{place}.lasts", found.get("lasts")),
        version=_version(f"{place}.version", found.get("version", 1)),
    )


def _closed(scope: Scope, others: Mapping[str, Scope]) -> Scope:
    """The scope with everything that it includes, directly or not. Raises CatalogueError for what does not fit."""
    place = f"scopes.{scope.name}"
    included, new = {scope.name}, set(scope.implies)
    while new:
        for name in new:
            if name not in others:
                raise CatalogueError(f"{place}.implies names {name!r}, which is no scope of this file")
        included |= new
        new = set().union(*(others[name].implies for name in new)) - included
    if not scope.needs_organizers and any(others[name].needs_organizers for name in included):
        raise CatalogueError(
            f"{place} includes a scope that is given for organizers, so it has to be given for them too"
        )
    if scope.is_always and (scope.needs_organizers or scope.is_high_risk or scope.is_optional):
        raise CatalogueError(
            f"{place}: what every application may do needs no organizers, has no high risk and is not optional"
        )
    if scope.is_always and (scope.lasts_seconds or scope.version > 1):
        raise CatalogueError(
            f"{place}: nobody is asked for what every application may do, so it has no lasts and no version"
        )
    for name in included:
        if scope.is_always and (others[name].is_high_risk or others[name].version > 1):
            raise CatalogueError(
                f"{place} includes {name!r}, which people have to allow: it has a high risk or allows more than before"
            )
        most = others[name].lasts_seconds
        if most is not None and (scope.lasts_seconds is None or scope.lasts_seconds > most):
            raise CatalogueError(f"{place} includes {name!r}, which ends, so it must not last longer")
    return replace(scope, implies=frozenset(included))


def _resources(value: Any, scopes: Mapping[str, Scope]) -> dict[str, Resource]:
    tables, found = table("resources", value), dict[str, Resource]()
    if len(tables) > _RESOURCES_LIMIT:
        raise CatalogueError(f"resources: give at most {_RESOURCES_LIMIT}")
    for address, one in tables.items():
        place = f'resources."{address}"'
        if resource_url.parts(address) is None:
            raise CatalogueError(f"{place}: an address is like https://api.example.com/, without a user or a #fragment")
        for other in found:
            if resource_url.is_same(address, other):
                raise CatalogueError(f"{place} is the same address as {other}")
        found[address] = _resource(address, place, table(place, one), scopes)
    return found


def _resource(address: str, place: str, found: Mapping[str, Any], scopes: Mapping[str, Scope]) -> Resource:
    check_keys(place, found, _RESOURCE_KEYS)
    known = _names(f"{place}.scopes", found.get("scopes"), scopes)
    if not known:
        raise CatalogueError(f"{place}.scopes must name at least one scope")
    rules = found.get("required_scopes", [])
    if not isinstance(rules, list):
        raise CatalogueError(f"{place}.required_scopes must be a list of rules")
    return Resource(
        address=address,
        scopes=frozenset(known),
        title=_words(f"{place}.title", found.get("title")),
        token_lifetime_seconds=_token_lifetime(f"{place}.token_lifetime", found.get("token_lifetime")),
        required_scopes=tuple(_rule(f"{place}.required_scopes", rule, known) for rule in rules),
        token_format=_token_format(f"{place}.token_format", found.get("token_format", OPAQUE)),
    )


def _rule(place: str, value: Any, known: Iterable[str]) -> Rule:
    found = _RULE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise CatalogueError(f"{place} takes rules like 'GET /tickets* checkin', not {value!r}")
    if found["scope"] != _ANY_TOKEN and found["scope"] not in known:
        raise CatalogueError(f"{place} requires {found['scope']!r}, which is no scope of this resource")
    return Rule(found["method"].upper(), found["path"], found["scope"])


def _token_lifetime(place: str, value: Any) -> int | None:
    seconds = _seconds(value)
    if value is not None and not 0 < seconds <= _UNIT_SECONDS["day"]:
        raise CatalogueError(f'{place} must be minutes or hours, like "15 minutes", and at most 24 hours')
    return seconds or None


def _token_format(place: str, value: Any) -> str:
    if value not in (OPAQUE, JWT):
        raise CatalogueError(f'{place} must be "{OPAQUE}" or "{JWT}"')
    return str(value)


def _lasts(place: str, value: Any) -> int | None:
    seconds = _seconds(value)
    is_whole = seconds % _UNIT_SECONDS["hour"] == 0
    if value is not None and not (is_whole and 0 < seconds <= _LASTS_LIMIT_DAYS * _UNIT_SECONDS["day"]):
        raise CatalogueError(f'{place} must be hours or days, like "8 hours", and at most {_LASTS_LIMIT_DAYS} days')
    return seconds or None


def _seconds(value: Any) -> int:
    """A duration as a number and a unit; 0 for anything else."""
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    return int(found["count"]) * _UNIT_SECONDS[found["unit"]] if found else 0


def _version(place: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _VERSION_LIMIT:
        raise CatalogueError(f"{place} must be a whole number from 1 to {_VERSION_LIMIT}")
    return value


def _words(place: str, value: Any) -> Mapping[str, str]:
    """One text for each language, or none at all."""
    return {} if value is None else words(place, value, most_characters=_WORDS_LIMIT_CHARACTERS)


def _names(place: str, value: Any, known: Iterable[str]) -> list[str]:
    names = _texts(place, value)
    for name in names:
        if name not in known:
            raise CatalogueError(f"{place} names {name!r}, which is no scope of this file")
    return names


def _texts(place: str, value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value) or len(set(value)) < len(value):
        raise CatalogueError(f"{place} must be a list of different scopes")
    return value
