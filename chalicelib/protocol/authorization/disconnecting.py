"""Ends the access of all of a user's applications: when the user asks for it, or along with a password change."""

from __future__ import annotations

from chalicelib.models import consent, grant, security_event, store
from chalicelib.models.application import Application
from chalicelib.request_source import RequestSource


def take_back_all(user_id: str, source: RequestSource) -> None:
    """End everything that the user has allowed, with a history entry for each. An error undoes nothing.

    source: where the request came from. Raises StoreUnavailable.
    """
    given = consent.given_by(user_id)
    applications = store.read_all([Application.key(one.client_id) for one in given])
    for one, found in zip(given, applications, strict=True):
        grant.take_back(user_id, one.client_id)
        security_event.record(
            user_id,
            security_event.Kind.REVOKE,
            source,
            client_id=one.client_id,
            application_name=found.name if found else None,
        )
