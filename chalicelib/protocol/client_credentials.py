"""The client credentials grant: an application asks for itself, with no user (RFC 6749 §4.4).

It gets what the operator allowed it: its own scopes, for its own organizers. Of oauthlib's steps these are the answers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from chalicelib import clock, credentials, settings
from chalicelib.models import consent, own_access
from chalicelib.models.access_token import AccessToken
from chalicelib.models.application import Application
from chalicelib.protocol import resource_indicators, scopes

GRANT_TYPE = "client_credentials"


def is_allowed(client: Application) -> bool:
    """A public application cannot prove that it is the one that asks (§4.4)."""
    return client.is_confidential and bool(client.own_scopes)


NOT_ALLOWED = "This application has no access of its own. The operator has to allow it."


def default_scopes(client: Application) -> list[str]:
    return scopes.ordered(client.own_scopes or ())


def are_allowed(client: Application, requested: Iterable[str]) -> bool:
    return set(requested) <= set(client.own_scopes or ())


def prepare(client: Application, request: Any) -> None:
    """Say what the token will be. Raises InvalidTargetError."""
    request.new_grant_id = own_access.new_id(client.client_id)
    requested = getattr(request, "resource", None)
    request.token_resource = resource_indicators.read(requested, issuer=request.uri)


def store(client: Application, grant_id: str, token: dict[str, Any], *, resource: str | None) -> None:
    now = clock.now()
    own_access.issue(
        AccessToken(
            grant_id=grant_id,
            token_digest=credentials.digest(token["access_token"]),
            user_id=client.client_id,
            client_id=client.client_id,
            scope=scopes.as_text(token["scope"].split()),
            organizers=set(client.own_organizers or ()) or None,
            resource=resource,
            issued_at=consent.moment_for(client),
            expires_at=now + settings.ACCESS_TOKEN_LIFETIME_SECONDS,
        )
    )
