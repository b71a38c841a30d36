"""The authorization code grant: exchanges a code for tokens (RFC 6749 §4.1.3, RFC 7636 §4.5)."""

from __future__ import annotations

from oauthlib.oauth2.rfc6749 import errors

from chalicelib import credentials, logs
from chalicelib.credentials import Kind
from chalicelib.models import authorization_code, grant, store
from chalicelib.models.application import Application
from chalicelib.models.authorization_code import AuthorizationCode
from chalicelib.protocol.grants import issuing, undelivered
from chalicelib.protocol.grants.grant_type import CONNECT_AGAIN, TokenAnswer, TokenGrant, TokenRequest
from chalicelib.protocol.openid import claims
from chalicelib.protocol.rules import grant_types, pkce

_REVOKED = "The user has revoked the permission."


class AuthorizationCodeGrant(TokenGrant):
    name = grant_types.AUTHORIZATION_CODE
    required = "code"

    def answer(self, request: TokenRequest) -> TokenAnswer:
        application, found = _read(request)
        client = request.authenticated(application)
        code = _check_own(found, client)
        _check_usable(code, client, request.parameters.get("code_verifier"))
        resource = request.resource(code.resource)
        _check_redirect_uri(code, request.parameters.get("redirect_uri"))
        request.check_key(code.jkt)
        return _exchange(code, client, resource, request)


def _read(request: TokenRequest) -> tuple[Application | None, AuthorizationCode | None]:
    named = credentials.recognize(request.parameters["code"], Kind.AUTHORIZATION_CODE)
    application, found = store.read(
        Application.key(request.client.client_id), AuthorizationCode.key(named.digest) if named else None
    )
    return application, found


def _check_own(found: AuthorizationCode | None, client: Application) -> AuthorizationCode:
    if found is None or found.client_id != client.client_id:
        raise errors.InvalidGrantError(f"The code is unknown, or it is another application's. {CONNECT_AGAIN}")
    return found


def _check_usable(code: AuthorizationCode, client: Application, verifier: str | None) -> None:
    """Raises InvalidGrantError if the code was used or has expired, or if the verifier does not match its challenge."""
    if code.is_used:
        # Anybody can name a public client. For one, only a caller with the matching verifier is replaying its code.
        if client.is_confidential or pkce.is_proven(code.code_challenge or "", verifier):
            raise issuing.end_replayed(code.grant_id, client)
        raise errors.InvalidGrantError(f"The code was used before; it works only once. {CONNECT_AGAIN}")
    if code.is_expired:
        lifetime = code.expires_at - code.created_at
        raise errors.InvalidGrantError(f"The code has expired: exchange it within {lifetime} seconds. {CONNECT_AGAIN}")
    _check_verifier(code, verifier, is_required=client.needs_pkce)


def _check_verifier(code: AuthorizationCode, verifier: str | None, *, is_required: bool) -> None:
    """Raises InvalidGrantError for a verifier that does not match, and marks the code as used (RFC 7636 §4.6)."""
    if code.code_challenge is None:
        if is_required:  # PKCE became required after the code was issued
            raise errors.InvalidGrantError("The code was requested without a code_challenge, which is now required.")
        if verifier is not None:
            raise errors.InvalidGrantError("code_verifier was sent for a code that was requested without a challenge.")
    elif not pkce.is_proven(code.code_challenge, verifier):
        authorization_code.spend(code)
        raise errors.InvalidGrantError("code_verifier is missing or does not match the code_challenge.")


def _check_redirect_uri(code: AuthorizationCode, sent: str | None) -> None:
    """Raises InvalidGrantError unless redirect_uri is the authorization request's, if sent there (RFC 6749 §5.2)."""
    fits = sent == code.redirect_uri if sent is not None else not code.redirect_uri_given
    if not fits:
        raise errors.InvalidGrantError("redirect_uri is not the one from the authorization request.")


def _exchange(code: AuthorizationCode, client: Application, resource: str | None, request: TokenRequest) -> TokenAnswer:
    """Raises InvalidScopeError if the resource knows nothing of what the user allowed.

    Raises InvalidGrantError if another request used the code first, if the user has since revoked the consent, or if
    nothing of what they allowed is left."""
    grant_id = grant.new_id(code.user_id, code.client_id)
    tokens = issuing.new_tokens(grant_id, issuing.still_allowed(code), resource)
    made = issuing.new_grant(code, client, grant_id, tokens, key=request.thumbprint)
    item = issuing.access_token(made, tokens, resource, client, issuer=request.issuer, key=request.thumbprint)
    told = claims.from_text(code.id_token_claims)
    answered = issuing.handed_out(tokens, made, client, item, issuer=request.issuer, nonce=code.nonce, told=told)
    request.use_proof()
    try:
        authorization_code.exchange(code, made, item, client)
    except authorization_code.AlreadyUsed as error:
        raise issuing.end_replayed(error.grant_id, client) from error
    except authorization_code.NoLongerAllowed as error:
        why = "The user has revoked the permission, or has just left one of the organizers."
        raise errors.InvalidGrantError(f"{why if item.signed else _REVOKED} {CONNECT_AGAIN}") from error
    except store.StoreUnavailable:
        undelivered.note(grant_id)
        raise
    logs.note(outcome="token issued")
    return answered
