"""What is stored when tokens are issued: the grant and its access token, in the transaction that earns them."""

from __future__ import annotations

from typing import Any

from oauthlib.oauth2.rfc6749 import errors

from chalicelib import clock, credentials, logs, settings
from chalicelib.credentials import Kind
from chalicelib.models import authorization_code, device_request, grant, store
from chalicelib.models.access_token import AccessToken
from chalicelib.models.application import Application
from chalicelib.models.authorization_code import AuthorizationCode
from chalicelib.models.device_request import DeviceRequest
from chalicelib.models.grant import Grant
from chalicelib.protocol import rotation, scopes
from chalicelib.protocol.rotation import Presented


def new_access_token(request: Any) -> str:
    """For an oauthlib request whose grant is known. Random, but for a public client's refresh: see `rotation`."""
    if _rotates(request):
        return rotation.next_access_token(request.refresh_token, request.new_grant_id)
    return credentials.mint(Kind.ACCESS_TOKEN, request.new_grant_id)


def new_refresh_token(request: Any) -> str:
    if _rotates(request):
        return rotation.next_refresh_token(request.refresh_token, request.new_grant_id)
    return credentials.mint(Kind.REFRESH_TOKEN, request.new_grant_id)


def store_exchanged(
    stored: AuthorizationCode, client: Application, grant_id: str, token: dict[str, Any], *, resource: str | None
) -> None:
    """For a code. resource: what the access token is for. Raises InvalidGrantError where it is used or taken back."""
    made = _new_grant(stored, grant_id, token)
    try:
        authorization_code.exchange(stored, made, _access_token(made, token, resource), client)
    except authorization_code.AlreadyUsed as error:
        end_replayed(error.grant_id, client)
        raise errors.InvalidGrantError("The code has been used.") from error
    except authorization_code.NoLongerAllowed as error:
        raise errors.InvalidGrantError(
            "The permission has been taken back. Send the user to authorize again."
        ) from error


def store_for_device(
    found: DeviceRequest, client: Application, grant_id: str, token: dict[str, Any], *, resource: str | None
) -> None:
    """For an approved device code. Raises InvalidGrantError where it is used or taken back."""
    made = _new_grant(found, grant_id, token)
    try:
        device_request.exchange(found, made, _access_token(made, token, resource), client)
    except store.ConditionFailed as error:
        raise errors.InvalidGrantError("The device_code has been used, or the permission taken back.") from error


def store_refreshed(found: Grant, token: dict[str, Any], *, resource: str | None) -> None:
    """For the refresh token of a confidential client, which stays. Raises InvalidGrantError."""
    try:
        grant.refresh(found, _access_token(found, token, resource))
    except store.ConditionFailed as error:
        raise errors.InvalidGrantError("The permission was ended meanwhile.") from error


def store_rotated(
    found: Grant, client: Application, presented: str, token: dict[str, Any], *, resource: str | None
) -> None:
    """For the refresh token of a public client. The tokens follow from the presented one, so where this request is a
    repeat, or another was first, they are stored already and only the rest of the answer is put right.

    Raises InvalidGrantError where the grant has ended.
    """
    if rotation.recognize(presented, found) is Presented.CURRENT:
        try:
            grant.rotate(found, credentials.digest(token["refresh_token"]), _access_token(found, token, resource))
        except store.ConditionFailed:
            pass
        else:
            return
    _answer_as_before(found.grant_id, client, presented, token)


def end_replayed(grant_id: str | None, client: Application) -> None:
    """A second use of a code by its client ends what the first one made (RFC 6749 §4.1.2)."""
    logs.note(security_event="code replayed")
    # Once it has ended there is nothing left to tell: a client that goes on replaying does not fill the history.
    if grant_id and store.read(Grant.key(grant_id))[0]:
        rotation.end_robbed(grant_id, client)


def _rotates(request: Any) -> bool:
    return bool(request.grant_type == "refresh_token" and not request.client.is_confidential)


def _answer_as_before(grant_id: str, client: Application, presented: str, token: dict[str, Any]) -> None:
    found, live, consent = store.read(Grant.key(grant_id), AccessToken.key(grant_id), grant.consent_key(grant_id))
    if (
        found is None
        or not grant.is_allowed(found, consent, client)
        or not rotation.is_usable(presented, found, client)
    ):
        raise errors.InvalidGrantError("The permission was ended meanwhile.")
    logs.note(repeated=True)
    token["scope"] = live.scope if live else found.scope
    token["expires_in"] = max(0, live.expires_at - clock.now()) if live else 0


def _new_grant(of: AuthorizationCode | DeviceRequest, grant_id: str, token: dict[str, Any]) -> Grant:
    now = clock.now()
    return Grant(
        user_id=of.user_id,
        grant_id=grant_id,
        client_id=of.client_id,
        consent_id=of.consent_id,
        scope=of.scope,
        organizers=of.organizers,
        resource=of.resource,
        refresh_digest=credentials.digest(token["refresh_token"]),
        created_at=now,
        last_used_at=now,
    )


def _access_token(of: Grant, token: dict[str, Any], resource: str | None) -> AccessToken:
    now = clock.now()
    return AccessToken(
        grant_id=of.grant_id,
        token_digest=credentials.digest(token["access_token"]),
        user_id=of.user_id,
        client_id=of.client_id,
        scope=scopes.as_text(token["scope"].split()),
        organizers=of.organizers,
        resource=resource,
        issued_at=now,
        expires_at=now + settings.ACCESS_TOKEN_LIFETIME_SECONDS,
    )
