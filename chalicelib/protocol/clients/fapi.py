"""The FAPI 2.0 Security Profile, as a setting of an application: what it demands beyond what every application must do.

Whoever holds an application to it gives up compatibility for safety: requests only by push, signed assertions only, and
no grant without them. What the profile demands of the server for everybody (only `code`, `iss` in responses, no
rotation for confidential clients, no reuse of codes) is not repeated here.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from chalicelib import limits, settings
from chalicelib.messages import Message
from chalicelib.models import client_profile
from chalicelib.models.application import PRIVATE_KEY_JWT, Application, Profile
from chalicelib.protocol.clients.private_key_jwt import AssertionRules

# §5.4.1: the ones of ours that it allows. RS256 is not among them.
ASSERTION_ALGORITHMS = ("ES256", "PS256", "Ed25519")


def problem_with(described: Profile | Application, redirect_uris: Iterable[str]) -> Message | None:
    """Why an application like this cannot be held to the profile; None if it can. A whole sentence."""
    if described.auth_method != PRIVATE_KEY_JWT or not (described.jwks or described.jwks_uri):
        return Message("The FAPI 2.0 Security Profile needs an application that authenticates with signed assertions.")
    if described.device_grant:
        return Message("The FAPI 2.0 Security Profile has no sign-in for devices without a browser. Switch one off.")
    if any(urlsplit(uri).scheme != "https" for uri in redirect_uris):
        return Message("The FAPI 2.0 Security Profile allows only redirect URLs that start with https://.")
    return None


def problem_with_request(redirect_uri: str | None) -> str | None:
    """Why an authorization request is refused; None if it is not. redirect_uri: None if it names none (§5.3.2.2)."""
    if redirect_uri is None:
        return "redirect_uri is missing. This application must send it in each request."
    if urlsplit(redirect_uri).scheme != "https":  # which a document may say after the application was held to this
        return "redirect_uri must start with https://."
    return None


def accepted_methods(application: Application) -> tuple[str, ...]:
    """How the application may authenticate (RFC 7591 §2). §5.3.2.1: of ours, only signed assertions."""
    if application.is_held_to_fapi:
        return (PRIVATE_KEY_JWT,)
    return client_profile.accepted_methods(application.auth_method, is_named=application.is_method_named)


def assertion_rules(application: Application, *, issuer: str, token_endpoint: str) -> AssertionRules:
    """What the application's assertions must be like. §5.3.2.1: the issuer alone, as a string."""
    if application.is_held_to_fapi:
        return AssertionRules((issuer,), ASSERTION_ALGORITHMS, may_list_audience=False)
    return AssertionRules((issuer, token_endpoint))


def pushed_request_lifetime_seconds(application: Application) -> int:
    """§5.3.2.2: less than ten minutes."""
    if application.is_held_to_fapi:
        return limits.FAPI_PUSHED_REQUEST_LIFETIME_SECONDS
    return limits.PUSHED_REQUEST_LIFETIME_SECONDS


def code_lifetime_seconds(application: Application) -> int:
    """§5.3.2.2: at most a minute, whatever the operator allows other applications."""
    usual = settings.SETTINGS.code_lifetime_seconds
    return min(usual, limits.FAPI_CODE_LIFETIME_MAX_SECONDS) if application.is_held_to_fapi else usual
