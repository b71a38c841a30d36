"""The device grant: a device polls for tokens until its user has answered in a browser (RFC 8628 §3.4, §3.5).

The steps before that, on the device and in the browser, are in `protocol/authorization/device.py`.
"""

from __future__ import annotations

from oauthlib.oauth2.rfc6749 import errors
from oauthlib.oauth2.rfc8628.errors import AccessDenied, AuthorizationPendingError, ExpiredTokenError, SlowDownError

from chalicelib import credentials, limits, logs
from chalicelib.credentials import Kind
from chalicelib.models import device_request, grant, store
from chalicelib.models.application import Application
from chalicelib.models.device_request import DeviceRequest
from chalicelib.protocol.authorization import device
from chalicelib.protocol.grants import issuing, undelivered
from chalicelib.protocol.grants.grant_type import TokenAnswer, TokenGrant, TokenRequest
from chalicelib.protocol.rules import grant_types


class DeviceCodeGrant(TokenGrant):
    name = grant_types.DEVICE_CODE
    required = "device_code"

    def answer(self, request: TokenRequest) -> TokenAnswer:
        application, found = _read(request)
        client = request.authenticated(application)
        if not client.device_grant:
            raise errors.UnauthorizedClientError(device.NOT_ALLOWED)
        asked = _check_own(found, request.parameters["device_code"], client)
        _check_answered(asked, client)
        return _exchange(asked, client, request.resource(asked.resource), request)


def _read(request: TokenRequest) -> tuple[Application | None, DeviceRequest | None]:
    named = credentials.recognize(request.parameters["device_code"], Kind.DEVICE_CODE)
    application, found = store.read(
        Application.key(request.client.client_id), DeviceRequest.key(named.names) if named else None
    )
    return application, found


def _check_own(found: DeviceRequest | None, device_code: str, client: Application) -> DeviceRequest:
    """Raises InvalidGrantError for a device code that is unknown or another application's."""
    if (
        found is None
        or found.client_id != client.client_id
        or not credentials.matches(device_code, found.device_digest)
    ):
        raise errors.InvalidGrantError("device_code is unknown, or it is another application's.")
    return found


def _check_answered(asked: DeviceRequest, client: Application) -> None:
    """Raises the error to return to a device that cannot have tokens, or cannot have them yet."""
    if asked.state == device_request.USED:
        if asked.grant_id and undelivered.knows(asked.grant_id):
            raise issuing.end_undelivered(asked.grant_id, client, "device_code")
        raise errors.InvalidGrantError("The device_code has been used.")
    if asked.is_expired:
        raise ExpiredTokenError("The codes have expired; start again.")
    if asked.state == device_request.DENIED:
        raise AccessDenied("The user did not allow the access.")
    if not device_request.note_poll(asked):
        raise SlowDownError(f"Poll more slowly: wait {limits.DEVICE_SLOWER_SECONDS} seconds longer than before.")
    if asked.state == device_request.PENDING:
        raise AuthorizationPendingError("The user has not answered yet.")


def _exchange(asked: DeviceRequest, client: Application, resource: str | None, request: TokenRequest) -> TokenAnswer:
    """Raises InvalidScopeError if the resource knows nothing of what the user allowed.

    Raises InvalidGrantError if another request used the code first, if the user has since revoked the consent, or if
    nothing of what they allowed is left."""
    grant_id = grant.new_id(asked.user_id, asked.client_id)
    tokens = issuing.new_tokens(grant_id, issuing.still_allowed(asked), resource)
    made = issuing.new_grant(asked, client, grant_id, tokens, key=request.thumbprint)
    item = issuing.access_token(made, tokens, resource, client, issuer=request.issuer, key=request.thumbprint)
    answered = issuing.handed_out(tokens, made, client, item, issuer=request.issuer)
    request.use_proof()
    try:
        device_request.exchange(asked, made, item, client)
    except store.ConditionFailed as error:
        raise errors.InvalidGrantError("The device_code has been used, or the permission was revoked.") from error
    except store.StoreUnavailable:
        undelivered.note(grant_id)
        raise
    logs.note(outcome="token issued")
    return answered
