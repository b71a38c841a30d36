"""An application's own access, without a user: what the operator allowed it (RFC 6749 §4.4).

Its tokens have no grant and no refresh token. Any number of them are valid at once, since each of its processes fetches
its own. Where another token names a user, an application's own token names the application a second time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pynamodb.expressions.update import Action

from chalicelib import credentials
from chalicelib.models import ended_tokens, grant, store
from chalicelib.models.access_token import AccessToken
from chalicelib.models.application import CONFIDENTIAL, Application
from chalicelib.models.store.table import Key


@dataclass(frozen=True)
class ApplicationStanding:
    """Everything that decides whether an application's own token is valid, read at one moment."""

    application: Application
    access_token: AccessToken | None
    user = None

    @property
    def is_good(self) -> bool:
        """True if the application is active and the token was issued after the operator last ended its access."""
        return bool(self.application.active) and not self._is_ended

    @property
    def _is_ended(self) -> bool:
        ended, token = self.application.void_before, self.access_token
        return ended is not None and token is not None and token.issued_at <= ended

    @property
    def allowed_scopes(self) -> frozenset[str]:
        return frozenset(self.application.own_scopes or ())

    def organizers_among(self, slugs: Iterable[str]) -> frozenset[str]:
        """Those of these organizers that the operator allows the application."""
        return frozenset(slugs).intersection(self.application.own_organizers or ())


def allow(client_id: str, scopes: Iterable[str], organizers: Iterable[str]) -> None:
    """Set what an application may do without a user; nothing if both are empty. Applies at once, to issued tokens too.

    Raises ConditionFailed if there is no such confidential application.
    """
    scopes, organizers = list(scopes), list(organizers)
    actions: list[Action] = [
        attribute.set(set(values)) if values else attribute.remove()
        for attribute, values in (
            (Application.own_scopes, scopes),
            (Application.own_organizers, organizers),
        )
    ]
    is_there = Application.owner_id.exists() & (Application.client_type == CONFIDENTIAL)
    key = Application.key(client_id)
    store.write(store.Update(key, actions, is_there), *_ended_by(key, scopes, organizers))


def _ended_by(key: Key[Application], scopes: Iterable[str], organizers: Iterable[str]) -> list[store.Change]:
    """The change that lists the application's own signed tokens as ended, if it had more than this. It takes a read
    where an API takes signed tokens, and nothing elsewhere."""
    found = store.read(key)[0] if ended_tokens.are_listed() else None
    before = {*(found.own_scopes or ()), *(found.own_organizers or ())} if found else set[str]()
    is_less = bool(before.difference(scopes, organizers))
    return ended_tokens.all_with(ended_tokens.handle_of_user(key.hash_key)) if is_less else []


def take_organizer(client_id: str, slug: str) -> None:
    """Remove an organizer from the application's own access. Raises ConditionFailed if there is no such application."""
    key = Application.key(client_id)
    taken = store.Update(key, [Application.own_organizers.delete({slug})], Application.owner_id.exists())
    store.write(taken, *ended_tokens.all_with(ended_tokens.handle_of_membership(key.hash_key, slug)))


def new_id(client_id: str) -> str:
    return client_id + client_id + credentials.new_serial()


def is_own(grant_id: str) -> bool:
    """True if the token with this id is an application's own and not a user's."""
    return grant.user_of(grant_id) == grant.client_of(grant_id)


def standing(grant_id: str) -> ApplicationStanding | None:
    """Read everything that decides, in one round trip. None if the application is gone."""
    token, application = store.read(AccessToken.key(grant_id), Application.key(grant.client_of(grant_id)))
    return ApplicationStanding(application, token) if application else None


def issue(access_token: AccessToken) -> None:
    store.write(store.Put(access_token))
