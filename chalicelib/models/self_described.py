"""An application that describes itself in a document at its client id, as it was when that was fetched last."""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib import clock
from chalicelib.models import application, store
from chalicelib.models.application import CONFIDENTIAL, DOCUMENT, PUBLIC, Application, Profile


def keep(
    url: str, *, name: str, redirect_uris: Sequence[str], profile: Profile, known: Application | None
) -> Application:
    """Keep what the document at `url` says now. known: what it said last, or None.

    Raises ConditionFailed where the operator disabled or deleted it."""
    described = Application(
        client_id=application.stored_id(url),
        owner_id=DOCUMENT,
        name=name,
        client_type=PUBLIC if profile.is_public else CONFIDENTIAL,
        application_type=profile.application_type,
        auth_method=profile.auth_method,
        device_grant=profile.device_grant,
        jwks=profile.jwks,
        document_url=url,
        fetched_at=clock.now(),
        redirect_uris=list(redirect_uris),
        active=True,
        void_before=known.void_before if known else None,
        created_at=known.created_at if known else clock.now(),
    )
    is_free = Application.client_id.does_not_exist() | (
        (Application.owner_id == DOCUMENT) & (Application.active == True)  # noqa: E712 - a DynamoDB condition
    )
    store.write(store.Put(described, is_free))
    return described
