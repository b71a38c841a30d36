"""Scopes as a user allowed them: stored with what decides whether they still count.

Most are stored as they are: `orders.read`. A scope with an end also says when the user allowed it and for how many
seconds: `orders.refund@1790000000+28800`. Consents, codes, devices' requests and grants keep scopes in this form, so
that whatever reads one of them to decide has read the end as well. A version of Lanyard that does not know the form
takes such a scope for an unknown one, which allows nothing.

Each grant keeps the ends that its own consent gave it. Allowing the scope again starts the time anew for the new grant
and for what is remembered, and not for older grants: these may be other devices', or for other organizers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chalicelib import clock
from chalicelib.protocol.rules import scopes

_STORED = re.compile(r"(?P<name>[^#@+ ]+)(@(?P<at>[0-9]{1,12})\+(?P<seconds>[0-9]{1,10}))?")
_NEVER = float("inf")


@dataclass(frozen=True)
class Given:
    """One scope that a user allowed.

    at: when they allowed it, in seconds since the epoch. seconds: for how long, as they were told. Both are None for a
    scope that has no end.
    """

    name: str
    at: int | None = None
    seconds: int | None = None

    def __str__(self) -> str:
        return self.name if self.at is None else f"{self.name}@{self.at}+{self.seconds}"

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
        """True if the catalogue still has it and it has not ended."""
        return self.name in scopes.catalogue().scopes and clock.now() < self.ends_at


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
    latest = {name: _latest(name, given) for name in scopes.with_implied(one.name for one in given)}
    return {name: int(found.ends_at) for name, found in latest.items() if found and found.at is not None}


def _given_now(name: str) -> Given:
    lasts = scopes.catalogue().scopes[name].lasts_seconds
    return Given(name) if lasts is None else Given(name, clock.now(), lasts)


def _latest(name: str, given: Iterable[Given]) -> Given | None:
    """The scope as it was allowed for longest, by itself or with another one that includes it."""
    covering = [one for one in given if name in scopes.with_implied([one.name])]
    best = max(covering, key=lambda one: one.ends_at, default=None)
    if best is None or best.at is None:
        return best and Given(name)
    return Given(name, best.at, int(best.ends_at) - best.at)


def _read(stored: Iterable[str]) -> list[Given]:
    """What is stored in a form that this version does not know is left out: it allows nothing."""
    found = (_STORED.fullmatch(text) for text in stored)
    return [
        Given(one["name"], *(int(one[part]) if one[part] else None for part in ("at", "seconds")))
        for one in found
        if one
    ]
