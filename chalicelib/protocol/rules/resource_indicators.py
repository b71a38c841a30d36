"""Resource indicators: a token requested for one API works at no other (RFC 8707).

The known resources are those that the operator lists in RESOURCES or in the permission catalogue, and this provider's
own API, named by its URL. A
token that was requested without a resource works at all of them. A token names its resource as it is registered,
however the client spelled it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from oauthlib.oauth2 import OAuth2Error
from oauthlib.oauth2.rfc6749 import errors

from chalicelib import limits, resource_url, settings
from chalicelib.protocol.rules import scopes


class InvalidTargetError(OAuth2Error):  # type: ignore[misc] # oauthlib has no types and lacks this error (RFC 8707 §2)
    error = "invalid_target"


def repetition_error(names: Sequence[str]) -> OAuth2Error:
    """The error for a request that sent these parameters more than once. Several resources are no malformed request
    (§2), but a token here is for one."""
    if set(names) == {"resource"}:
        return InvalidTargetError("Send one resource: a token here is for one API, or for all of them.")
    return errors.InvalidRequestError(f"{names[0]} was sent more than once.")


def read(resource: str | None, *, issuer: str) -> str | None:
    """Return the requested resource as it is registered. Raises InvalidTargetError for an unknown one."""
    if resource is None:
        return None
    named = registered(resource) or (issuer if resource_url.is_same(resource, issuer) else None)
    if named is None:
        raise InvalidTargetError("This server issues no tokens for this resource.")
    return named


def narrowed(requested: str | None, granted: str | None, *, issuer: str) -> str | None:
    """Return a token's resource: the requested one, if it was granted (§2.2). Raises InvalidTargetError."""
    named = read(requested, issuer=issuer)
    if named is not None and granted is not None and not resource_url.is_same(named, granted):
        raise InvalidTargetError("resource is not the one that was authorized.")
    return named or granted


def scopes_at(resource: str | None, asked: Iterable[str]) -> list[str]:
    """Those of the scopes that the resource knows, in the fixed order. The others are left out, and the token response
    says so (§2, RFC 6749 §3.3). Raises InvalidScopeError if it knows none."""
    narrowed = scopes.narrowed(asked, resource)
    if resource and not narrowed:
        raise errors.InvalidScopeError(scopes.unknown_at(resource))
    return narrowed


def token_lifetime_seconds(resource: str | None) -> int:
    """How long an access token for this resource is valid; None for one that is good everywhere."""
    found = settings.SETTINGS.permissions.resource(resource) if resource else None
    return (found and found.token_lifetime_seconds) or limits.ACCESS_TOKEN_LIFETIME_SECONDS


def takes_jwts(resource: str | None, *, issuer: str) -> bool:
    """True if access tokens for this resource are signed: the catalogue says so, and it is not our own API."""
    found = settings.SETTINGS.permissions.resource(resource) if resource else None
    return found is not None and found.takes_jwts and not resource_url.is_same(found.address, issuer)


def as_in_catalogue(resource: str) -> str:
    """The address of a resource as the catalogue spells it; as it is, if it is not there."""
    found = settings.SETTINGS.permissions.resource(resource)
    return found.address if found else resource


def is_good_at(token_resource: str | None, resource: str) -> bool:
    """True if a token for `token_resource` is valid at `resource`. At "", only a token without a resource is."""
    return token_resource is None or resource_url.is_same(token_resource, resource)


def registered(resource: str) -> str | None:
    """Return the resource as the operator spelled it; None if it is not listed."""
    return next((listed for listed in settings.SETTINGS.resources if resource_url.is_same(listed, resource)), None)
