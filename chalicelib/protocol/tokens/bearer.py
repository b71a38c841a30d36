"""Bearer tokens at a protected resource (RFC 6750): whose they are and what they allow."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from chalicelib import credentials, logs
from chalicelib.credentials import Kind
from chalicelib.models import application_access, grant
from chalicelib.models.access_token import AccessToken
from chalicelib.models.application import Application
from chalicelib.models.application_access import ApplicationStanding
from chalicelib.models.grant import GrantStanding
from chalicelib.models.user import User
from chalicelib.protocol.rules import given_scopes, resource_indicators, scopes, subjects
from chalicelib.protocol.rules.request_parameters import HTTP_BLANKS

_HEADER = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*) *", re.ASCII | re.IGNORECASE)
REALM = "Lanyard"
UNKNOWN = "The access token is unknown, was replaced or was revoked."


class BearerError(Exception):
    """Why a request is refused. status: the HTTP status. error: a code of RFC 6750 §3.1; None if no token was sent."""

    def __init__(self, status: int, error: str | None, description: str, scope: str | None = None) -> None:
        super().__init__(description)
        self.status = status
        self.error = error
        self.description = description
        self.scope = scope

    def challenge(self, metadata_url: str) -> str:
        """The value of WWW-Authenticate; without an error if no token was sent (RFC 6750 §3.1).

        metadata_url: of the resource's metadata, where a client finds its provider (RFC 9728 §5.1).
        """
        parts = [f'resource_metadata="{metadata_url}"']
        if self.error is not None:
            parts = [f'realm="{REALM}"', f'error="{self.error}"', f'error_description="{self.description}"', *parts]
        if self.scope:
            parts.append(f'scope="{self.scope}"')
        return "Bearer " + ", ".join(parts)


@dataclass(frozen=True)
class Access:
    """What a valid token allows at this moment.

    scopes: those that it was given and all that they include. organizers: those that the user allowed and still belongs
    to; for an application's own token, those it still has.
    """

    standing: GrantStanding | ApplicationStanding
    access_token: AccessToken
    scopes: frozenset[str]
    organizers: frozenset[str]

    @property
    def application(self) -> Application:
        return self.standing.application

    @property
    def user(self) -> User | None:
        """The user that the token is for; None for an application's own token."""
        return self.standing.user

    @property
    def subject(self) -> str:
        """What the application knows the user by; for its own token, its client id."""
        application = self.application
        return subjects.of(application, self.access_token.user_id) if self.user else application.public_id

    @property
    def resource(self) -> str | None:
        """The one resource that the token is valid for; None if it is not limited to one."""
        return self.access_token.resource


def authenticate(authorization: str | None, *, scope: str | None, resource: str = "") -> Access:
    """Return the access of a valid token that has `scope` (None: any scope will do).

    resource: the URL being called; a token for another resource is refused (RFC 8707). authorization: the header; a
    token in the query or in a form is ignored (RFC 6750 §2.1 only). Raises BearerError, StoreUnavailable. One round
    trip to the store, and one more for a user with shards of memberships (`user_organizers`).
    """
    sent = (authorization or "").strip(HTTP_BLANKS)
    if not sent.lower().startswith("bearer"):
        raise BearerError(401, None, "Send an access token: Authorization: Bearer ...")
    presented = _HEADER.fullmatch(sent)
    if presented is None:
        raise BearerError(400, "invalid_request", "The Authorization header must be Bearer and one token.")
    access = access_of(presented.group(1))
    logs.note(client_id=access.standing.application.public_id)
    if not resource_indicators.is_good_at(access.resource, resource):
        raise BearerError(401, "invalid_token", "The access token is for another resource.")
    if scope is not None and scope not in access.scopes:
        raise _too_little(access, scope)
    if isinstance(access.standing, GrantStanding):
        grant.touch(access.standing.grant)
    return access


def access_of(token: str) -> Access:
    """Return the access of a token. Raises BearerError if it is not valid, StoreUnavailable. Round trips: see
    `authenticate`."""
    named = credentials.recognize(token, Kind.ACCESS_TOKEN)
    if named is None:
        raise BearerError(401, "invalid_token", UNKNOWN)
    return access(named.names, lambda live: not live.signed and credentials.matches(token, live.token_digest))


def access(grant_id: str, is_presented: Callable[[AccessToken], bool]) -> Access:
    """Return the access of a grant's live access token. is_presented: whether that is the token in the request.

    Raises as `access_of` does.
    """
    standing = _standing(grant_id)
    live = standing.access_token if standing else None
    if standing is None or live is None or not is_presented(live):
        raise BearerError(401, "invalid_token", UNKNOWN)
    if live.is_expired:
        raise BearerError(401, "invalid_token", "The access token has expired.")
    if not standing.is_good:
        raise BearerError(
            401, "invalid_token", "The permission was revoked, or the user or the application was disabled."
        )
    allowed = frozenset(scopes.narrowed(_allowed(standing, live.scope.split()), live.resource))
    if not allowed and isinstance(standing, GrantStanding):  # as a refresh answers then
        raise BearerError(401, "invalid_token", "What the user allowed has ended, has changed or no longer exists.")
    return Access(standing, live, allowed, standing.organizers_among(live.organizers or ()))


def _allowed(standing: GrantStanding | ApplicationStanding, scopes_: list[str]) -> frozenset[str]:
    """What these scopes allow at this moment. What the operator allows an application has no end."""
    if isinstance(standing, ApplicationStanding):
        return scopes.allowed_to_application(scopes_, standing.allowed_scopes)
    return scopes.with_implied(scopes_) & scopes.with_implied(_granted(standing))


def _granted(standing: GrantStanding) -> frozenset[str]:
    return given_scopes.in_force(standing.grant.scope.split())


def _too_little(access: Access, scope: str) -> BearerError:
    """The challenge names what this request requires (RFC 6750 §3.1), and not what the token has: clients add the two
    (MCP 2026-07-28, step-up authorization). The description says so to developers."""
    described = f"This requires the scope {scope}."
    if isinstance(access.standing, GrantStanding):
        described += f" Request it with the others: {scopes.as_text({*_granted(access.standing), scope})}."
    return BearerError(403, "insufficient_scope", described, scope)


def _standing(grant_id: str) -> GrantStanding | ApplicationStanding | None:
    return application_access.standing(grant_id) if application_access.is_own(grant_id) else grant.standing(grant_id)
