"""An application's access of its own, without a user: what the operator allowed it (RFC 6749 §4.4).

Its tokens have no grant and no refresh token, and any number of them live at once, since its processes fetch each their
own. Where another token names a user, one of these names the application a second time.
"""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib import credentials
from chalicelib.models import grant, store
from chalicelib.models.access_token import AccessToken
from chalicelib.models.application import Application


@dataclass(frozen=True)
class OwnStanding:
    """All that decides whether such a token is good, as it stood at one moment."""

    application: Application
    access_token: AccessToken | None
    user = None

    @property
    def is_good(self) -> bool:
        return bool(self.application.active)

    @property
    def allowed_scopes(self) -> frozenset[str]:
        return frozenset(self.application.own_scopes or ())

    @property
    def allowed_organizers(self) -> frozenset[str]:
        return frozenset(self.application.own_organizers or ())


def new_id(client_id: str) -> str:
    return client_id + client_id + credentials.new_serial()


def is_own(grant_id: str) -> bool:
    """Does the token that carries this id belong to an application and to no user?"""
    return grant.user_of(grant_id) == grant.client_of(grant_id)


def standing(grant_id: str) -> OwnStanding | None:
    """Read all that decides in one round trip; None where the application is gone."""
    token, application = store.read(AccessToken.key(grant_id), Application.key(grant.client_of(grant_id)))
    return OwnStanding(application, token) if application else None


def issue(access_token: AccessToken) -> None:
    store.write(store.Put(access_token))
