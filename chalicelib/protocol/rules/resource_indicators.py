"""Resource indicators: a token that was asked for one API is good at no other (RFC 8707).

Known are this provider's own API, by its address, and those that the operator lists in RESOURCES. A token that was
asked for without a resource is good at all of them, as it always was.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from oauthlib.oauth2 import OAuth2Error

from chalicelib import settings


class InvalidTargetError(OAuth2Error):  # type: ignore[misc] # oauthlib has no types, and lacks this error of RFC 8707 §2
    error = "invalid_target"


def read(resource: str | None, *, issuer: str) -> str | None:
    """The resource that a request names, as it is stored. Raises InvalidTargetError for an unknown one."""
    if resource is None:
        return None
    named = spelled(resource)
    if named != spelled(issuer) and not is_known(named):
        raise InvalidTargetError("resource is none that this server issues tokens for.")
    return named


def narrowed(requested: str | None, granted: str | None, *, issuer: str) -> str | None:
    """What a token is for: what is asked for now, if it was granted (§2.2). Raises InvalidTargetError."""
    named = read(requested, issuer=issuer)
    if granted is not None and named not in (None, granted):
        raise InvalidTargetError("resource is not the one that was authorized.")
    return named or granted


def is_good_at(token_resource: str | None, resource: str) -> bool:
    """May a token that names `token_resource` be used at `resource`? Where that is "", only one that names none."""
    return token_resource is None or token_resource == spelled(resource)


def is_known(resource: str) -> bool:
    """Does the operator list it?"""
    return spelled(resource) in map(spelled, settings.SETTINGS.resources)


def spelled(resource: str) -> str:
    """An address without a path has two spellings, with and without a slash; the shorter one is stored."""
    try:
        has_no_path = urlsplit(resource).path == "/"
    except ValueError:  # no address, so it has the one spelling
        return resource
    return resource.rstrip("/") if has_no_path else resource
