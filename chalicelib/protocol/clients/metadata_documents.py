"""Client ID metadata documents: a client id that is an https URL, at which the application describes itself.

Nobody registers anything. `described_clients` fetches the documents; this file says what is one, and what it says. Only
available with open registration. (draft-ietf-oauth-client-id-metadata-document)
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from chalicelib import limits, outbound, settings
from chalicelib.models.application import NONE, PRIVATE_KEY_JWT
from chalicelib.protocol.clients import client_metadata
from chalicelib.protocol.rules import strict_json

_METHODS = "token_endpoint_auth_methods_supported"
_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/-]+", re.ASCII)
_HOST = re.compile(r"([a-z0-9-]+\.)+[a-z][a-z0-9-]*", re.ASCII)  # excludes IP addresses, including ones like 127.1


def is_one(client_id: str) -> bool:
    """True if this client id can be a document's URL. Only one spelling can, because it is compared byte for byte."""
    if not client_id.startswith("https://") or len(client_id) > limits.CLIENT_ID_LIMIT_CHARACTERS:
        return False
    try:
        parts = urlsplit(client_id)
    except ValueError:
        return False
    if client_id != f"https://{parts.netloc}{parts.path}" or not _HOST.fullmatch(parts.netloc):
        return False
    return bool(_PATH.fullmatch(parts.path)) and not _has_dots(parts.path)


def are_taken() -> bool:
    """True if the operator has opened registration."""
    return settings.SETTINGS.registration == settings.OPEN


def parse(body: bytes) -> dict[str, Any]:
    """Raises InvalidClientMetadataError."""
    try:
        return strict_json.read_object(body)
    except strict_json.NotStrict as error:
        raise client_metadata.InvalidClientMetadataError("It is not a JSON object.") from error


def read(document: dict[str, Any], client_id: str) -> client_metadata.ClientMetadata:
    """What the document at `client_id` says. Its keys may be in another file at its host, which is fetched.

    Raises InvalidClientMetadataError, and Unreachable if its keys could not be fetched.
    """
    if document.get("client_id") != client_id:
        raise client_metadata.InvalidClientMetadataError("Its client_id is not its URL.")
    # Anybody can read the document, so it can hold no secret and no hash of one.
    if {"client_secret", "client_secret_expires_at"} & set(document):
        raise client_metadata.InvalidClientMetadataError("It must not have a client_secret.")
    found = client_metadata.read(_with_one_method(document, client_id), default_method=NONE)
    if found.profile.has_secret:
        raise client_metadata.InvalidClientMetadataError("token_endpoint_auth_method must be none or private_key_jwt.")
    return found


def _with_one_method(document: dict[str, Any], client_id: str) -> dict[str, Any]:
    """The document with the authentication method that it gets, and with its keys if it signs.

    token_endpoint_auth_method names one exactly. Beside a list of methods, it is only the client's favorite: the best
    one of the list counts (OpenID Connect Relying Party Metadata Choices). To sign, the client must also show its keys.
    """
    if _METHODS not in document:
        signs = document.get("token_endpoint_auth_method") == PRIVATE_KEY_JWT
        return _with_keys(document, client_id) if signs else document
    offered = client_metadata.strings(document, _METHODS, [])
    if PRIVATE_KEY_JWT in offered and ("jwks" in document or _has_own_keys(document, client_id)):
        return _with_keys({**document, "token_endpoint_auth_method": PRIVATE_KEY_JWT}, client_id)
    if NONE in offered:
        return {**document, "token_endpoint_auth_method": NONE}
    raise client_metadata.InvalidClientMetadataError(
        f"{_METHODS} must have none, or private_key_jwt beside jwks or a jwks_uri at the document's host."
    )


def _has_own_keys(document: dict[str, Any], client_id: str) -> bool:
    """True if jwks_uri is at the document's own host, so that fetching it reaches nobody else."""
    jwks_uri = document.get("jwks_uri")
    return isinstance(jwks_uri, str) and is_one(jwks_uri) and urlsplit(jwks_uri).netloc == urlsplit(client_id).netloc


def _with_keys(document: dict[str, Any], client_id: str) -> dict[str, Any]:
    """The document with its keys in jwks. They are fetched with it and kept as long as it."""
    if "jwks_uri" not in document:
        return document
    if "jwks" in document:  # RFC 7591 §2
        raise client_metadata.InvalidClientMetadataError("It must not have both jwks and jwks_uri.")
    if not _has_own_keys(document, client_id):
        raise client_metadata.InvalidClientMetadataError("jwks_uri must be an https URL at the document's host.")
    others = {name: value for name, value in document.items() if name != "jwks_uri"}
    try:
        return {**others, "jwks": strict_json.read_object(outbound.fetch(document["jwks_uri"]))}
    except outbound.Unreachable as error:
        raise outbound.Unreachable(f"its jwks_uri: {error}") from error
    except outbound.FetchError as error:
        raise client_metadata.InvalidClientMetadataError(f"Its jwks_uri: {error}.") from error
    except strict_json.NotStrict as error:
        raise client_metadata.InvalidClientMetadataError("Its jwks_uri is not a JSON object.") from error


def _has_dots(path: str) -> bool:
    return any(segment.lower().replace("%2e", ".") in (".", "..") for segment in path.split("/"))
