"""Scopes: what an application may be allowed to do (RFC 6749 §3.3). The permission catalogue says which ones there are.

A scope that the catalogue lacks is unknown, also where it was granted before: it has lost its meaning.
"""

from __future__ import annotations

from collections.abc import Iterable

from chalicelib import permissions, settings
from chalicelib.keys import signing
from chalicelib.permissions.openid import EMAIL, OPENID, PROFILE

# Scopes of OpenID Connect that many clients ask for without needing them. Where they mean nothing they are left out, so
# that these clients connect: all of them on a stage that does not sign, those beside `openid` in a request without it.
ADDED_BY_HABIT = frozenset((OPENID, PROFILE, EMAIL, "offline_access"))


def catalogue() -> permissions.Catalogue:
    """The operator's catalogue; with the scopes of OpenID Connect on a stage that signs."""
    found = settings.SETTINGS.permissions
    return permissions.with_openid(found) if signing.is_on() else found


def has_openid(scopes: Iterable[str]) -> bool:
    """True if these scopes make a request, or a grant, one of OpenID Connect (OpenID Connect Core §3.1.2.1)."""
    return OPENID in scopes and OPENID in catalogue().of_openid


def supported() -> tuple[str, ...]:
    """All scopes, in their fixed order."""
    return catalogue().names


def default() -> tuple[str, ...]:
    """The scopes of a request that names none; empty if a request has to name some."""
    return catalogue().default


def example() -> str:
    """What an example asks for."""
    return as_text(default() or supported()[:1])


def unknown() -> str:
    """The description of the error for an unknown scope."""
    return f"scope must be one or more of: {', '.join(supported())}."


def are_known(scopes: Iterable[str]) -> bool:
    """True if a request may ask for them together."""
    asked = list(scopes)
    return _meaningful(asked).issuperset(asked)


def of_application(scopes: Iterable[str]) -> list[str]:
    """The scopes that an application can have without a user, of these: administrative ones too, which come last."""
    given = set(scopes)
    return [*ordered(given), *(name for name in permissions.ADMINISTRATIVE if name in given)]


def allowed_to_application(scopes: Iterable[str], own: Iterable[str]) -> frozenset[str]:
    """What these scopes allow an application without a user. own: what the operator allows it."""
    given, own = set(scopes), set(own)
    administrative = given & own & set(permissions.ADMINISTRATIVE)
    return with_implied(given) & with_implied(own) | administrative


def of_own_api(part: str) -> str | None:
    """The scope that a part of our own API requires; None if the catalogue switches it off."""
    return catalogue().own_api.get(part)


def without_habits(asked: Iterable[str]) -> list[str]:
    """What a client asks for, without the scopes that it adds by habit and that have no meaning here. Unchanged if
    nothing known would be left, so that a request for `openid` alone is an error, not a grant of something else. The
    token response says what was granted (RFC 6749 §3.3)."""
    asked = list(asked)
    known = _meaningful(asked)
    kept = [scope for scope in asked if scope in known or scope not in ADDED_BY_HABIT]
    return kept if any(scope in known for scope in kept) else asked


def _meaningful(asked: Iterable[str]) -> frozenset[str]:
    """The scopes that mean something in this request: those of OpenID Connect only beside `openid`."""
    known = frozenset(catalogue().scopes)
    return known if OPENID in asked else known - catalogue().of_openid


def without_users(asked: Iterable[str]) -> list[str]:
    """What an application asks for itself, without the scopes of OpenID Connect, which are about a user. Unchanged if
    nothing would be left."""
    asked = list(asked)
    return [scope for scope in asked if scope not in catalogue().of_openid] or asked


def ordered(scopes: Iterable[str]) -> list[str]:
    """Each known scope once, in the fixed order."""
    given = set(scopes)
    return [scope for scope in supported() if scope in given]


def as_text(scopes: Iterable[str]) -> str:
    return " ".join(ordered(scopes))


def with_implied(scopes: Iterable[str]) -> frozenset[str]:
    """What these scopes allow: they and all that they include."""
    return catalogue().with_implied(scopes)


def narrowed(asked: Iterable[str], resource: str | None) -> list[str]:
    """Each of these scopes that an API knows, in the fixed order: all, unless the catalogue says which (RFC 8707 §2).

    resource: its address; None for all APIs.
    """
    found = catalogue().resource(resource) if resource else None
    everywhere = catalogue().of_openid
    return [scope for scope in of_application(asked) if found is None or scope in found.scopes or scope in everywhere]


def unknown_at(resource: str) -> str:
    """The description of the error for a request without any scope that the resource knows."""
    return f"scope must be one or more of those for this resource: {', '.join(narrowed(supported(), resource))}."


def shown(scopes: Iterable[str], resource: str | None = None) -> list[str]:
    """What people are told that these scopes allow at a resource: they, what they include, and last what every grant
    has."""
    allowed = ordered(with_implied(scopes))
    known = narrowed(supported(), resource)
    return [name for name in (*allowed, *ordered(catalogue().always.difference(allowed))) if name in known]


def optional(asked: Iterable[str]) -> list[str]:
    """The scopes of a request that the user may leave out: not one that comes with a scope which stays."""
    known = catalogue().scopes
    stays = with_implied(name for name in ordered(asked) if not known[name].is_optional)
    return [name for name in ordered(asked) if name not in stays]


def includes(scope: str, asked: Iterable[str], resource: str | None = None) -> list[str]:
    """What an optional scope includes at a resource that the rest of the request does not."""
    rest = with_implied(set(asked) - set(optional(asked)))
    return narrowed(with_implied([scope]) - rest - {scope}, resource)


def lasts(asked: Iterable[str]) -> dict[str, int]:
    """For how many seconds each scope is given that ends, of these and of what they include.

    One that comes with several lasts as long as the longest.
    """
    known, found = catalogue().scopes, dict[str, int | None]()
    for name in ordered(asked):
        seconds = known[name].lasts_seconds
        for included in known[name].implies:
            before = found.get(included, 0)
            found[included] = None if seconds is None or before is None else max(seconds, before)
    return {name: seconds for name, seconds in found.items() if seconds is not None}


def ticked_at_first(scope: str) -> bool:
    """True if an optional scope is selected unless the user leaves it out; a risky one has to be selected."""
    return not is_high_risk(scope)


def is_high_risk(scope: str) -> bool:
    return catalogue().scopes[scope].is_high_risk


def need_organizers(scopes: Iterable[str]) -> bool:
    """True if the scopes give access to organizers' data."""
    return not catalogue().of_organizers.isdisjoint(scopes)


def possible_without_organizers(asked: Iterable[str]) -> list[str]:
    """What somebody who belongs to no organizer can allow of a request: not the optional scopes that are given for
    organizers. Empty if one of those has to stay, or if nothing else was asked for."""
    asked = ordered(asked)
    left_out = catalogue().of_organizers.intersection(optional(asked))
    rest = [scope for scope in asked if scope not in left_out]
    return [] if need_organizers(rest) else rest


def are_covered(scopes: Iterable[str], given: Iterable[str] | None) -> bool:
    """True if a user who allowed `given` has allowed these scopes. None: the user has allowed nothing."""
    return given is not None and set(scopes) - catalogue().always <= with_implied(given)
