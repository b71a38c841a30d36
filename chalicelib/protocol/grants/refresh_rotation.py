"""The rotating refresh tokens of public clients (RFC 9700 §4.14.2).

Each use of a refresh token returns its successor, which `refresh_chain` derives from it. So a client whose response was
lost, and several processes that share a token, get the same successor when they ask again, and nothing usable is
stored. A token from earlier in the chain was valid once, so presenting it again is a replay. A made-up token is not in
the chain and ends nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from oauthlib.oauth2.rfc6749 import errors

from chalicelib import clock, credentials, limits, logs, settings
from chalicelib.models import grant_ending, grant_rotation, security_event
from chalicelib.models.application import Application
from chalicelib.models.grant import Grant
from chalicelib.protocol.grants import refresh_chain
from chalicelib.protocol.grants.grant_type import CONNECT_AGAIN
from chalicelib.protocol.grants.refresh_chain import Successor


class Presented(Enum):
    """How a presented refresh token relates to its grant."""

    CURRENT = auto()
    REPEATED = auto()  # the previous token or the one before that, each within its grace period
    REPLAYED = auto()
    UNKNOWN = auto()


@dataclass(frozen=True)
class Use:
    """A refresh token that its client may continue with.

    tokens: what the client gets: for the current token its successors, for a repeated token the grant's current tokens.
    """

    presented: Presented
    tokens: Successor


def recognize(token: str, found: Grant) -> Presented:
    """How this token relates to the grant now."""
    if credentials.matches(token, found.refresh_digest):
        return Presented.CURRENT
    uses_ago = refresh_chain.uses_ago(token, found)
    if uses_ago is None:
        return Presented.UNKNOWN
    return Presented.REPEATED if _is_in_grace(uses_ago, found) else Presented.REPLAYED


def use(token: str, found: Grant, client: Application) -> Use:
    """Return what the client gets for a refresh token. A replay ends the grant, since either party may be the thief.

    Raises InvalidGrantError.
    """
    if credentials.matches(token, found.refresh_digest):
        return Use(Presented.CURRENT, refresh_chain.next_of(token, found))
    uses_ago = refresh_chain.uses_ago(token, found)
    if uses_ago is None:
        raise errors.InvalidGrantError(f"The refresh token is unknown. {CONNECT_AGAIN}")
    if not _is_in_grace(uses_ago, found):
        raise _replayed(found, client)
    given = refresh_chain.present_after(token, found, uses_ago)
    if given is None:
        raise errors.InvalidGrantError("The refresh token was used before. Use the one from the latest response.")
    return Use(Presented.REPEATED, given)


def end_if_used_before_bound(token: str, found: Grant, client: Application) -> None:
    """End the grant if this token was used before the grant was bound to a key, which the caller cannot prove.

    Whoever used it bound its successors. So either the caller or the one who has the key is a thief: with the key, a
    thief must not get rid of the other's replays as well. Raises InvalidGrantError.
    """
    if found.bound_since is None:
        return
    uses_ago = refresh_chain.uses_ago(token, found)
    if uses_ago is not None and found.generation - uses_ago < found.bound_since:
        raise _replayed(found, client)


def count_repeat(found: Grant, client: Application) -> None:
    """Count a repeat that came after the rotation it repeats. Ends the grant if every recent rotation was repeated.

    A response is lost now and then. But if repeats within the grace period follow one rotation after another, two
    parties have the token and one of them stole it. Raises InvalidGrantError.
    """
    if grant_rotation.note_repeat(found) <= limits.REFRESH_REPEATED_ROTATIONS_LIMIT:
        return
    logs.note(security_event="refresh token repeatedly replayed")
    end_replayed_grant(found, client)
    raise errors.InvalidGrantError(
        f"The refresh token was repeated after each of the last refreshes, so its grant has ended. {CONNECT_AGAIN}"
    )


def _replayed(found: Grant, client: Application) -> errors.InvalidGrantError:
    """End the grant. Returns the error to respond with."""
    logs.note(security_event="refresh token replayed")
    end_replayed_grant(found, client)
    return errors.InvalidGrantError(f"The refresh token was used before, so its grant has ended. {CONNECT_AGAIN}")


def end_replayed_grant(found: Grant, client: Application) -> None:
    """End a grant because a token or code was replayed, and record that in the user's history."""
    _end(found, client, security_event.Kind.REPLAY_DETECTED)


def end_interrupted(found: Grant, client: Application) -> None:
    """End a grant whose tokens never reached the client, and tell the user in their history to connect it again."""
    _end(found, client, security_event.Kind.CONNECTION_INTERRUPTED)


def _end(found: Grant, client: Application, kind: security_event.Kind) -> None:
    grant_ending.end(found)
    security_event.record(found.user_id, kind, client_id=client.client_id, application_name=client.name)


def _is_in_grace(uses_ago: int, found: Grant) -> bool:
    """True if the token was superseded just now. Two generations have a grace period: processes may share a token."""
    superseded_at = {1: found.rotated_at, 2: found.rotated_before_at}.get(uses_ago)
    return superseded_at is not None and clock.now() - superseded_at < settings.SETTINGS.refresh_grace_seconds
