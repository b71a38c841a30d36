"""private_key_jwt: a client authenticates with a short-lived JWT signed with its private key (RFC 7523 §2.2, §3).

joserfc is imported only when an assertion or a key arrives: requests without one do not pay for the import.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from oauthlib.oauth2.rfc6749 import errors

from chalicelib import clock, limits
from chalicelib.messages import Message, Problem
from chalicelib.protocol.clients import assertion_use
from chalicelib.protocol.rules import public_keys, request_parameters, signed_tokens, strict_json

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = ("ES256", "RS256", "PS256", "Ed25519")
_KEYS_LIMIT = 10
_JWKS_LIMIT_CHARACTERS = 8192


@dataclass(frozen=True)
class AssertionRules:
    """What an assertion must be like. audiences: our names, of which it must name exactly one and nothing else.
    may_list_audience: it may do so in a list of one."""

    audiences: Collection[str]
    algorithms: Collection[str] = ALGORITHMS
    may_list_audience: bool = True


class KeysProblem(Problem):
    """These keys cannot be used to check assertions. The message completes a sentence that begins with their name."""


def read_keys(text: str) -> str:
    """A JWK set, checked and in its shortest spelling. text: JSON. Raises KeysProblem."""
    try:
        given = strict_json.read(text)
    except strict_json.NotStrict as error:
        raise KeysProblem(Message("is not JSON")) from error
    return checked_keys(given)


def checked_keys(given: object) -> str:
    """The same for parsed JSON. Raises KeysProblem."""
    keys = given.get("keys") if isinstance(given, dict) else None
    if not isinstance(keys, list) or not 0 < len(keys) <= _KEYS_LIMIT:
        raise KeysProblem(Message('must be a JWK set with 1 to %(limit)s keys: {"keys": [...]}', limit=_KEYS_LIMIT))
    for key in keys:
        _check_key(key)
    text = json.dumps({"keys": keys}, separators=(",", ":"))
    if len(text) > _JWKS_LIMIT_CHARACTERS:
        raise KeysProblem(Message("is longer than %(limit)s characters", limit=_JWKS_LIMIT_CHARACTERS))
    return text


def claimed_client_id(assertion: str) -> str:
    """The client id that an unverified assertion names in `sub`; "" if it names none."""
    try:
        _, payload, _ = assertion.split(".")
        subject = strict_json.read_object(signed_tokens.decoded(payload)).get("sub")
    except ValueError:
        return ""
    return subject if isinstance(subject, str) else ""


def is_readable(assertion: str, algorithms: Collection[str]) -> bool:
    """True for a JWT whose header names one of these algorithms, so that a key may have signed it."""
    try:
        return signed_tokens.header(assertion).get("alg") in algorithms
    except signed_tokens.NotSigned:
        return False


def is_signed(assertion: str, jwks: str, algorithms: Collection[str]) -> bool:
    """True if one of the keys signed it."""
    try:
        signed_tokens.verified(assertion, json.loads(jwks)["keys"], algorithms)
    except signed_tokens.NotSigned:
        return False
    return True


def check(assertion: str, *, client_id: str, jwks: str, rules: AssertionRules) -> None:
    """Raises InvalidClientError for an assertion that is not this client's, not for us, not valid now, or used before.

    Raises StillAnswering for an assertion whose request may still be in progress.

    jwks: the client's public keys.
    """
    claims = _verified(assertion, jwks, rules.algorithms)
    _check_claims(claims, client_id, rules)
    assertion_use.claim(client_id, claims["jti"], expires_at=claims["exp"] + limits.ASSERTION_KEPT_SECONDS)


def _check_claims(claims: dict[str, Any], client_id: str, rules: AssertionRules) -> None:
    if claims.get("iss") != client_id or claims.get("sub") != client_id:
        raise _refused("iss and sub must be the client id.")
    # One audience, not a list: with an assertion made for two servers, one of them could impersonate us to the other.
    audience = claims.get("aud")
    if rules.may_list_audience and isinstance(audience, list) and len(audience) == 1:
        audience = audience[0]
    if not isinstance(audience, str) or audience not in rules.audiences:
        way = "and nothing else" if rules.may_list_audience else "alone, as a string and not in a list"
        raise _refused(f"aud must be this server's issuer identifier {way}.")
    now, skew = clock.now(), limits.ASSERTION_SKEW_SECONDS
    for name in ("exp", "nbf", "iat"):
        if name in claims and (isinstance(claims[name], bool) or not isinstance(claims[name], int)):
            raise _refused(f"{name} must be a whole number of seconds.")
    if not now - skew < claims.get("exp", 0) <= now + limits.ASSERTION_LIFETIME_MAX_SECONDS + skew:
        raise _refused(f"exp must lie ahead, by at most {limits.ASSERTION_LIFETIME_MAX_SECONDS} seconds.")
    if max(claims.get("nbf", 0), claims.get("iat", 0)) > now + skew:
        raise _refused("nbf and iat must not lie ahead.")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not request_parameters.is_id(jti, limit=limits.NAME_LIMIT_CHARACTERS):
        raise _refused(f"jti must be printable ASCII, of at most {limits.NAME_LIMIT_CHARACTERS} characters.")


def _verified(assertion: str, jwks: str, algorithms: Collection[str]) -> dict[str, Any]:
    """Return the claims if one of the keys signed them. Raises InvalidClientError."""
    try:
        return signed_tokens.verified(assertion, json.loads(jwks)["keys"], algorithms)
    except signed_tokens.NotSigned as error:
        raise _refused(f"it {error}.") from error


def _check_key(key: object) -> None:
    if not isinstance(key, dict) or not public_keys.is_public(key):
        raise KeysProblem(Message("must contain only public keys, of the types RSA, EC and OKP"))
    try:
        is_fit = public_keys.is_fit(key)
    except public_keys.Unreadable as error:
        raise KeysProblem(Message("has a key that cannot be read")) from error
    if not is_fit:
        raise KeysProblem(
            Message(
                "must contain RSA keys of %(least)s to %(most)s bits, EC keys on P-256 or Ed25519 keys",
                least=public_keys.RSA_MIN_BITS,
                most=public_keys.RSA_MAX_BITS,
            )
        )


def _refused(reason: str) -> errors.InvalidClientError:
    return errors.InvalidClientError(f"The client_assertion cannot be accepted: {reason}")
