"""The scopes of OpenID Connect, beside those of a catalogue (OpenID Connect Core §5.4).

They exist where the stage signs. `openid` says who signs in, `email` and `profile` are about the person, and none of
them is given for organizers. A catalogue that has a `profile` keeps it, with its own words and meaning: with `openid`,
it also releases the claims of OpenID's.
"""

from __future__ import annotations

import functools
from dataclasses import replace

from chalicelib.permissions.catalogue import Catalogue, Scope

OPENID, PROFILE, EMAIL = "openid", "profile", "email"
_TITLES = {
    OPENID: {"en": "Sign you in and recognize you", "de": "Sie anmelden und wiedererkennen"},
    PROFILE: {
        "en": "See your name, language and time zone",
        "de": "Ihren Namen, Ihre Sprache und Zeitzone sehen",
    },
    EMAIL: {"en": "See your email address", "de": "Ihre E-Mail-Adresse sehen"},
}


@functools.lru_cache(maxsize=8)
def with_openid(catalogue: Catalogue) -> Catalogue:
    """The catalogue with these scopes after its own. Always the same object for the same catalogue."""
    new = {name: _scope(name) for name in _TITLES if name not in catalogue.scopes}
    return replace(catalogue, scopes={**catalogue.scopes, **new}, of_openid=frozenset(new))


def _scope(name: str) -> Scope:
    return Scope(
        name=name,
        title=_TITLES[name],
        detail={},
        needs_organizers=False,
        is_always=False,
        implies=frozenset((name,)),
        is_high_risk=False,
        is_optional=False,
    )
