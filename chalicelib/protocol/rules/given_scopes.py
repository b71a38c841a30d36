"""Scopes as a user allowed them: stored with what decides whether they still count.

Most are stored as they are: `orders.read`. A scope with an end also says when the user allowed it and for how many
seconds: `orders.refund@1790000000+28800`. A scope whose meaning has grown, or that includes one, also says which
versions the user saw: `events.write#events.read=2,events.write=3`. Consents, codes, devices' requests and grants keep
scopes in this form, so that whatever reads one of them to decide has read all of it. A version of Lanyard that does not
know the form takes such a scope for an unknown one, which allows nothing.

Each grant keeps the ends and the versions that its own consent gave it. Allowing the scope again starts the time anew,
and gives the new meaning, for the new grant and for what is remembered. Older grants do not get it: they may be other
devices', or for other organizers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from chalicelib import clock
from chalicelib.protocol.rules import scopes

_STORED = re.compile(
    r"(?P<name>[^#@ ]+)(#(?P<versions>[^#@ ]+=[0-9]{1,9}))?(@(?P<at>[0-9]{1,12})\+(?P<seconds>[0-9]{1,10}))?"
)
_NEVER = float("inf")


@dataclass(frozen=True)
class Given:
    """One scope that a user allowed.

    versions: those that the user saw of it and of what it includes; one that is missing is 1. at: when they allowed it,
    in seconds since the epoch. seconds: for how long, as they were told. Both are None for a scope that has no end.
    """

    name: str
    versions: Mapping[str, int] = field(default_factory=dict)
    at: int | None = None
    seconds: int | None = None

    def __str__(self) -> str:
        versions = ",".join(f"{name}={version}" for name, version in sorted(self.versions.items()))
        ends = "" if self.at is None else f"@{self.at}+{self.seconds}"
        return self.name + (f"#{versions}" if versions else "") + ends

    @property
    def names(self) -> frozenset[str]:
        """The scope and all that it includes; empty if the catalogue no longer has it."""
        return scopes.with_implied([self.name])

    @property
    def ends_at(self) -> float:
        """When it ends, in seconds since the epoch; infinite for never; 0 if it was allowed before it had an end.

        A catalogue that is changed later can bring the end forward, and never puts off the one that the user was told.
        """
        lasts = scopes.catalogue().scopes[self.name].lasts_seconds
        if self.at is None or self.seconds is None:
            return _NEVER if lasts is None else 0
        return self.at + min(self.seconds, lasts or self.seconds)

    @property
    def counts(self) -> bool:
        """True if the catalogue still has it as the user saw it, and it has not ended."""
        current = _versions(self.names)
        has_grown = any(self.versions.get(name, 1) < version for name, version in current.items())
        return bool(self.names) and not has_grown and clock.now() < self.ends_at


def given_now(allowed: Iterable[str]) -> list[str]:
    """These scopes, allowed at this moment, as they are stored."""
    return [str(_given_now(name)) for name in scopes.ordered(allowed)]


def given_again(asked: Iterable[str], stored: Iterable[str]) -> list[str]:
    """What is issued without asking, as it is stored: `asked`, which the user allowed with `stored`. A scope that came
    with another one ends with it."""
    given = [one for one in _read(stored) if one.counts]
    return [str(_latest(name, given) or _given_now(name)) for name in scopes.ordered(asked)]


def in_force(stored: Iterable[str]) -> frozenset[str]:
    """The scopes that still count, without those that they include."""
    return frozenset(given.name for given in _read(stored) if given.counts)


def once(stored: Iterable[str]) -> frozenset[str]:
    """The scopes that these ever allowed, of those that the catalogue still has."""
    return scopes.with_implied(given.name for given in _read(stored))


def grown(stored: Iterable[str]) -> frozenset[str]:
    """The scopes that have to be allowed again, because they or what they include allow more than the user saw."""
    given = _read(stored)
    once_allowed = frozenset[str]().union(*(one.names for one in given))
    still = frozenset[str]().union(*(one.names for one in given if one.counts))
    seen = {
        name: max(one.versions.get(name, 1) for one in given if name in one.names) for name in _versions(once_allowed)
    }
    changed = {name for name, version in seen.items() if version < scopes.catalogue().scopes[name].version}
    return frozenset(name for name in once_allowed - still if changed & scopes.with_implied([name]))


def are_covered(asked: Iterable[str], stored: Iterable[str] | None) -> bool:
    """True if a user who allowed `stored` has allowed what is asked now. None: the user has allowed nothing."""
    return scopes.are_covered(asked, None if stored is None else in_force(stored))


def merged(before: Iterable[str], now: Iterable[str]) -> frozenset[str]:
    """Both, as they are stored. A scope that is in both is as it was allowed now."""
    names = {given.name for given in _read(now)}
    return frozenset(now).union(str(given) for given in _read(before) if given.name not in names)


def ends(stored: Iterable[str]) -> Mapping[str, int]:
    """When each scope that these allow ends, in seconds since the epoch. Scopes without an end are not in it."""
    given = [one for one in _read(stored) if one.counts]
    latest = {name: _latest(name, given) for one in given for name in one.names}
    return {name: int(found.ends_at) for name, found in latest.items() if found and found.at is not None}


def _given_now(name: str) -> Given:
    lasts, versions = scopes.catalogue().scopes[name].lasts_seconds, _versions(scopes.with_implied([name]))
    return Given(name, versions) if lasts is None else Given(name, versions, clock.now(), lasts)


def _latest(name: str, given: Iterable[Given]) -> Given | None:
    """The scope as it was allowed for longest, by itself or with another one that includes it.

    given: those that count.
    """
    covering = [one for one in given if name in one.names]
    if not covering:
        return None
    best, versions = max(covering, key=lambda one: one.ends_at), _versions(scopes.with_implied([name]))
    return Given(name, versions) if best.at is None else Given(name, versions, best.at, int(best.ends_at) - best.at)


def _versions(names: Iterable[str]) -> dict[str, int]:
    """The current versions of these scopes, those above 1."""
    known = scopes.catalogue().scopes
    return {name: known[name].version for name in names if known[name].version > 1}


def _read(stored: Iterable[str]) -> list[Given]:
    """What is stored in a form that this version does not know is left out: it allows nothing."""
    found = []
    for one in filter(None, map(_STORED.fullmatch, stored)):
        seen = (pair.rpartition("=") for pair in (one["versions"] or "").split(",") if pair)
        versions = {name: int(version) for name, _, version in seen if version.isdecimal()}
        at, seconds = (int(one[part]) if one[part] else None for part in ("at", "seconds"))
        found.append(Given(one["name"], versions, at, seconds))
    return found
