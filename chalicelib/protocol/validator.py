"""What oauthlib asks while it walks through a request, answered from storage.

oauthlib knows the order of the steps; the answers, and what it leaves out, are here. The request that it passes around
carries `client` (an Application), and from the token endpoint on `stored_code` or `standing_grant`, all read at once
when the client authenticates.
"""

from __future__ import annotations

from typing import Any

from oauthlib.oauth2 import RequestValidator
from oauthlib.oauth2.rfc6749 import errors

from chalicelib import credentials, logs, settings
from chalicelib.credentials import Kind
from chalicelib.models import access_token, authorization_code, grant, store
from chalicelib.models.access_token import AccessToken
from chalicelib.models.application import Application
from chalicelib.models.authorization_code import AuthorizationCode
from chalicelib.models.device_request import DeviceRequest
from chalicelib.models.grant import Grant
from chalicelib.models.user import User
from chalicelib.protocol import (
    client_authentication,
    client_credentials,
    device,
    issuing,
    pkce,
    redirect_uris,
    resource_indicators,
    rotation,
    scopes,
)
from chalicelib.protocol.rotation import Presented

_ASK_AGAIN = rotation.CONNECT_AGAIN
_NO_REFRESH = f"The refresh token is unknown, was used before, or its permission has ended. {_ASK_AGAIN}"


class Validator(RequestValidator):
    # -- the authorization request (RFC 6749 §4.1.1) -----------------------------------------------------------------

    def validate_client_id(self, client_id: str, request: Any, *args: Any, **kwargs: Any) -> bool:
        return request.client is not None and request.client.active

    def validate_redirect_uri(self, client_id: str, redirect_uri: str, request: Any, *args: Any, **kwargs: Any) -> bool:
        client: Application = request.client
        return redirect_uris.is_registered(redirect_uri, client.redirect_uris, is_native=client.is_native)

    def get_default_redirect_uri(self, client_id: str, request: Any, *args: Any, **kwargs: Any) -> str:
        stored = getattr(request, "stored_code", None)
        if stored:
            return str(stored.redirect_uri)
        # "" where it has none, which oauthlib refuses: a device's application needs no redirect URI.
        return str(next(iter(request.client.redirect_uris), ""))

    def validate_response_type(self, client_id: str, response_type: str, client: Any, request: Any, *args: Any) -> bool:
        return response_type == "code"

    def is_pkce_required(self, client_id: str, request: Any) -> bool:
        return False  # `check_challenge` and `check_verifier` see to it; oauthlib would not spend the code

    def get_default_scopes(self, client_id: str, request: Any, *args: Any, **kwargs: Any) -> list[str]:
        if request.grant_type == client_credentials.GRANT_TYPE:
            return client_credentials.default_scopes(request.client)
        return list(scopes.DEFAULT)

    def validate_scopes(self, client_id: str, requested: list[str], client: Any, request: Any, *args: Any) -> bool:
        if request.grant_type == client_credentials.GRANT_TYPE:
            if not client_credentials.are_allowed(client, requested):
                own = ", ".join(client_credentials.default_scopes(client))
                raise errors.InvalidScopeError(f"scope must be what the operator allowed: {own}.", request=request)
        elif not scopes.are_known(requested):
            raise errors.InvalidScopeError(scopes.UNKNOWN, request=request)
        return True

    # -- client authentication (§3.2.1) ------------------------------------------------------------------------------

    def client_authentication_required(self, request: Any, *args: Any, **kwargs: Any) -> bool:
        return True

    def authenticate_client(self, request: Any, *args: Any, **kwargs: Any) -> bool:
        """Read the application and what the request is about in one round trip, then check how it proves itself."""
        parameters = dict(request.decoded_body or [])
        sent = client_authentication.read(request.headers.get("Authorization"), parameters)
        application = _read_with_client(sent.client_id, request)
        logs.note(client_id=sent.client_id if application else "unknown")
        request.client = client_authentication.check(sent, application, issuer=request.uri)
        request.client_id = request.client.client_id
        return True

    def validate_grant_type(self, client_id: str, grant_type: str, client: Any, request: Any, *args: Any) -> bool:
        if grant_type == device.GRANT_TYPE and not client.device_grant:
            raise errors.UnauthorizedClientError(device.NOT_ALLOWED)
        if grant_type == client_credentials.GRANT_TYPE:
            if not client_credentials.is_allowed(client):
                raise errors.UnauthorizedClientError(client_credentials.NOT_ALLOWED)
            client_credentials.prepare(client, request)
        return True

    # -- a code for tokens (§4.1.3) ----------------------------------------------------------------------------------

    def validate_code(self, client_id: str, code: str, client: Application, request: Any, *args: Any) -> bool:
        stored: AuthorizationCode | None = request.stored_code
        if stored is None or stored.client_id != client.client_id:
            raise errors.InvalidGrantError(f"The code is unknown, or another application's. {_ASK_AGAIN}")
        if stored.is_used:
            # Anybody can name a public client, so of such a one only who proves to have asked for the code replays it.
            if client.is_confidential or pkce.is_proven(stored.code_challenge or "", request.code_verifier):
                raise issuing.end_replayed(stored.grant_id, client)
            raise errors.InvalidGrantError(f"The code was used before, and is good once. {_ASK_AGAIN}")
        if stored.is_expired:
            lifetime = settings.SETTINGS.code_lifetime_seconds
            raise errors.InvalidGrantError(f"The code has expired: exchange it within {lifetime} seconds. {_ASK_AGAIN}")
        check_verifier(stored, request.code_verifier, is_required=client.needs_pkce)
        request.token_resource = _resource(request, stored.resource)
        request.scopes = stored.scope.split()
        request.new_grant_id = grant.new_id(stored.user_id, stored.client_id)
        return True

    def get_code_challenge(self, code: str, request: Any) -> None:
        return None  # `check_verifier` has done it: oauthlib would not spend the code

    def confirm_redirect_uri(
        self, client_id: str, code: str, redirect_uri: str, client: Any, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        stored: AuthorizationCode = request.stored_code
        left_out = bool(request.using_default_redirect_uri)
        if redirect_uri != stored.redirect_uri or (left_out and stored.redirect_uri_given):
            # oauthlib would say invalid_request (§5.2 says invalid_grant).
            raise errors.InvalidGrantError("redirect_uri is not the one of the authorization request.")
        return True

    def invalidate_authorization_code(self, client_id: str, code: str, request: Any, *args: Any, **kwargs: Any) -> None:
        pass  # claimed in the transaction that stored the tokens: afterwards would be too late

    # -- a refresh token for an access token (§6) --------------------------------------------------------------------

    def validate_refresh_token(self, refresh_token: str, client: Application, request: Any, *args: Any) -> bool:
        found, user, consent = request.standing_grant
        if found is None or found.client_id != client.client_id:
            raise errors.InvalidGrantError(_NO_REFRESH)
        if user is None or not user.active or not grant.is_allowed(found, consent, client):
            raise errors.InvalidGrantError(
                f"The user has taken the permission back, or their account is closed. {_ASK_AGAIN}"
            )
        request.new_grant_id = found.grant_id
        request.token_resource = _resource(request, found.resource)
        if not client.is_confidential:
            request.refresh_use = rotation.use(refresh_token, found, client)
        elif not credentials.matches(refresh_token, found.refresh_digest):
            raise errors.InvalidGrantError(_NO_REFRESH)
        return True

    def get_original_scopes(self, refresh_token: str, request: Any, *args: Any, **kwargs: Any) -> list[str]:
        return str(request.standing_grant[0].scope).split()

    def is_within_original_scope(self, asked: list[str], refresh_token: str, request: Any, *args: Any) -> bool:
        """Asked where a scope is wider than what was allowed. Raises InvalidScopeError."""
        allowed = ", ".join(self.get_original_scopes(refresh_token, request))
        raise errors.InvalidScopeError(f"scope must not go beyond what the user allowed: {allowed}.")

    def rotate_refresh_token(self, request: Any) -> bool:
        return not request.client.is_confidential

    # -- what is issued ----------------------------------------------------------------------------------------------

    def save_bearer_token(self, token: dict[str, Any], request: Any, *args: Any, **kwargs: Any) -> None:
        resource = request.token_resource
        match request.grant_type:
            case client_credentials.GRANT_TYPE:
                client_credentials.store(request.client, request.new_grant_id, token, resource=resource)
            case device.GRANT_TYPE:
                issuing.store_for_device(
                    request.device_request, request.client, request.new_grant_id, token, resource=resource
                )
            case "refresh_token":
                _store_refreshed(request, token, resource)
            case _:
                issuing.store_exchanged(
                    request.stored_code, request.client, request.new_grant_id, token, resource=resource
                )
        logs.note(outcome="token refreshed" if request.grant_type == "refresh_token" else "token issued")

    # -- revocation (RFC 7009) ---------------------------------------------------------------------------------------

    def revoke_token(self, token: str, token_type_hint: str, request: Any, *args: Any, **kwargs: Any) -> None:
        """End it if it is this client's. The token says itself what kind it is, so the hint is not needed."""
        found, live = request.revoked_grant
        client_id = request.client.client_id
        if found is not None and found.client_id == client_id and token.startswith(Kind.REFRESH_TOKEN):
            if rotation.recognize(token, found) is not Presented.UNKNOWN:
                grant.end(found.grant_id)
                logs.note(outcome="grant revoked")
        elif live is not None and live.client_id == client_id and credentials.matches(token, live.token_digest):
            access_token.revoke(live.grant_id, live.token_digest)
            logs.note(outcome="access token revoked")


def _resource(request: Any, granted: str | None) -> str | None:
    requested = getattr(request, "resource", None)
    return resource_indicators.narrowed(requested, granted, issuer=request.uri)


def _store_refreshed(request: Any, token: dict[str, Any], resource: str | None) -> None:
    found, client, presented = request.standing_grant[0], request.client, request.refresh_token
    if client.is_confidential:
        issuing.store_refreshed(found, client, presented, token, resource=resource)
    else:
        issuing.store_rotated(found, client, presented, request.refresh_use, token, resource=resource)


def check_verifier(stored: AuthorizationCode, verifier: str | None, *, is_required: bool) -> None:
    """Raises InvalidGrantError for a verifier that does not fit, and spends the code (RFC 7636 §4.6)."""
    if stored.code_challenge is None:
        if is_required:  # since the code was given
            raise errors.InvalidGrantError("The code was requested without a code_challenge, which is required now.")
        if verifier is not None:
            raise errors.InvalidGrantError("code_verifier was sent for a code that was requested without a challenge.")
        return
    if not pkce.is_proven(stored.code_challenge, verifier):
        authorization_code.spend(stored)
        raise errors.InvalidGrantError("code_verifier is missing or does not fit the code_challenge.")


def _read_with_client(client_id: str, request: Any) -> Application | None:
    key = Application.key(client_id)
    application: Application | None
    if request.token is not None:
        named = credentials.recognize(request.token, Kind.REFRESH_TOKEN, Kind.ACCESS_TOKEN)
        application, found, live = store.read(
            key, Grant.key(named.names) if named else None, AccessToken.key(named.names) if named else None
        )
        request.revoked_grant = (found, live)
    elif request.grant_type == "refresh_token":
        named = credentials.recognize(request.refresh_token, Kind.REFRESH_TOKEN)
        application, found, user, consent = store.read(
            key,
            Grant.key(named.names) if named else None,
            User.key(grant.user_of(named.names)) if named else None,
            grant.consent_key(named.names) if named else None,
        )
        request.standing_grant = (found, user, consent)
    elif request.grant_type == device.GRANT_TYPE:
        named = credentials.recognize(getattr(request, "device_code", None), Kind.DEVICE_CODE)
        application, asked = store.read(key, DeviceRequest.key(named.names) if named else None)
        request.device_request = asked
    else:
        named = credentials.recognize(request.code, Kind.AUTHORIZATION_CODE)
        application, stored = store.read(key, AuthorizationCode.key(named.digest) if named else None)
        request.stored_code = stored
    return application
