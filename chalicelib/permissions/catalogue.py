"""What a permission catalogue says, once it is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from chalicelib import resource_url

OPAQUE, JWT = "opaque", "jwt"


@dataclass(frozen=True)
class Scope:
    """Something that an application may be allowed to do.

    title, detail: the words that people read, by language. needs_organizers: it is given for organizers that the user
    selects. is_always: every grant has it. implies: all scopes that it includes, itself too. is_high_risk: people are
    warned. is_optional: the user may leave it out. lasts_seconds: how long a grant of it lasts; None for as long as the
    rest of the grant. version: of its meaning, from 1 on; a higher one has to be allowed again.
    """

    name: str
    title: Mapping[str, str]
    detail: Mapping[str, str]
    needs_organizers: bool
    is_always: bool
    implies: frozenset[str]
    is_high_risk: bool
    is_optional: bool
    lasts_seconds: int | None = None
    version: int = 1


@dataclass(frozen=True)
class Rule:
    """The scope that some routes of an API require: see `environment.RequiredScope`."""

    method: str
    path: str
    scope: str


@dataclass(frozen=True)
class Resource:
    """An API of the platform, which tokens can be requested for (RFC 8707).

    address: as the file spells it. scopes: those that it knows. title: its name for people, by language; empty if it
    has none. token_lifetime_seconds: of access tokens for it; None for the usual lifetime. required_scopes: the
    authorizer's rules for it, of which the first match decides; empty if the file has none. token_format: JWT if it
    checks signed access tokens by itself (RFC 9068), OPAQUE if it asks us.
    """

    address: str
    scopes: frozenset[str]
    title: Mapping[str, str]
    token_lifetime_seconds: int | None
    required_scopes: tuple[Rule, ...]
    token_format: str = OPAQUE

    @property
    def takes_jwts(self) -> bool:
        return self.token_format == JWT


@dataclass(frozen=True, eq=False)
class Catalogue:
    """scopes: in the order of the file, in which they are always listed. default: what a request gets that names none.
    own_api: the scope that each part of our own API requires; a part that is missing is switched off. resources: by
    address. of_openid: the scopes that OpenID Connect adds; they are for no API, so every resource knows them."""

    scopes: Mapping[str, Scope]
    default: tuple[str, ...]
    own_api: Mapping[str, str] = field(default_factory=dict)
    resources: Mapping[str, Resource] = field(default_factory=dict)
    of_openid: frozenset[str] = frozenset()

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(self.scopes)

    @cached_property
    def always(self) -> frozenset[str]:
        """The scopes that every grant has."""
        return frozenset(name for name, scope in self.scopes.items() if scope.is_always)

    @cached_property
    def of_organizers(self) -> frozenset[str]:
        """The scopes that are given for organizers."""
        return frozenset(name for name, scope in self.scopes.items() if scope.needs_organizers)

    @cached_property
    def has_signed_tokens(self) -> bool:
        """True if a resource takes signed tokens."""
        return any(resource.takes_jwts for resource in self.resources.values())

    def resource(self, address: str) -> Resource | None:
        """The resource with this address, in any spelling; None if the file does not have it."""
        return next((found for found in self.resources.values() if resource_url.is_same(found.address, address)), None)

    def with_implied(self, scopes: Iterable[str]) -> frozenset[str]:
        """These scopes and all that they include. What the catalogue lacks is left out: it has no meaning any more."""
        known = (self.scopes[name] for name in scopes if name in self.scopes)
        return frozenset().union(*(scope.implies for scope in known))
