"""Client authentication: which application is asking, and how it proves it (RFC 6749 §2.3.1)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote_plus

from oauthlib.oauth2.rfc6749 import errors

CHALLENGE = 'Basic realm="Lanyard", charset="UTF-8"'
_ID_LIMIT_CHARACTERS = 128


@dataclass(frozen=True)
class ClientCredentials:
    client_id: str
    client_secret: str


def read(authorization: str | None, parameters: Mapping[str, str]) -> ClientCredentials:
    """What the client sent to prove who it is.

    authorization: the Authorization header. parameters: those of the form.
    Raises InvalidClientError for a header that is missing or malformed, InvalidRequestError for two ways at once and
    for two client ids.
    """
    if authorization is None:
        raise errors.InvalidClientError("Send the client id and secret with HTTP Basic authentication.")
    found = _read_basic(authorization)
    if "client_secret" in parameters:
        raise errors.InvalidRequestError("Authenticate once: with HTTP Basic or in the form, not with both.")
    if parameters.get("client_id", found.client_id) != found.client_id:
        raise errors.InvalidRequestError("The form names another client_id than the Authorization header.")
    return found


def _read_basic(authorization: str) -> ClientCredentials:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise errors.InvalidClientError("The Authorization header must use the Basic scheme.")
    try:
        name, colon, secret = _decode_base64(encoded.strip(" ")).decode("utf-8").partition(":")
        client_id, client_secret = unquote_plus(name, errors="strict"), unquote_plus(secret, errors="strict")
    except (binascii.Error, ValueError) as error:
        raise errors.InvalidClientError("The Basic credentials cannot be decoded.") from error
    if not colon or not 0 < len(client_id) <= _ID_LIMIT_CHARACTERS or not client_secret:
        raise errors.InvalidClientError("The Basic credentials must be a client id, a colon and a client secret.")
    return ClientCredentials(client_id, client_secret)


def _decode_base64(text: str) -> bytes:
    """Raises ValueError for all but the one proper spelling (RFC 4648 §3.5): Python overlooks stray bits at the end."""
    decoded = base64.b64decode(text, validate=True)
    if base64.b64encode(decoded).decode("ascii") != text:
        raise ValueError("not in its canonical form")
    return decoded
