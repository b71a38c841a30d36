"""What is stored when tokens are issued: the grant and its access token, in the transaction that earns them."""

from __future__ import annotations

import time
from typing import Any

from oauthlib.oauth2.rfc6749 import errors

from chalicelib import clock, credentials, logs, settings
from chalicelib.credentials import Kind
from chalicelib.models import authorization_code, device_request, grant, grant_rotation, store
from chalicelib.models.access_token import AccessToken
from chalicelib.models.application import Application
from chalicelib.models.attempts import attempts
from chalicelib.models.authorization_code import AuthorizationCode
from chalicelib.models.device_request import DeviceRequest
from chalicelib.models.grant import Grant, forgotten_at
from chalicelib.protocol import rotation, scopes, undelivered
from chalicelib.protocol.rotation import Presented, Use


def new_access_token(request: Any) -> str:
    """For an oauthlib request whose grant is known. Random, but for a public client's refresh: see `rotation`."""
    use: Use | None = getattr(request, "refresh_use", None)
    return use.tokens.access_token if use else credentials.mint(Kind.ACCESS_TOKEN, request.new_grant_id)


def new_refresh_token(request: Any) -> str:
    use: Use | None = getattr(request, "refresh_use", None)
    return use.tokens.refresh_token if use else credentials.mint(Kind.REFRESH_TOKEN, request.new_grant_id)


def store_exchanged(
    stored: AuthorizationCode, client: Application, grant_id: str, token: dict[str, Any], *, resource: str | None
) -> None:
    """For a code. resource: what the access token is for. Raises InvalidGrantError where it is used or taken back."""
    made = _new_grant(stored, client, grant_id, token)
    try:
        authorization_code.exchange(stored, made, _access_token(made, token, resource), client)
    except authorization_code.AlreadyUsed as error:
        raise end_replayed(error.grant_id, client) from error
    except authorization_code.NoLongerAllowed as error:
        raise errors.InvalidGrantError(f"The permission has been taken back. {rotation.CONNECT_AGAIN}") from error
    except store.StoreUnavailable:
        undelivered.note(grant_id)
        raise


def store_for_device(
    found: DeviceRequest, client: Application, grant_id: str, token: dict[str, Any], *, resource: str | None
) -> None:
    """For an approved device code. Raises InvalidGrantError where it is used or taken back."""
    made = _new_grant(found, client, grant_id, token)
    try:
        device_request.exchange(found, made, _access_token(made, token, resource), client)
    except store.ConditionFailed as error:
        raise errors.InvalidGrantError("The device_code has been used, or the permission taken back.") from error
    except store.StoreUnavailable:
        undelivered.note(grant_id)
        raise


def store_refreshed(
    found: Grant, client: Application, presented: str, token: dict[str, Any], *, resource: str | None
) -> None:
    """For the refresh token of a confidential client, which stays.

    Where another refresh came first, this one goes after it, or gives way with StoreUnavailable. Raises
    InvalidGrantError where the grant has ended.
    """
    for _ in attempts():
        began = time.monotonic()
        try:
            grant.refresh(found, _access_token(found, token, resource))
        except store.ConditionFailed:
            if time.monotonic() - began >= settings.REFRESH_GIVES_WAY_SECONDS:
                raise store.StoreUnavailable("overtaken while it hung") from None
            found = _read_again(found.grant_id, client)[0]
            if not credentials.matches(presented, found.refresh_digest):
                raise errors.InvalidGrantError(_ENDED_MEANWHILE) from None
        else:
            return
    raise store.StoreUnavailable("refreshed again and again")


def store_rotated(
    found: Grant, client: Application, presented: str, use: Use, token: dict[str, Any], *, resource: str | None
) -> None:
    """For the refresh token of a public client. Where it is repeated, or another request was first with it, the tokens
    are stored already, and the answer is put right.

    Raises InvalidGrantError where the grant has ended.
    """
    is_repeat = use.presented is Presented.REPEATED
    if not is_repeat:
        made = use.tokens
        digest, access_token = credentials.digest(made.refresh_token), _access_token(found, token, resource)
        try:
            grant_rotation.rotate(found, digest, access_token, key_id=made.key_id, salt=made.salt)
        except store.ConditionFailed:
            pass  # another request with the same token came first: no repeat, since neither had its answer
        else:
            return
    _answer_as_before(found.grant_id, client, presented, token, is_repeat=is_repeat)


def end_replayed(grant_id: str | None, client: Application) -> errors.InvalidGrantError:
    """A second use of a code by its client ends what the first one made (RFC 6749 §4.1.2). Gives what to answer."""
    if grant_id and undelivered.knows(grant_id):
        return end_undelivered(grant_id, client, "code")
    logs.note(security_event="code replayed")
    # Once it has ended there is nothing left to tell: a client that goes on replaying does not fill the history.
    if grant_id and store.read(Grant.key(grant_id))[0]:
        rotation.end_robbed(grant_id, client)
    return errors.InvalidGrantError(f"The code has been used. {rotation.CONNECT_AGAIN}")


def end_undelivered(grant_id: str, client: Application, what: str) -> errors.InvalidGrantError:
    """The grant whose tokens this process could not deliver ends too: they may be anywhere on the way."""
    logs.note(interrupted=True)
    if store.read(Grant.key(grant_id))[0]:
        rotation.end_interrupted(grant_id, client)
    return errors.InvalidGrantError(f"The {what} was used by a request whose answer was lost. Start again.")


_ENDED_MEANWHILE = "The permission was ended meanwhile."


def _answer_as_before(
    grant_id: str, client: Application, presented: str, token: dict[str, Any], *, is_repeat: bool
) -> None:
    found, live = _read_again(grant_id, client)
    use = rotation.use(presented, found, client)
    if use.presented is Presented.CURRENT:
        raise store.StoreUnavailable("neither rotated nor ended")
    if is_repeat:
        rotation.count_repeat(found, client)
    logs.note(repeated=True)
    token["access_token"], token["refresh_token"] = use.tokens.access_token, use.tokens.refresh_token
    token["scope"] = live.scope if live else found.scope
    token["expires_in"] = max(0, live.expires_at - clock.now()) if live else 0


def _read_again(grant_id: str, client: Application) -> tuple[Grant, AccessToken | None]:
    """The grant as it stands now. Raises InvalidGrantError where it has ended."""
    found, live, consent = store.read(Grant.key(grant_id), AccessToken.key(grant_id), grant.consent_key(grant_id))
    if found is None or not grant.is_allowed(found, consent, client):
        raise errors.InvalidGrantError(_ENDED_MEANWHILE)
    return found, live


def _new_grant(
    of: AuthorizationCode | DeviceRequest, client: Application, grant_id: str, token: dict[str, Any]
) -> Grant:
    now = clock.now()
    # What follows is for refresh tokens that rotate; a confidential client's stays and never ends by itself.
    rotating: dict[str, Any] = (
        {} if client.is_confidential else {"refresh_salt": credentials.new_secret(), "forget_at": forgotten_at()}
    )
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
        **rotating,
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
