"""The device grant: a device shows a code, its user types it in a browser elsewhere, and the device polls until the
user has answered (RFC 8628). An application has it only if its developer or the operator switched it on."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable

from oauthlib.oauth2.rfc6749 import errors

from chalicelib import clock, credentials, limits, logs
from chalicelib.credentials import Kind
from chalicelib.keys import server_key
from chalicelib.models import device_request, store
from chalicelib.models.application import Application
from chalicelib.models.consent import Consent
from chalicelib.models.device_request import DeviceRequest
from chalicelib.models.store.attempts import attempts
from chalicelib.models.store.table import Key
from chalicelib.models.user import User
from chalicelib.protocol.authorization import consents
from chalicelib.protocol.clients import authentication, client_request, quotas
from chalicelib.protocol.clients.client_request import ClientRequest, ProtocolAnswer
from chalicelib.protocol.rules import given_scopes, paths, request_parameters, resource_indicators, scopes

# Consonants only, so that no two letters look alike and no code is a word (§6.1). 34 bits, for ten minutes and few
# tries.
_ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
_LENGTH = 8
NOT_ALLOWED = "This application has no device grant. Its developer or the operator has to switch it on."
_TRIES = 10  # for a user code that is not in use, out of 25 billion


class AlreadyAnswered(Exception):
    """The request was answered or expired after the user was asked."""


def device_authorization_response(request: ClientRequest) -> ProtocolAnswer:
    """A device code and a user code, or an OAuth error (§3.2)."""
    return client_request.answer(_create, request)


def shown(user_code: str) -> str:
    """A user code as people read it: BCDF-GHJK. user_code: as typed, in any case, with or without spaces and dashes."""
    letters = re.sub(r"[^A-Z]", "", user_code.upper())
    return f"{letters[:4]}-{letters[4:]}"


def key_of(user_code: str) -> Key[DeviceRequest] | None:
    """The key of the request with this user code; None if it cannot be a user code."""
    code = shown(user_code)
    letters = code.replace("-", "")
    is_one = len(letters) == _LENGTH and set(letters) <= set(_ALPHABET)
    return DeviceRequest.key(credentials.derive_id("user code", code)) if is_one else None


def approve(
    request: DeviceRequest, application: Application, user: User, scopes_ticked: Iterable[str], ticked: Iterable[str]
) -> None:
    """Allow the request as this user. application: the device's. scopes_ticked, ticked: scopes and slugs as posted; see
    `consents.chosen_scopes` and `consents.chosen`.

    Raises ChoiceProblem, AlreadyAnswered.
    """
    allowed = consents.chosen_scopes(request.scope.split(), scopes_ticked, user)
    organizers, given = consents.chosen(allowed, ticked, user), given_scopes.given_now(allowed)
    for _ in attempts():  # other tabs may change the consent at the same moment
        found, known = store.read(DeviceRequest.key(request.request_id), Consent.key(user.user_id, request.client_id))
        if found is None or not found.is_open or found.device_digest != request.device_digest:
            raise AlreadyAnswered
        consent = consents.remembered(application, given, organizers, user, known, place=None)
        try:
            device_request.approve(found, consent, " ".join(given), organizers, known=known)
        except store.ConditionFailed:
            continue
        logs.note(outcome="device allowed")
        return
    raise store.StoreUnavailable("consent changed again and again")


def deny(request: DeviceRequest, user: User) -> None:
    """Raises AlreadyAnswered."""
    try:
        device_request.deny(request, user.user_id)
    except store.ConditionFailed as error:
        raise AlreadyAnswered from error
    logs.note(outcome="device denied")


def _create(request: ClientRequest) -> ProtocolAnswer:
    parameters = client_request.read_form(request, request_parameters.DEVICE_AUTHORIZATION)
    client = authentication.authenticate(request.authorization, parameters, issuer=request.issuer)
    if not client.device_grant:
        raise errors.UnauthorizedClientError(NOT_ALLOWED)
    quotas.count_device_request(client, request.address)
    if client.rotates_refresh_tokens and not server_key.is_set():
        raise server_key.ServerKeyMissing
    asked = scopes.without_habits(parameters.get("scope", scopes.as_text(scopes.default())).split())
    if not asked or not scopes.are_known(asked):
        raise errors.InvalidScopeError(scopes.unknown())
    resource = resource_indicators.read(parameters.get("resource"), issuer=request.issuer)
    narrowed = resource_indicators.scopes_at(resource, asked)
    device_code, user_code = _start(client, " ".join(narrowed), resource)
    logs.note(outcome="device started")
    body = {
        "device_code": device_code,
        "user_code": user_code,
        "verification_uri": request.issuer + paths.DEVICE,
        "verification_uri_complete": f"{request.issuer}{paths.DEVICE}?user_code={user_code}",
        "expires_in": limits.DEVICE_CODE_LIFETIME_SECONDS,
        "interval": limits.DEVICE_POLL_SECONDS,
    }
    return ProtocolAnswer(200, {}, json.dumps(body))


def _start(client: Application, scope: str, resource: str | None) -> tuple[str, str]:
    """Store a new request. Returns its device code and user code."""
    now = clock.now()
    expires_at = now + limits.DEVICE_CODE_LIFETIME_SECONDS
    for _ in range(_TRIES):
        user_code = shown("".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH)))
        request_id = credentials.derive_id("user code", user_code)
        device_code = credentials.mint(Kind.DEVICE_CODE, request_id)
        request = DeviceRequest(
            request_id=request_id,
            device_digest=credentials.digest(device_code),
            client_id=client.client_id,
            scope=scope,
            resource=resource,
            state=device_request.PENDING,
            interval_seconds=limits.DEVICE_POLL_SECONDS,
            created_at=now,
            expires_at=expires_at,
            forget_at=expires_at + limits.DEVICE_CODE_LIFETIME_SECONDS,
        )
        try:
            device_request.start(request)
        except store.ConditionFailed:
            continue
        return device_code, user_code
    raise store.StoreUnavailable("every user code was in use")
