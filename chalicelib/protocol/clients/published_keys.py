"""The keys that an application publishes at its `jwks_uri` (RFC 7591 §2).

They are fetched when it registers; again when an assertion is signed by none of them, for it may have a new key; and
again when they are an hour old, for a key may have been withdrawn. There is at most one such fetch a minute for an
application, whatever arrives and however many processes there are. One that fails changes nothing.

Only applications that have a `jwks_uri` pay for the import of this module and of what fetches.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from oauthlib.oauth2 import OAuth2Error
from oauthlib.oauth2.rfc6749 import errors

from chalicelib import deadline, limits, logs, outbound
from chalicelib.messages import Message
from chalicelib.models import published_keys, store
from chalicelib.models.application import Application
from chalicelib.protocol.clients import private_key_jwt
from chalicelib.protocol.clients.private_key_jwt import KeysProblem
from chalicelib.protocol.rules import public_keys, strict_json

# What a key is made of, without certificates.
_MEMBERS = ("kty", "kid", "use", "key_ops", "alg", "crv", "x", "y", "n", "e")
_KIND = replace(outbound.JSON, limit=limits.PUBLISHED_KEYS_LIMIT_BYTES)


class BeingFetched(OAuth2Error):  # type: ignore[misc] # oauthlib has no types
    """Another request has just begun to fetch the keys that this one may need. A 503 response (RFC 9110 §15.6.4)."""

    error = "temporarily_unavailable"
    status_code = 503
    retry_after_seconds = 1

    def __init__(self) -> None:
        super().__init__("The keys at jwks_uri are being fetched. Repeat the request in a second.")


def fetch(uri: str) -> str:
    """The key set at this address: the keys that can check signatures, without what else is there.

    Raises KeysProblem, whose message completes a sentence that begins with "jwks_uri"; and StoreUnavailable if the
    request had no time left for it.
    """
    try:
        found = strict_json.read_object(outbound.fetch(uri, _KIND)).get("keys")
    except outbound.FetchError as error:
        raise KeysProblem(Message("cannot be used: %(problem)s", problem=str(error))) from error
    except strict_json.NotStrict as error:
        raise KeysProblem(Message("is not JSON")) from error
    except deadline.DeadlineExceeded as error:
        raise store.StoreUnavailable(type(error).__name__) from error
    if not isinstance(found, list) or not all(map(public_keys.is_public, found)):
        raise KeysProblem(Message("must be a JWK set of public keys"))
    usable = [{name: key[name] for name in _MEMBERS if name in key} for key in found if _is_usable(key)]
    return private_key_jwt.checked_keys({"keys": usable})


def current(application: Application, assertion: str, algorithms: Collection[str]) -> str:
    """The key set that decides about this assertion: the stored one, or what is at `jwks_uri` now.

    Raises, for one that is not signed by a stored key, InvalidClientError if the new ones cannot be fetched now, and
    BeingFetched; StoreUnavailable.
    """
    stored = str(application.jwks)
    is_known = private_key_jwt.is_signed(assertion, stored, algorithms)
    if is_known and published_keys.are_fresh(application):
        return stored
    if not private_key_jwt.is_readable(assertion, algorithms):
        return stored  # no key could have signed it
    if not published_keys.may_be_asked_for(application):
        if is_known:
            return stored
        raise (
            BeingFetched
            if published_keys.are_being_fetched(application)
            else _refused("the ones at jwks_uri were fetched less than a minute ago.")
        )
    try:
        return _fetched_again(application)
    except published_keys.AskedAlready as error:
        if is_known:
            return stored
        raise BeingFetched from error
    except KeysProblem as error:
        logs.note(published_keys=str(error))
        if is_known:
            return stored
        raise _refused(f"jwks_uri {error}.") from error


def _fetched_again(application: Application) -> str:
    """Raises AskedAlready, KeysProblem, StoreUnavailable."""
    claimed_at = published_keys.claim(application)
    jwks = fetch(str(application.jwks_uri))
    published_keys.keep(application, jwks, claimed_at=claimed_at)
    logs.note(published_keys="fetched")
    return jwks


def _refused(reason: str) -> errors.InvalidClientError:
    return errors.InvalidClientError(
        f"The client_assertion cannot be accepted: it was not signed by any of the known keys, and {reason}"
    )


def _is_usable(key: Mapping[str, Any]) -> bool:
    try:
        return public_keys.is_fit(key)
    except public_keys.Unreadable:
        return False
