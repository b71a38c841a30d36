"""An application that describes itself in a document at its client id, as of when that was last fetched."""

from __future__ import annotations

from collections.abc import Sequence

from pynamodb.expressions.update import Action

from chalicelib import clock
from chalicelib.models import application, store
from chalicelib.models.application import CONFIDENTIAL, DOCUMENT, PUBLIC, About, Application, Profile


def keep(url: str, *, name: str, redirect_uris: Sequence[str], profile: Profile, about: About) -> Application:
    """Store what the document at `url` says now, and nothing else: it cannot change what the operator allowed or ended.

    Returns the application as it is then. Raises ConditionFailed if the operator disabled or deleted it.
    """
    now = clock.now()
    actions: list[Action] = [
        Application.owner_id.set(DOCUMENT),
        Application.document_url.set(url),
        Application.fetched_at.set(now),
        Application.name.set(name),
        Application.redirect_uris.set(list(redirect_uris)),
        Application.client_type.set(PUBLIC if profile.is_public else CONFIDENTIAL),
        Application.application_type.set(profile.application_type),
        Application.auth_method.set(profile.auth_method),
        Application.device_grant.set(profile.device_grant),
        Application.jwks.set(profile.jwks) if profile.jwks else Application.jwks.remove(),
        *application.saying(about),
        Application.active.set(True),  # if the item exists, the condition demands the same
        Application.created_at.set(Application.created_at | now),
    ]
    is_free = Application.client_id.does_not_exist() | (
        (Application.owner_id == DOCUMENT) & (Application.active == True)  # noqa: E712 - a DynamoDB condition
    )
    store.change(Application.key(url), actions, is_free)
    kept = application.get(url)
    if kept is None:
        raise store.ConditionFailed([])
    return kept
