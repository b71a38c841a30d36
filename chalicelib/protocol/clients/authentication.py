"""Client authentication: which application sent the request, and proof of it (RFC 6749 §2.3, RFC 7591 §2).

An application with a secret may send it with HTTP Basic or in the form, each time anew, but never with both at once. If
its registration named one method, it must use that one. An application without a secret has no choice.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote_plus

from oauthlib.oauth2 import OAuth2Error
from oauthlib.oauth2.rfc6749 import errors

from chalicelib import credentials, limits, logs
from chalicelib.models import store
from chalicelib.models.application import BASIC, NONE, POST, PRIVATE_KEY_JWT, Application
from chalicelib.protocol.clients import fapi, hashed_secrets, private_key_jwt, recent_requests
from chalicelib.protocol.rules import paths, request_parameters

_HOW = {
    BASIC: f"{BASIC}: send its client id and secret with HTTP Basic authentication.",
    POST: f"{POST}: send its client_id and client_secret in the form.",
    PRIVATE_KEY_JWT: f"{PRIVATE_KEY_JWT}: send a client_assertion that its key signed.",
    NONE: f"{NONE}: send its client_id in the form, and no secret.",
}
_EITHER_WAY = (
    "This application has a secret: send its client id and secret, with HTTP Basic authentication or in the form."
)
CHALLENGE = 'Basic realm="Lanyard", charset="UTF-8"'


@dataclass(frozen=True)
class PresentedClient:
    """What a client sent. method: RFC 7591's name for it. proof: the secret or assertion; "" if there is none."""

    client_id: str
    method: str
    proof: str


def read(authorization: str | None, parameters: Mapping[str, str]) -> PresentedClient:
    """Read a client's credentials.

    authorization: the Authorization header, or None. parameters: the form's.
    Raises InvalidClientError if the header is malformed or no client is named, InvalidRequestError if there are two
    methods or two client ids.
    """
    if authorization is None:
        return _read_form(parameters)
    found = _read_basic(authorization)
    if "client_secret" in parameters or "client_assertion" in parameters:
        raise errors.InvalidRequestError("Authenticate once: with HTTP Basic or in the form, not with both.")
    if parameters.get("client_id", found.client_id) != found.client_id:
        raise errors.InvalidRequestError("The client_id in the form differs from the one in the Authorization header.")
    return found


def claimed_client_id(authorization: str | None, body: bytes) -> str:
    """The client id in a request that may be malformed in any way; "" if none is found. It proves nothing.

    A JSON body counts too: to send one is a common mistake.
    """
    with suppress(OAuth2Error):
        if authorization is not None:
            return _read_basic(authorization).client_id
    try:
        parsed = json.loads(body) if body.lstrip().startswith(b"{") else dict(parse_qsl(body.decode()))
        claimed = parsed.get("client_id") or private_key_jwt.claimed_client_id(str(parsed.get("client_assertion", "")))
    except (ValueError, RecursionError):  # ValueError: JSONDecodeError and UnicodeDecodeError are two
        return ""
    return claimed if isinstance(claimed, str) and _is_client_id(claimed) else ""


def authenticate(authorization: str | None, parameters: Mapping[str, str], *, issuer: str) -> Application:
    """Return the client that sent the request. Raises InvalidClientError, InvalidRequestError. One round trip."""
    sent = read(authorization, parameters)
    application = store.read(Application.key(sent.client_id))[0]
    return check(sent, application, issuer=issuer)


def check(sent: PresentedClient, application: Application | None, *, issuer: str) -> Application:
    """Return the application once it is authenticated. Raises InvalidClientError. An unknown client and a wrong secret
    get the same message. Only the first costs no write, since client ids are no secret (RFC 6749 §2.2).

    issuer: this provider's URL, which an assertion must name as its audience. Raises TooManyRequestsError and
    StoreUnavailable too, only while the secret of an imported application has not been used yet; BeingFetched and
    StoreUnavailable for one that has a jwks_uri.
    """
    logs.note(client_id=sent.client_id if application else "unknown")
    is_named = application is not None and application.public_id == sent.client_id
    recent_requests.note_application(application if is_named else None)
    secret_digest = _valid_secret(sent.proof, application)
    if application is None or not application.active:
        raise _unproven()
    if not is_named:  # it is stored under a derived id, which was sent
        raise _unproven()
    accepted = fapi.accepted_methods(application)
    if sent.method not in accepted:
        # It is no secret that a client exists (RFC 6749 §2.2), and its developer needs to know how to authenticate.
        how = _EITHER_WAY if len(accepted) > 1 else f"This application registered {_HOW[accepted[0]]}"
        raise errors.InvalidClientError(how)
    if sent.method == PRIVATE_KEY_JWT:
        rules = fapi.assertion_rules(application, issuer=issuer, token_endpoint=issuer + paths.TOKEN)
        jwks = _keys(application, sent.proof, rules)
        private_key_jwt.check(sent.proof, client_id=sent.client_id, jwks=jwks, rules=rules)
    elif sent.method != NONE and secret_digest is None:
        secret_digest = hashed_secrets.valid_digest(sent.proof, application)
        if secret_digest is None:
            raise _unproven()
    recent_requests.note_application(
        application, is_authenticated=application.is_confidential, secret_digest=secret_digest
    )
    return application


def _keys(application: Application, assertion: str, rules: private_key_jwt.AssertionRules) -> str:
    """The application's key set. If it publishes one, it may be fetched: see `published_keys.current`."""
    if application.jwks_uri is None:
        return application.jwks or '{"keys":[]}'
    from chalicelib.protocol.clients import published_keys

    return published_keys.current(application, assertion, rules.algorithms)


def _valid_secret(secret: str, application: Application | None) -> str | None:
    """The digest of the valid secret that this is: a rotation has several. Always makes as many comparisons."""
    live = application.live_secret_digests if application else ()
    most = limits.OLDER_SECRETS_LIMIT + 1
    fitting = [digest for digest in (*live, *[None] * most)[:most] if credentials.matches(secret, digest)]
    return fitting[0] if fitting else None


def _unproven() -> errors.InvalidClientError:
    return errors.InvalidClientError("The client is unknown, or its secret is wrong. Check client id and secret.")


def _is_client_id(text: str) -> bool:
    return request_parameters.is_id(text, limit=limits.CLIENT_ID_LIMIT_CHARACTERS)


def _read_form(parameters: Mapping[str, str]) -> PresentedClient:
    client_id, secret = parameters.get("client_id", ""), parameters.get("client_secret", "")
    if "client_assertion" in parameters or "client_assertion_type" in parameters:
        if secret:
            raise errors.InvalidRequestError("Authenticate once: with a client_secret or an assertion, not with both.")
        return _read_assertion(parameters)
    if not _is_client_id(client_id):
        raise errors.InvalidClientError("Send the client id and secret, with HTTP Basic authentication or in the form.")
    return PresentedClient(client_id, POST if secret else NONE, secret)


def _read_assertion(parameters: Mapping[str, str]) -> PresentedClient:
    assertion = parameters.get("client_assertion", "")
    if parameters.get("client_assertion_type") != private_key_jwt.TYPE or not assertion:
        raise errors.InvalidClientError(f"Send a client_assertion, and {private_key_jwt.TYPE} as its type.")
    client_id = private_key_jwt.claimed_client_id(assertion)
    if not _is_client_id(client_id):
        raise errors.InvalidClientError("The client_assertion does not name its client in sub.")
    if parameters.get("client_id", client_id) != client_id:
        raise errors.InvalidRequestError("The client_id in the form differs from the one in the client_assertion.")
    return PresentedClient(client_id, PRIVATE_KEY_JWT, assertion)


def _read_basic(authorization: str) -> PresentedClient:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise errors.InvalidClientError("The Authorization header must use the Basic scheme.")
    try:
        name, colon, secret = _decode_base64(encoded.strip(" ")).decode("utf-8").partition(":")
        client_id, client_secret = unquote_plus(name, errors="strict"), unquote_plus(secret, errors="strict")
    except (binascii.Error, ValueError) as error:
        raise errors.InvalidClientError("The Basic credentials cannot be decoded.") from error
    if not colon or not _is_client_id(client_id) or not client_secret:
        raise errors.InvalidClientError("The Basic credentials must be a client id, a colon and a client secret.")
    return PresentedClient(client_id, BASIC, client_secret)


def _decode_base64(text: str) -> bytes:
    """Raises ValueError for all but the canonical encoding (RFC 4648 §3.5). Python ignores stray bits at the end."""
    decoded = base64.b64decode(text, validate=True)
    if base64.b64encode(decoded).decode("ascii") != text:
        raise ValueError("not in canonical form")
    return decoded
