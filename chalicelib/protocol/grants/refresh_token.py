"""The refresh token grant: exchanges a refresh token for a new access token (RFC 6749 §6).

A confidential client's refresh token stays the same. A public client's rotates, as RFC 9700 §4.14.2 asks: see
`refresh_rotation`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from oauthlib.oauth2.rfc6749 import errors

from chalicelib import clock, credentials, limits, logs, settings
from chalicelib.credentials import Kind
from chalicelib.models import grant, grant_rotation, store
from chalicelib.models.access_token import AccessToken
from chalicelib.models.application import Application
from chalicelib.models.consent import Consent
from chalicelib.models.grant import Grant
from chalicelib.models.store.attempts import attempts
from chalicelib.models.user import User
from chalicelib.protocol.grants import issuing, refresh_rotation
from chalicelib.protocol.grants.grant_type import CONNECT_AGAIN, TokenAnswer, TokenGrant, TokenRequest
from chalicelib.protocol.grants.refresh_rotation import Presented, Use
from chalicelib.protocol.openid import claims
from chalicelib.protocol.rules import given_scopes, grant_types, resource_indicators, scopes

_UNKNOWN = f"The refresh token is unknown, was used before, or its permission has ended. {CONNECT_AGAIN}"
_TAKEN_BACK = f"The user has revoked the permission, or their account is closed. {CONNECT_AGAIN}"
_ENDED_MEANWHILE = "The permission ended while this request was processed."


@dataclass(frozen=True)
class _Asking:
    """Who refreshes, and for what. user: the grant's. token: the refresh token. resource: of the access token."""

    client: Application
    user: User
    token: str
    resource: str | None
    request: TokenRequest

    @property
    def issuer(self) -> str:
        return self.request.issuer

    def access_token(self, found: Grant, tokens: TokenAnswer) -> AccessToken:
        """The item of the next access token of the grant."""
        key = self.request.thumbprint
        return issuing.access_token(
            found, tokens, self.resource, self.client, issuer=self.issuer, user=self.user, key=key
        )

    def answer(self, tokens: TokenAnswer, found: Grant, item: AccessToken) -> TokenAnswer:
        """What the client gets. An ID token has no nonce, and the time of the original sign-in (OpenID Connect Core
        §12.2)."""
        told = claims.for_id_token(found.id_token_claims or (), tokens.scope.split(), self.user)
        return issuing.handed_out(tokens, found, self.client, item, issuer=self.issuer, told=told)


class RefreshTokenGrant(TokenGrant):
    name = grant_types.REFRESH_TOKEN
    required = "refresh_token"

    def answer(self, request: TokenRequest) -> TokenAnswer:
        token = request.parameters["refresh_token"]
        application, found, user, consent = _read(request)
        client = request.authenticated(application)
        own_grant, owner = _check_grant(found, user, consent, client)
        _check_key(own_grant, token, request, client)
        resource = request.resource(own_grant.resource)
        asking = _Asking(client, owner, token, resource, request)
        if client.rotates_refresh_tokens:
            use = refresh_rotation.use(token, own_grant, client)
            scope = _scope(request, own_grant, resource)
            request.use_proof()
            answered = _rotate(own_grant, asking, use, scope)
        else:
            if not credentials.matches(token, own_grant.refresh_digest):
                raise errors.InvalidGrantError(_UNKNOWN)
            scope = _scope(request, own_grant, resource)
            request.use_proof()
            answered = _refresh(own_grant, asking, scope)
        logs.note(outcome="token refreshed")
        return answered


def _read(request: TokenRequest) -> tuple[Application | None, Grant | None, User | None, Consent | None]:
    named = credentials.recognize(request.parameters["refresh_token"], Kind.REFRESH_TOKEN)
    application, found, user, consent = store.read(
        Application.key(request.client.client_id),
        Grant.key(named.names) if named else None,
        User.key(grant.user_of(named.names)) if named else None,
        grant.consent_key(named.names) if named else None,
    )
    return application, found, user, consent


def _check_grant(
    found: Grant | None, user: User | None, consent: Consent | None, client: Application
) -> tuple[Grant, User]:
    """Return the grant and its user if it is this client's and not idle, and its user still allows it.

    Raises InvalidGrantError.
    A grant that became idle while its client was public stays ended when the client becomes confidential.
    """
    if found is None or found.client_id != client.client_id:
        raise errors.InvalidGrantError(_UNKNOWN)
    if found.is_idle:
        days = settings.SETTINGS.refresh_idle_days
        raise errors.InvalidGrantError(f"The refresh token was not used for {days} days and has ended. {CONNECT_AGAIN}")
    if user is None or not user.active or not grant.is_allowed(found, consent, client):
        raise errors.InvalidGrantError(_TAKEN_BACK)
    return found, user


def _check_key(found: Grant, token: str, request: TokenRequest, client: Application) -> None:
    """Before the token is looked at: without the key, nobody can even make a bound one look replayed.

    Raises InvalidGrantError.
    """
    try:
        request.check_key(found.jkt)
    except errors.InvalidGrantError:
        refresh_rotation.end_if_used_before_bound(token, found, client)
        raise


def _scope(request: TokenRequest, found: Grant, resource: str | None) -> str:
    """Return the requested scopes, which may be fewer than the user allowed, not more.

    One that has ended or grown is left out if there are others, and the token response says so (§5.1): a client may
    keep sending the scope that it was granted.
    Raises InvalidScopeError, and InvalidGrantError if nothing of what was allowed is left.
    """
    allowed = issuing.still_allowed(found)
    still, once = scopes.with_implied(allowed), given_scopes.once(found.scope.split())
    asked = [scope for scope in request.scopes(allowed) if scope in still or scope not in once]
    if not asked or not set(asked) <= still:
        raise errors.InvalidScopeError(f"scope must not go beyond what the user allowed: {', '.join(allowed)}.")
    return " ".join(resource_indicators.scopes_at(resource, asked))


def _refresh(found: Grant, asking: _Asking, scope: str) -> TokenAnswer:
    """Write the next access token. If another refresh came first, try again, or raise StoreUnavailable.

    Raises InvalidGrantError if the grant has ended.
    """
    lifetime = resource_indicators.token_lifetime_seconds(asking.resource)
    made = credentials.mint(Kind.ACCESS_TOKEN, found.grant_id)
    tokens = TokenAnswer(made, scope, asking.token, expires_in=lifetime)
    for _ in attempts():
        began = time.monotonic()
        item = asking.access_token(found, tokens)
        answered = asking.answer(tokens, found, item)
        try:
            grant.refresh(found, item)
        except store.ConditionFailed:
            if time.monotonic() - began >= limits.REFRESH_GIVES_WAY_SECONDS:
                raise store.StoreUnavailable("overtaken while it hung") from None
            found = _read_again(found.grant_id, asking.client)[0]
            if not credentials.matches(asking.token, found.refresh_digest):
                raise errors.InvalidGrantError(_ENDED_MEANWHILE) from None
        else:
            return answered
    raise store.StoreUnavailable("refreshed again and again")


def _rotate(found: Grant, asking: _Asking, use: Use, scope: str) -> TokenAnswer:
    """Rotate. If the token is a repeat, or another request used it first, return what is already stored.

    Raises InvalidGrantError if the grant has ended.
    """
    is_repeat = use.presented is Presented.REPEATED
    if not is_repeat:
        made = use.tokens
        lifetime = resource_indicators.token_lifetime_seconds(asking.resource)
        tokens = TokenAnswer(made.access_token, scope, made.refresh_token, expires_in=lifetime)
        digest, item = credentials.digest(made.refresh_token), asking.access_token(found, tokens)
        answered = asking.answer(tokens, found, item)
        try:
            grant_rotation.rotate(found, digest, item, key_id=made.key_id, salt=made.salt)
        except store.ConditionFailed:
            pass  # another request with the same token came first; not a repeat, since neither had its response yet
        else:
            return answered
    return _repeat(found.grant_id, asking, is_repeat=is_repeat)


def _repeat(grant_id: str, asking: _Asking, *, is_repeat: bool) -> TokenAnswer:
    found, live = _read_again(grant_id, asking.client)
    _check_key(found, asking.token, asking.request, asking.client)
    use = refresh_rotation.use(asking.token, found, asking.client)
    if use.presented is Presented.CURRENT:
        raise store.StoreUnavailable("neither rotated nor ended")
    if is_repeat:
        refresh_rotation.count_repeat(found, asking.client)
    logs.note(repeated=True)
    tokens = TokenAnswer(
        use.tokens.access_token,
        _scope_of(found, live),
        use.tokens.refresh_token,
        expires_in=max(0, live.expires_at - clock.now()) if live else 0,
        is_bound=found.jkt is not None,
    )
    return asking.answer(tokens, found, live) if live else tokens


def _scope_of(found: Grant, live: AccessToken | None) -> str:
    """What the grant's access token allows; without one, what the grant allows."""
    allowed = issuing.still_allowed(found)
    still = scopes.with_implied(allowed)
    return scopes.as_text([scope for scope in live.scope.split() if scope in still] if live else allowed)


def _read_again(grant_id: str, client: Application) -> tuple[Grant, AccessToken | None]:
    """Return the grant and its access token as they are now. Raises InvalidGrantError if the grant has ended."""
    found, live, consent = store.read(Grant.key(grant_id), AccessToken.key(grant_id), grant.consent_key(grant_id))
    if found is None or not grant.is_allowed(found, consent, client):
        raise errors.InvalidGrantError(_ENDED_MEANWHILE)
    return found, live
