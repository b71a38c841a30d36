"""The scopes that a route of another API requires of a token. The authorizer checks them.

The operator's rules (settings.REQUIRED_SCOPES) are read in order, and the first match decides. A route without a match
is refused, so that a forgotten rule does not open anything.

The caller writes the path, and the service behind the gateway may read it differently from the rules: decoded, without
the slash at its end, without `;parameters`. So a token needs the scopes of every such reading, and a path that could
lead elsewhere (`..`, `//`, an encoded slash) matches no rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from chalicelib.settings import RequiredScope

ANY_TOKEN = "-"  # noqa: S105
_EVERYTHING = "/*"
_PARAMETERS = re.compile(r";[^/]*")
# Characters that a cached policy would take as wildcards; that end a path when it is parsed again; that some servers
# treat as a slash; and control characters.
_FORBIDDEN = re.compile(r"[*?#\\\x00-\x1f\x7f]|\$\{")


@dataclass(frozen=True)
class Route:
    """A caller's request, parsed from the ARN that API Gateway passes.

    prefix: the ARN up to and including the slash after the stage. api: the API's id. path: as the caller wrote it, with
    its leading slash.
    """

    prefix: str
    api: str
    method: str
    path: str


@dataclass(frozen=True)
class Requirement:
    """scopes: all of them are required; empty if any valid token will do. resource: the ARN that the authorizer's
    response covers. If one rule covers every path, that is more than this route, so that the response can be cached."""

    scopes: frozenset[str]
    resource: str


def read_arn(method_arn: str) -> Route:
    """Parse `arn:PARTITION:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/PATH`. Raises ValueError for anything else.

    Parsed from the left: the path is the caller's and may contain colons; the five colons before it are API Gateway's.
    """
    parts = method_arn.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or parts[2] != "execute-api":
        raise ValueError("not the ARN of a method")
    api, stage, method, path = (*parts[5].split("/", 3), "", "", "")[:4]
    if not (api and stage and method):
        raise ValueError("not the ARN of a method")
    head = ":".join(parts[:5])
    return Route(f"{head}:{api}/{stage}/", api, method, f"/{path}")


def requirement(route: Route, rules: Iterable[RequiredScope]) -> Requirement | None:
    """What this route requires; None if no rule matches or the path could lead elsewhere."""
    of_this_api = [rule for rule in rules if rule.api in ("*", route.api)]
    decisive = [_first(path, route.method, of_this_api) for path in _readings(route.path)]
    found = [rule for rule in decisive if rule is not None]
    if not found or len(found) < len(decisive):
        return None
    # Only a rule for every path may be cached as a whole: a cached `/part/*` would also cover `/part/../elsewhere`.
    is_whole = found[0] is of_this_api[0] and found[0].path == _EVERYTHING
    covered = f"{found[0].method}{_EVERYTHING}" if is_whole else f"{route.method}{route.path}"
    return Requirement(frozenset(rule.scope for rule in found) - {ANY_TOKEN}, route.prefix + covered)


def _first(path: str, method: str, rules: Iterable[RequiredScope]) -> RequiredScope | None:
    return next((rule for rule in rules if rule.method in ("*", method) and _matches(path, rule.path)), None)


def _matches(path: str, pattern: str) -> bool:
    return path.startswith(pattern[:-1]) if pattern.endswith("*") else path == pattern


def _readings(path: str) -> set[str]:
    """Every path that this one may be read as; empty if one of the readings could lead elsewhere."""
    try:
        decoded = unquote(path, errors="strict")
    except UnicodeDecodeError:
        return set()
    # A path that can be decoded twice (%252e) or decodes to a slash can mean something else behind the gateway.
    if unquote(decoded, errors="replace") != decoded or decoded.count("/") != path.count("/"):
        return set()
    readings = {_PARAMETERS.sub("", reading) for reading in (path, decoded)} | {path, decoded}
    readings |= {reading.removesuffix("/") or "/" for reading in readings}
    return readings if all(map(_cannot_lead_elsewhere, readings)) else set()


def _cannot_lead_elsewhere(path: str) -> bool:
    segments = path.removeprefix("/").removesuffix("/").split("/")
    return not _FORBIDDEN.search(path) and (path == "/" or not {"", ".", ".."} & set(segments))
