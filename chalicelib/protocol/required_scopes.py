"""Which scope a route of another API asks of a token that the authorizer checks for it.

The operator's rules (settings.REQUIRED_SCOPES) are read in order and the first that fits decides. A route that none
fits is refused: a rule that was forgotten must not open a door.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from chalicelib.settings import RequiredScope

ANY_TOKEN = "-"  # noqa: S105


@dataclass(frozen=True)
class Route:
    """What a caller asks for, read from the ARN that API Gateway passes on.

    prefix: the ARN up to and with the stage's slash. api: its id. path: with its leading slash.
    """

    prefix: str
    api: str
    method: str
    path: str


@dataclass(frozen=True)
class Requirement:
    """scope: the one that is asked for, None where any good token will do. resource: the ARN that an answer holds for:
    all that the rule covers where no other rule comes before it, so that a cached answer can serve those routes."""

    scope: str | None
    resource: str


def read_arn(method_arn: str) -> Route:
    """`arn:PARTITION:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/PATH`. Raises ValueError for anything else."""
    head, _, rest = method_arn.rpartition(":")
    api, stage, method, path = (*rest.split("/", 3), "")[:4]
    if ":execute-api:" not in head or not (api and stage and method):
        raise ValueError("not the ARN of a method")
    return Route(f"{head}:{api}/{stage}/", api, method, f"/{path}")


def requirement(route: Route, rules: Iterable[RequiredScope]) -> Requirement | None:
    """What this route asks for; None where no rule fits.

    Nor does any where the caller's path holds what a policy's resource takes for a wildcard: an answer that is cached
    would then hold for other paths too.
    """
    if set("*?") & set(route.path):
        return None
    of_this_api = [rule for rule in rules if rule.api in ("*", route.api)]
    for rule in of_this_api:
        if rule.method in ("*", route.method) and _fits(route.path, rule.path):
            scope = None if rule.scope == ANY_TOKEN else rule.scope
            whole = f"{rule.method}{rule.path}" if rule is of_this_api[0] else f"{route.method}{route.path}"
            return Requirement(scope, route.prefix + whole)
    return None


def _fits(path: str, pattern: str) -> bool:
    return path.startswith(pattern[:-1]) if pattern.endswith("*") else path == pattern
