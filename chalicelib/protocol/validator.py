"""What oauthlib asks while it walks through a request, answered from storage.

oauthlib knows the order of the steps; the answers, and what it leaves out, are here. The request that it passes around
carries `client` (an Application), and from the token endpoint on `stored_code` or `standing_grant`, all read at once
when the client authenticates.
"""

from __future__ import annotations

from typing import Any

from oauthlib.oauth2 import RequestValidator
from oauthlib.oauth2.rfc6749 import errors

from chalicelib import clock, credentials, logs, settings
from chalicelib.credentials import Kind
from chalicelib.models import access_token, authorization_code, grant, security_event, store
from chalicelib.models.access_token import AccessToken
from chalicelib.models.application import Application
from chalicelib.models.authorization_code import AuthorizationCode
from chalicelib.models.grant import Grant
from chalicelib.models.user import User
from chalicelib.protocol import client_authentication, pkce, redirect_uris, scopes


class Validator(RequestValidator):
    # -- the authorization request (RFC 6749 §4.1.1) -----------------------------------------------------------------

    def validate_client_id(self, client_id: str, request: Any, *args: Any, **kwargs: Any) -> bool:
        return request.client is not None and request.client.active

    def validate_redirect_uri(self, client_id: str, redirect_uri: str, request: Any, *args: Any, **kwargs: Any) -> bool:
        return redirect_uris.is_registered(redirect_uri, request.client.redirect_uris)

    def get_default_redirect_uri(self, client_id: str, request: Any, *args: Any, **kwargs: Any) -> str:
        stored = getattr(request, "stored_code", None)
        return str(stored.redirect_uri if stored else request.client.redirect_uris[0])

    def validate_response_type(self, client_id: str, response_type: str, client: Any, request: Any, *args: Any) -> bool:
        return response_type == "code"

    def is_pkce_required(self, client_id: str, request: Any) -> bool:
        return False

    def get_default_scopes(self, client_id: str, request: Any, *args: Any, **kwargs: Any) -> list[str]:
        return list(scopes.DEFAULT)

    def validate_scopes(self, client_id: str, requested: list[str], client: Any, request: Any, *args: Any) -> bool:
        return scopes.are_known(requested)

    # -- client authentication (§3.2.1) ------------------------------------------------------------------------------

    def client_authentication_required(self, request: Any, *args: Any, **kwargs: Any) -> bool:
        return True

    def authenticate_client(self, request: Any, *args: Any, **kwargs: Any) -> bool:
        """Read the application and what the request is about in one round trip, then compare the secret.

        An unknown application costs the same read and the same comparison as a wrong secret.
        """
        parameters = dict(request.decoded_body or [])
        sent = client_authentication.read(request.headers.get("Authorization"), parameters)
        application = _read_with_client(sent.client_id, request)
        logs.note(client_id=sent.client_id if application else "unknown")
        if not credentials.matches(sent.client_secret, application.secret_digest if application else None):
            return False
        if application is None or not application.active or not application.is_confidential:
            return False
        request.client, request.client_id = application, application.client_id
        return True

    def validate_grant_type(self, client_id: str, grant_type: str, client: Any, request: Any, *args: Any) -> bool:
        return grant_type in ("authorization_code", "refresh_token")

    # -- a code for tokens (§4.1.3) ----------------------------------------------------------------------------------

    def validate_code(self, client_id: str, code: str, client: Application, request: Any, *args: Any) -> bool:
        stored: AuthorizationCode | None = request.stored_code
        if stored is None or stored.client_id != client.client_id:
            return False
        if stored.is_used:
            _end_replayed(stored.grant_id, client)
            return False
        if stored.is_expired:
            return False
        check_verifier(stored, request.code_verifier)
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
            return False
        if user is None or not user.active or not grant.is_allowed(found, consent):
            return False
        request.new_grant_id = found.grant_id
        return credentials.matches(refresh_token, found.refresh_digest)

    def get_original_scopes(self, refresh_token: str, request: Any, *args: Any, **kwargs: Any) -> list[str]:
        return str(request.standing_grant[0].scope).split()

    def rotate_refresh_token(self, request: Any) -> bool:
        return False

    # -- what is issued ----------------------------------------------------------------------------------------------

    def save_bearer_token(self, token: dict[str, Any], request: Any, *args: Any, **kwargs: Any) -> None:
        now = clock.now()
        if request.grant_type == "refresh_token":
            _store_refreshed(request.standing_grant[0], token, now)
            logs.note(outcome="token refreshed")
        else:
            _store_exchanged(request.stored_code, request.client, request.new_grant_id, token, now)
            logs.note(outcome="token issued")

    # -- revocation (RFC 7009) ---------------------------------------------------------------------------------------

    def revoke_token(self, token: str, token_type_hint: str, request: Any, *args: Any, **kwargs: Any) -> None:
        """End it if it is this client's. The token says itself what kind it is, so the hint is not needed."""
        found, live = request.revoked_grant
        if found is None or found.client_id != request.client.client_id:
            return
        if token.startswith(Kind.REFRESH_TOKEN) and credentials.matches(token, found.refresh_digest):
            grant.end(found.grant_id)
            logs.note(outcome="grant revoked")
        elif live is not None and credentials.matches(token, live.token_digest):
            access_token.revoke(found.grant_id, live.token_digest)
            logs.note(outcome="access token revoked")


def check_verifier(stored: AuthorizationCode, verifier: str | None) -> None:
    """Raises InvalidGrantError for a verifier that does not fit, and spends the code (RFC 7636 §4.6)."""
    if stored.code_challenge is None:
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
    else:
        named = credentials.recognize(request.code, Kind.AUTHORIZATION_CODE)
        application, stored = store.read(key, AuthorizationCode.key(named.digest) if named else None)
        request.stored_code = stored
    return application


def _store_exchanged(
    stored: AuthorizationCode, client: Application, grant_id: str, token: dict[str, Any], now: int
) -> None:
    made = Grant(
        user_id=stored.user_id,
        grant_id=grant_id,
        client_id=stored.client_id,
        consent_id=stored.consent_id,
        scope=stored.scope,
        organizers=stored.organizers,
        refresh_digest=credentials.digest(token["refresh_token"]),
        created_at=now,
        last_used_at=now,
    )
    try:
        authorization_code.exchange(stored, made, _access_token(made, token, now))
    except authorization_code.AlreadyUsed as error:
        _end_replayed(error.grant_id, client)
        raise errors.InvalidGrantError("The code has been used.") from error
    except authorization_code.NoLongerAllowed as error:
        raise errors.InvalidGrantError("The user has taken the permission back.") from error


def _store_refreshed(found: Grant, token: dict[str, Any], now: int) -> None:
    try:
        grant.refresh(found, _access_token(found, token, now))
    except store.ConditionFailed as error:
        raise errors.InvalidGrantError("The permission was ended meanwhile.") from error


def _access_token(of: Grant, token: dict[str, Any], now: int) -> AccessToken:
    return AccessToken(
        grant_id=of.grant_id,
        token_digest=credentials.digest(token["access_token"]),
        user_id=of.user_id,
        client_id=of.client_id,
        scope=scopes.as_text(token["scope"].split()),
        organizers=of.organizers,
        issued_at=now,
        expires_at=now + settings.ACCESS_TOKEN_LIFETIME_SECONDS,
    )


def _end_replayed(grant_id: str | None, client: Application) -> None:
    """A second use of a code by its client ends what the first one made (RFC 6749 §4.1.2)."""
    logs.note(security_event="code replayed")
    # Once it has ended there is nothing left to tell: a client that goes on replaying does not fill the history.
    if grant_id and store.read(Grant.key(grant_id))[0]:
        grant.end(grant_id)
        security_event.record(
            grant.user_of(grant_id),
            security_event.Kind.REPLAY_DETECTED,
            client_id=client.client_id,
            application_name=client.name,
        )
