"""The items to store when tokens are issued, and the grants to end when a code is used twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from oauthlib.oauth2.rfc6749 import errors

from chalicelib import clock, credentials, logs
from chalicelib.credentials import Kind
from chalicelib.models import consent, store, user_organizers
from chalicelib.models.access_token import AccessToken
from chalicelib.models.application import Application
from chalicelib.models.authorization_code import AuthorizationCode
from chalicelib.models.device_request import DeviceRequest
from chalicelib.models.grant import Grant, forgotten_at
from chalicelib.models.store.table import as_set
from chalicelib.models.user import User
from chalicelib.protocol.grants import refresh_rotation, signed_access_token, undelivered
from chalicelib.protocol.grants.grant_type import CONNECT_AGAIN, TokenAnswer
from chalicelib.protocol.openid import claims, id_token
from chalicelib.protocol.rules import given_scopes, resource_indicators, scopes


def new_tokens(grant_id: str, allowed: Iterable[str], resource: str | None) -> TokenAnswer:
    """An access token for the resource and a refresh token, for a new grant of these scopes.

    Raises InvalidScopeError if the resource knows none of them.
    """
    return TokenAnswer(
        credentials.mint(Kind.ACCESS_TOKEN, grant_id),
        " ".join(resource_indicators.scopes_at(resource, allowed)),
        credentials.mint(Kind.REFRESH_TOKEN, grant_id),
        expires_in=resource_indicators.token_lifetime_seconds(resource),
    )


def new_grant(
    of: AuthorizationCode | DeviceRequest,
    client: Application,
    grant_id: str,
    tokens: TokenAnswer,
    *,
    key: str | None = None,
) -> Grant:
    """key: the thumbprint of the one that the tokens are bound to. A public client's refresh token is bound to it too;
    a confidential client has its own authentication (RFC 9449 §5)."""
    assert tokens.refresh_token is not None
    now = clock.now()
    # A confidential client's refresh token does not rotate and does not expire.
    more: dict[str, Any] = {}
    if client.rotates_refresh_tokens:
        more = {"refresh_salt": credentials.new_secret(), "forget_at": forgotten_at(), "jkt": key}
    if isinstance(of, AuthorizationCode) and of.auth_time is not None:
        more |= {name: getattr(of, name) for name in ("auth_time", "session_id", "amr", "acr")}
        more["id_token_claims"] = as_set(claims.from_text(of.id_token_claims))
    return Grant(
        user_id=of.user_id,
        grant_id=grant_id,
        client_id=of.client_id,
        consent_id=of.consent_id,
        scope=of.scope,
        organizers=of.organizers,
        resource=of.resource,
        refresh_digest=credentials.digest(tokens.refresh_token),
        created_at=now,
        last_used_at=now,
        **more,
    )


def still_allowed(of: AuthorizationCode | DeviceRequest | Grant) -> list[str]:
    """The scopes that still count of those that a user allowed. Raises InvalidGrantError if none does."""
    allowed = scopes.narrowed(given_scopes.in_force(of.scope.split()), of.resource)
    if not allowed:
        raise errors.InvalidGrantError(
            f"What the user allowed has ended, has changed or no longer exists. {CONNECT_AGAIN}"
        )
    return allowed


def handed_out(
    tokens: TokenAnswer,
    of: Grant,
    client: Application,
    item: AccessToken,
    *,
    issuer: str,
    nonce: str | None = None,
    told: Mapping[str, Any] | None = None,
) -> TokenAnswer:
    """What the client gets: the tokens, with a signed access token in place of the opaque one if the item says so, and
    with an ID token if the access token has the scope `openid`. Call it before they are stored: a key that cannot be
    used must not leave a grant behind that nobody gets.

    item: the access token's. nonce: the authorization request's. told: claims about the user. Raises SigningKeyMissing,
    SigningKeyUnavailable.
    """
    given = signed_access_token.handed_out(tokens, item, client, issuer=issuer, signed_in_at=of.auth_time)
    if not scopes.has_openid(given.scope.split()):
        return given
    made = id_token.made(of, client, given.access_token, item, issuer=issuer, nonce=nonce, told=told or {})
    return replace(given, id_token=made)


def access_token(
    of: Grant,
    tokens: TokenAnswer,
    resource: str | None,
    client: Application,
    *,
    issuer: str,
    user: User | None = None,
    key: str | None = None,
) -> AccessToken:
    """resource: what the access token is for; it may be narrower than the grant's. user: the grant's, if it was read;
    without it, the transaction that stores a signed token has to check the user. key: the thumbprint of the one that it
    is bound to (RFC 9449 §6)."""
    made = _access_token(of.grant_id, of.user_id, of.client_id, of.organizers, tokens, resource)
    made.jkt = key
    if not resource_indicators.takes_jwts(resource, issuer=issuer):
        return made
    made.signed = True
    made.consent_id = of.consent_id
    made.issued_at = consent.moment_for(client)
    # Nobody asks again when a signed token is used, so it says and lasts no more than what is so now.
    made.organizers = as_set(user_organizers.among(user, of.organizers or ())) if user else of.organizers
    ends = given_scopes.ends(of.scope.split())
    said = scopes.with_implied(made.scope.split())
    made.expires_at = min([made.expires_at, *(at for name, at in ends.items() if name in said)])
    return made


def own_access_token(
    client: Application,
    grant_id: str,
    tokens: TokenAnswer,
    resource: str | None,
    *,
    issuer: str,
    key: str | None = None,
) -> AccessToken:
    """An application's own access token. Its user id is the client id."""
    own = set(client.own_organizers or ()) or None
    moment = consent.moment_for(client)
    made = _access_token(grant_id, client.client_id, client.client_id, own, tokens, resource, issued_at=moment)
    made.jkt = key
    if resource_indicators.takes_jwts(resource, issuer=issuer):
        made.signed = True
    return made


def end_replayed(grant_id: str | None, client: Application) -> errors.InvalidGrantError:
    """End the grant of a code that its client used twice (RFC 6749 §4.1.2). Returns the error to respond with."""
    if grant_id and undelivered.knows(grant_id):
        return end_undelivered(grant_id, client, "code")
    logs.note(security_event="code replayed")
    # Record only the first replay: a client that keeps replaying must not fill the user's history.
    found = store.read(Grant.key(grant_id))[0] if grant_id else None
    if found:
        refresh_rotation.end_replayed_grant(found, client)
    return errors.InvalidGrantError(f"The code has been used. {CONNECT_AGAIN}")


def end_undelivered(grant_id: str, client: Application, what: str) -> errors.InvalidGrantError:
    """End a grant whose tokens this process could not deliver: they may have leaked on the way. Returns the error."""
    logs.note(interrupted=True)
    found = store.read(Grant.key(grant_id))[0]
    if found:
        refresh_rotation.end_interrupted(found, client)
    return errors.InvalidGrantError(f"The {what} was used by a request whose response was lost. Start again.")


def _access_token(
    grant_id: str,
    user_id: str,
    client_id: str,
    organizers: Iterable[str] | None,
    tokens: TokenAnswer,
    resource: str | None,
    *,
    issued_at: int | None = None,
) -> AccessToken:
    now = clock.now()
    return AccessToken(
        grant_id=grant_id,
        token_digest=credentials.digest(tokens.access_token),
        user_id=user_id,
        client_id=client_id,
        scope=tokens.scope,
        organizers=organizers,
        resource=resource,
        issued_at=now if issued_at is None else issued_at,
        expires_at=now + tokens.expires_in,
    )
