"""The rotating refresh tokens of public clients (RFC 9700 §4.14.2).

Each use of a refresh token gives its successor, which is derived from it with the server's key. So a client whose
answer got lost, or several processes that share a token, get the same successor when they ask again, and nothing that
could be used is stored. The derivations also form a chain: a token from which the present one follows was good once,
and presenting it again is a replay; one that was made up leads nowhere and ends nothing.
"""

from __future__ import annotations

from enum import Enum, auto

from chalicelib import clock, credentials, logs, server_key, settings
from chalicelib.credentials import Kind
from chalicelib.models import grant, security_event
from chalicelib.models.application import Application
from chalicelib.models.grant import Grant


class Presented(Enum):
    """What a refresh token is to a grant."""

    CURRENT = auto()
    REPEATED = auto()  # the one before, within the grace
    REPLAYED = auto()
    UNKNOWN = auto()


def next_refresh_token(token: str, grant_id: str) -> str:
    return credentials.mint_derived(Kind.REFRESH_TOKEN, grant_id, key=server_key.read(), source=token)


def next_access_token(token: str, grant_id: str) -> str:
    return credentials.mint_derived(Kind.ACCESS_TOKEN, grant_id, key=server_key.read(), source=token)


def recognize(token: str, found: Grant) -> Presented:
    """What is this token to this grant, as it stands?"""
    if credentials.matches(token, found.refresh_digest):
        return Presented.CURRENT
    uses_ago = _uses_ago(token, found)
    if uses_ago is None:
        return Presented.UNKNOWN
    in_grace = found.rotated_at is not None and clock.now() - found.rotated_at < settings.SETTINGS.refresh_grace_seconds
    return Presented.REPEATED if uses_ago == 1 and in_grace else Presented.REPLAYED


def is_usable(token: str, found: Grant, client: Application) -> bool:
    """May the client go on with it? A replay ends the grant: either side of it may be the thief."""
    presented = recognize(token, found)
    if presented is Presented.REPLAYED:
        logs.note(security_event="refresh token replayed")
        end_robbed(found.grant_id, client)
    return presented in (Presented.CURRENT, Presented.REPEATED)


def end_robbed(grant_id: str, client: Application) -> None:
    """End a grant because what was used once was used again, and let its user see that."""
    grant.end(grant_id)
    security_event.record(
        grant.user_of(grant_id),
        security_event.Kind.REPLAY_DETECTED,
        client_id=client.client_id,
        application_name=client.name,
    )


def _uses_ago(token: str, found: Grant) -> int | None:
    """How many steps lead from `token` to the grant's present one; None where none do."""
    for step in range(1, min(found.generation, settings.REFRESH_GENERATIONS_LIMIT) + 1):
        token = next_refresh_token(token, found.grant_id)
        if credentials.matches(token, found.refresh_digest):
            return step
    return None
