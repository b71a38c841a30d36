"""Which scopes a route of another API asks of a token that the authorizer checks for it.

The operator's rules (settings.REQUIRED_SCOPES) are read in order and the first that fits decides. A route that none
fits is refused: a rule that was forgotten must not open a door.

The caller writes the path, and what stands behind the gateway may read it in another way than the rules do: decoded,
without a slash at its end, without `;parameters`. So a token needs what every one of these readings asks for, and a
path that could lead elsewhere (`..`, `//`, an encoded slash) fits no rule.
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
# Wildcards of a policy, which an answer that is cached would take them for; what ends a path when it is read again;
# what some servers take for a slash; control characters.
_FORBIDDEN = re.compile(r"[*?#\\\x00-\x1f\x7f]|\$\{")


@dataclass(frozen=True)
class Route:
    """What a caller asks for, read from the ARN that API Gateway passes on.

    prefix: the ARN up to and with the stage's slash. api: its id. path: with its leading slash, as the caller wrote it.
    """

    prefix: str
    api: str
    method: str
    path: str


@dataclass(frozen=True)
class Requirement:
    """scopes: those that a token must have; none where any good token will do. resource: the ARN that an answer holds
    for, which is more than this route where one rule covers every path, so that a cached answer can serve them."""

    scopes: frozenset[str]
    resource: str


def read_arn(method_arn: str) -> Route:
    """`arn:PARTITION:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/PATH`. Raises ValueError for anything else.

    Read from the left: the path is the caller's and may hold colons, the five before it are API Gateway's.
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
    """What this route asks for; None where no rule fits, and where the path could lead elsewhere."""
    of_this_api = [rule for rule in rules if rule.api in ("*", route.api)]
    decisive = [_first(path, route.method, of_this_api) for path in _readings(route.path)]
    found = [rule for rule in decisive if rule is not None]
    if not found or len(found) < len(decisive):
        return None
    # Only a rule for every path is answered whole: of a part, `/part/../elsewhere` would be covered too.
    is_whole = found[0] is of_this_api[0] and found[0].path == _EVERYTHING
    covered = f"{found[0].method}{_EVERYTHING}" if is_whole else f"{route.method}{route.path}"
    return Requirement(frozenset(rule.scope for rule in found) - {ANY_TOKEN}, route.prefix + covered)


def _first(path: str, method: str, rules: Iterable[RequiredScope]) -> RequiredScope | None:
    return next((rule for rule in rules if rule.method in ("*", method) and _fits(path, rule.path)), None)


def _fits(path: str, pattern: str) -> bool:
    return path.startswith(pattern[:-1]) if pattern.endswith("*") else path == pattern


def _readings(path: str) -> set[str]:
    """Every path that this one may be taken for; none where it could be taken for one somewhere else."""
    try:
        decoded = unquote(path, errors="strict")
    except UnicodeDecodeError:
        return set()
    # What decodes twice (%252e) or to a slash means one thing here and another behind the gateway.
    if unquote(decoded, errors="replace") != decoded or decoded.count("/") != path.count("/"):
        return set()
    readings = {_PARAMETERS.sub("", reading) for reading in (path, decoded)} | {path, decoded}
    readings |= {reading.removesuffix("/") or "/" for reading in readings}
    return readings if all(map(_stays_put, readings)) else set()


def _stays_put(path: str) -> bool:
    segments = path.removeprefix("/").removesuffix("/").split("/")
    return not _FORBIDDEN.search(path) and (path == "/" or not {"", ".", ".."} & set(segments))
