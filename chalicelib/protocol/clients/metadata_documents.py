"""Client ID metadata documents: a client id that is an https URL, at which the application describes itself.

Nobody registers anything: the document is fetched when a signed-in user arrives, and kept for an hour. Only available
with open registration. (draft-ietf-oauth-client-id-metadata-document)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from oauthlib.oauth2 import OAuth2Error

from chalicelib import deadline, limits, logs, outbound, settings
from chalicelib.messages import Message
from chalicelib.models import metadata_document_client, store, throttle
from chalicelib.models.application import NONE, PRIVATE_KEY_JWT, Application
from chalicelib.models.user import User
from chalicelib.protocol.clients import client_metadata
from chalicelib.protocol.errors import NotThisApplication
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


def current(client_id: str, known: Application | None, user: User) -> Application:
    """The application at this URL, as its document describes it now. known: the application as stored, or None.

    Raises NotThisApplication with the reason if its document cannot be fetched or used, and StoreUnavailable if the
    store has left no time for it.
    """
    if known is not None and (not known.active or known.is_deleted or known.is_fresh):
        return known
    with _counted(user):  # once, also for a document whose keys are in another file at its host
        try:
            found = _read(outbound.fetch(client_id), client_id)
        except outbound.FetchError as error:
            raise _unusable(f"{error}.") from error
        except OAuth2Error as error:
            raise _unusable(error.description) from error
        except deadline.DeadlineExceeded as error:
            raise store.StoreUnavailable(type(error).__name__) from error
        logs.note(document="fetched")
        return _keep(client_id, found)


def _unusable(problem: str) -> NotThisApplication:
    return NotThisApplication(
        "client", Message("The document at client_id cannot be used: %(problem)s", problem=problem)
    )


@contextmanager
def _counted(user: User) -> Iterator[None]:
    """Raises NotThisApplication. A failed fetch counts; a document that the store could not keep does not."""
    limit = throttle.Limit(throttle.named("metadata documents", user.user_id), limits.DOCUMENT_FETCHES_PER_USER)
    try:
        with throttle.trying([limit], window_seconds=limits.DOCUMENT_WINDOW_SECONDS):
            yield
    except throttle.TooManyTries as error:
        logs.note(security_event="metadata documents throttled")
        raise NotThisApplication(
            "client", Message("Too many documents were fetched for you recently. Try again later.")
        ) from error


def _read(body: bytes, client_id: str) -> client_metadata.ClientMetadata:
    try:
        document = strict_json.read_object(body)
    except strict_json.NotStrict as error:
        raise client_metadata.InvalidClientMetadataError("It is not a JSON object.") from error
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
    except outbound.FetchError as error:
        raise client_metadata.InvalidClientMetadataError(f"Its jwks_uri: {error}.") from error
    except strict_json.NotStrict as error:
        raise client_metadata.InvalidClientMetadataError("Its jwks_uri is not a JSON object.") from error


def _keep(client_id: str, found: client_metadata.ClientMetadata) -> Application:
    try:
        return metadata_document_client.keep(
            client_id,
            name=found.name,
            redirect_uris=found.redirect_uris,
            profile=found.profile,
            about=found.about,
        )
    except store.ConditionFailed as error:
        raise NotThisApplication("client", Message("This application was disabled.")) from error


def _has_dots(path: str) -> bool:
    return any(segment.lower().replace("%2e", ".") in (".", "..") for segment in path.split("/"))
