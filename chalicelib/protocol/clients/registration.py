"""Dynamic client registration: applications register themselves, if the operator allows it (RFC 7591, RFC 7592).

REGISTRATION says who may: nobody (`closed`), anybody with an initial access token (`token`), or everybody, a few times
an hour (`open`). An application that registered itself manages itself with its own token, even if the setting has
changed since.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

from oauthlib.oauth2 import OAuth2Error

from chalicelib import credentials, limits, logs, settings
from chalicelib.credentials import Kind
from chalicelib.keys import server_key
from chalicelib.models import application, application_deletion, application_edit, store, throttle
from chalicelib.models.application import Application, Profile
from chalicelib.protocol.clients import client_metadata, client_request, fapi, quotas, sectors
from chalicelib.protocol.clients.client_metadata import InvalidClientMetadataError
from chalicelib.protocol.clients.client_request import ClientRequest, ProtocolAnswer
from chalicelib.protocol.clients.private_key_jwt import KeysProblem
from chalicelib.protocol.clients.sectors import SectorProblem
from chalicelib.protocol.rules import paths, strict_json


class NotAuthorizedError(OAuth2Error):  # type: ignore[misc] # oauthlib has no types
    """No token, or one that is not valid here (RFC 6750 §3.1)."""

    error = "invalid_token"
    status_code = 401


class ClosedError(OAuth2Error):  # type: ignore[misc]
    error = "access_denied"
    status_code = 403


class DisabledError(OAuth2Error):  # type: ignore[misc]
    """The client does not have permission (RFC 7592 §2.1)."""

    error = "access_denied"
    status_code = 403


def registration_response(request: ClientRequest) -> ProtocolAnswer:
    """201 with the client id (§3.2.1), or an error (§3.2.2)."""
    return _challenged(client_request.answer(_create, request))


def read_response(request: ClientRequest, client_id: str) -> ProtocolAnswer:
    """The registered metadata (RFC 7592 §2.1). The secret is not stored, so it is not shown again."""
    return _challenged(client_request.answer(lambda asked: _read(asked, client_id), request))


def update_response(request: ClientRequest, client_id: str) -> ProtocolAnswer:
    """Replace the registered metadata (RFC 7592 §2.2)."""
    return _challenged(client_request.answer(lambda asked: _update(asked, client_id), request))


def deletion_response(request: ClientRequest, client_id: str) -> ProtocolAnswer:
    """204; the application's tokens end too (RFC 7592 §2.3)."""
    return _challenged(client_request.answer(lambda asked: _delete(asked, client_id), request))


def _create(request: ClientRequest) -> ProtocolAnswer:
    _check_may_register(request)
    is_vouched_for = settings.SETTINGS.registration == settings.WITH_TOKEN
    document = _read_json(request)
    metadata = client_metadata.read(document, is_vouched_for=is_vouched_for)
    if metadata.profile.is_public and not server_key.is_set():
        raise server_key.ServerKeyMissing
    client_id = credentials.new_id()
    token = credentials.mint(Kind.REGISTRATION_TOKEN, client_id)
    with _counted(request), _described_well():
        profile = sectors.registered(document, metadata.profile, metadata.redirect_uris)
        made, secret = application.create(
            client_id,
            owner_id=application.ITSELF,
            name=metadata.name,
            redirect_uris=metadata.redirect_uris,
            profile=_with_keys(profile),
            about=metadata.about,
            registration_digest=credentials.digest(token),
        )
    logs.note(outcome="application registered itself", client_id=client_id)
    shown = {"client_secret": secret, "client_secret_expires_at": 0} if secret else {}
    return ProtocolAnswer(201, {}, json.dumps({**_described(made, token, request.issuer), **shown}))


def _read(request: ClientRequest, client_id: str) -> ProtocolAnswer:
    found, token = _own(request, client_id)
    return ProtocolAnswer(200, {}, json.dumps(_described(found, token, request.issuer)))


def _update(request: ClientRequest, client_id: str) -> ProtocolAnswer:
    found, _ = _own(request, client_id)
    document = _read_json(request)
    if document.get("client_id") != client_id:
        raise InvalidClientMetadataError("client_id must be that of the client being updated.")
    if "client_secret" in document and not credentials.matches(str(document["client_secret"]), found.secret_digest):
        raise InvalidClientMetadataError("client_secret is not the current one; a client cannot choose its secret.")
    metadata = client_metadata.read(
        document,
        default_method=found.auth_method,
        is_vouched_for=bool(found.device_grant),
        known_type=found.application_type,
    )
    profile = metadata.profile
    if profile.auth_method == found.auth_method:  # it may only repeat what the response to its registration said
        profile = replace(profile, auth_method_named=found.auth_method_named)
    if found.is_held_to_fapi:  # which is not its own to change
        profile = replace(profile, fapi=True)
        if problem := fapi.problem_with(profile, metadata.redirect_uris):
            raise InvalidClientMetadataError(problem)
    if (profile.has_secret, profile.is_public) != (found.has_secret, not found.is_confidential):
        raise InvalidClientMetadataError("Whether a client has a secret cannot be changed; register a new client.")
    if profile.application_type != found.application_type:
        raise InvalidClientMetadataError("application_type cannot be changed; register a new client.")
    if sectors.are_changed(document, found):
        raise InvalidClientMetadataError("subject_type cannot be changed; register a new client.")
    with _described_well():
        profile = sectors.updated(document, profile, metadata.redirect_uris, found)
    if profile.jwks_uri is not None:
        with _counted(request):  # as a registration, for it makes this server fetch something too
            profile = _with_keys(profile)
    try:
        application_edit.edit(
            client_id,
            name=metadata.name,
            redirect_uris=metadata.redirect_uris,
            profile=profile,
            about=metadata.about,
            only_while_active=True,
        )
    except store.ConditionFailed:
        _own(request, client_id)  # raises the reason if the client was disabled or deleted just now
        raise
    logs.note(outcome="application changed itself", client_id=client_id)
    return _read(request, client_id)


def _with_keys(profile: Profile) -> Profile:
    """The profile with the keys at its jwks_uri, if it has one. Raises InvalidClientMetadataError, StoreUnavailable."""
    if profile.jwks_uri is None:
        return profile
    from chalicelib.protocol.clients import published_keys

    try:
        return replace(profile, jwks=published_keys.fetch(profile.jwks_uri))
    except KeysProblem as error:
        raise InvalidClientMetadataError(f"jwks_uri {error}.") from error


def _delete(request: ClientRequest, client_id: str) -> ProtocolAnswer:
    _own(request, client_id)
    application_deletion.delete(client_id)
    logs.note(outcome="application deleted itself", client_id=client_id)
    return ProtocolAnswer(204)


def _check_may_register(request: ClientRequest) -> None:
    mode = settings.SETTINGS.registration
    if mode == settings.CLOSED:
        raise ClosedError("Applications cannot register themselves here.")
    if mode == settings.WITH_TOKEN:
        token = _bearer(request) or ""
        fits = [credentials.matches(token, digest) for digest in settings.SETTINGS.registration_token_digests]
        if not any(fits):
            raise NotAuthorizedError("Registration requires an initial access token: Authorization: Bearer ...")


@contextmanager
def _described_well() -> Iterator[None]:
    """Raises InvalidClientMetadataError for a client that cannot have the sector that it asks for."""
    try:
        yield
    except SectorProblem as error:
        raise InvalidClientMetadataError(error.message) from error


def _counted(request: ClientRequest) -> AbstractContextManager[None]:
    """Raises TooManyRequestsError. Counts before the store is written, and takes the count back if that fails.

    A web page can register from the addresses of all its visitors, so pages together have a limit of their own.
    """
    by_scripts = throttle.Limit(throttle.named("registration by scripts"), limits.REGISTRATIONS_BY_SCRIPTS)
    quota = [
        *throttle.per_network("registration address", request.address, limits.REGISTRATIONS_PER_ADDRESS),
        *([by_scripts] if request.is_from_script else []),
        throttle.Limit(throttle.named("registration"), limits.REGISTRATIONS_IN_ALL),
    ]
    return quotas.counted("registrations", quota, window_seconds=limits.REGISTRATION_WINDOW_SECONDS)


def _own(request: ClientRequest, client_id: str) -> tuple[Application, str]:
    """The application, and the token that manages it.

    Raises NotAuthorizedError, also for an application that does not exist; DisabledError.
    """
    token = _bearer(request) or ""
    named = credentials.recognize(token, Kind.REGISTRATION_TOKEN)
    found = application.get(client_id) if named and named.names == client_id else None
    if not credentials.matches(token, found.registration_digest if found else None) or found is None:
        raise NotAuthorizedError("The registration access token does not belong to this client.")
    logs.note(client_id=client_id)
    if not found.active:
        raise DisabledError(
            "The operator of this service disabled the client; it cannot be managed until it is enabled."
        )
    return found, token


def _bearer(request: ClientRequest) -> str | None:
    scheme, _, token = (request.authorization or "").partition(" ")
    return token.strip(" ") if scheme.lower() == "bearer" else None


def _read_json(request: ClientRequest) -> dict[str, Any]:
    if client_request.media_type(request) != "application/json":
        raise InvalidClientMetadataError("The body must be application/json.")
    try:
        return strict_json.read_object(request.body)
    except strict_json.NotStrict as error:
        raise InvalidClientMetadataError("The body must be a JSON object in UTF-8.") from error


def _described(found: Application, token: str, issuer: str) -> dict[str, Any]:
    keys = {"jwks": json.loads(found.jwks)} if found.jwks and not found.jwks_uri else {}
    managed = {
        "registration_client_uri": f"{issuer}{paths.REGISTRATION}/{found.client_id}",
        "registration_access_token": token,
    }
    return {**client_metadata.describe(found), **keys, **managed}


def _challenged(answer: ProtocolAnswer) -> ProtocolAnswer:
    """Challenge for a bearer token: these endpoints do not take client secrets."""
    if answer.status == 401:
        return ProtocolAnswer(401, {"WWW-Authenticate": 'Bearer realm="Lanyard", error="invalid_token"'}, answer.body)
    return answer
