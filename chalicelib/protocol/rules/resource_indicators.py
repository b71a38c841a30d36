"""Resource indicators: a token requested for one API works at no other (RFC 8707).

The known resources are this provider's own API, named by its URL, and those that the operator lists in RESOURCES. A
token that was requested without a resource works at all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from oauthlib.oauth2 import OAuth2Error
from oauthlib.oauth2.rfc6749 import errors

from chalicelib import settings


class InvalidTargetError(OAuth2Error):  # type: ignore[misc] # oauthlib has no types and lacks this error (RFC 8707 §2)
    error = "invalid_target"


def repetition_error(names: Sequence[str]) -> OAuth2Error:
    """The error for a request that sent these parameters more than once. Several resources are no malformed request
    (§2), but a token here is for one."""
    if set(names) == {"resource"}:
        return InvalidTargetError("Send one resource: a token here is for one API, or for all of them.")
    return errors.InvalidRequestError(f"{names[0]} was sent more than once.")


def read(resource: str | None, *, issuer: str) -> str | None:
    """Return the requested resource in its stored spelling. Raises InvalidTargetError for an unknown one."""
    if resource is None:
        return None
    named = spelled(resource)
    if named != spelled(issuer) and not is_known(named):
        raise InvalidTargetError("This server issues no tokens for this resource.")
    return named


def narrowed(requested: str | None, granted: str | None, *, issuer: str) -> str | None:
    """Return a token's resource: the requested one, if it was granted (§2.2). Raises InvalidTargetError."""
    named = read(requested, issuer=issuer)
    if granted is not None and named not in (None, granted):
        raise InvalidTargetError("resource is not the one that was authorized.")
    return named or granted


def is_good_at(token_resource: str | None, resource: str) -> bool:
    """True if a token for `token_resource` is valid at `resource`. At "", only a token without a resource is."""
    return token_resource is None or token_resource == spelled(resource)


def is_known(resource: str) -> bool:
    """True if the operator lists the resource."""
    return spelled(resource) in map(spelled, settings.SETTINGS.resources)


def spelled(resource: str) -> str:
    """A URL's stored spelling. A URL without a path can be written with or without a slash; the shorter is stored."""
    try:
        has_no_path = urlsplit(resource).path == "/"
    except ValueError:  # not a URL, so it has only one spelling
        return resource
    return resource.rstrip("/") if has_no_path else resource
