"""The client credentials grant: an application acts for itself, without a user (RFC 6749 §4.4).

It gets the scopes and the organizers that the operator allowed it.
"""

from __future__ import annotations

from oauthlib.oauth2.rfc6749 import errors

from chalicelib import credentials, logs
from chalicelib.credentials import Kind
from chalicelib.models import application_access, store
from chalicelib.models.application import Application
from chalicelib.protocol.grants import issuing, signed_access_token
from chalicelib.protocol.grants.grant_type import TokenAnswer, TokenGrant, TokenRequest
from chalicelib.protocol.rules import grant_types, resource_indicators, scopes


class ClientCredentialsGrant(TokenGrant):
    name = grant_types.CLIENT_CREDENTIALS

    def answer(self, request: TokenRequest) -> TokenAnswer:
        client = request.authenticated(store.read(Application.key(request.client.client_id))[0])
        _check_allowed(client)
        resource = resource_indicators.read(request.parameters.get("resource"), issuer=request.issuer)
        scope = " ".join(resource_indicators.scopes_at(resource, _scopes(request, client)))
        grant_id = application_access.new_id(client.client_id)
        lifetime = resource_indicators.token_lifetime_seconds(resource)
        tokens = TokenAnswer(credentials.mint(Kind.ACCESS_TOKEN, grant_id), scope, expires_in=lifetime)
        item = issuing.own_access_token(
            client, grant_id, tokens, resource, issuer=request.issuer, key=request.thumbprint
        )
        answered = signed_access_token.handed_out(tokens, item, client, issuer=request.issuer)
        request.use_proof()
        application_access.issue(item)
        logs.note(outcome="token issued")
        return answered


def _check_allowed(client: Application) -> None:
    """Raises UnauthorizedClientError. A public application is refused, because it cannot authenticate (§4.4)."""
    if not (client.is_confidential and scopes.of_application(client.own_scopes or ())):
        raise errors.UnauthorizedClientError("This application has no access of its own. The operator has to allow it.")


def _scopes(request: TokenRequest, client: Application) -> list[str]:
    """Raises InvalidScopeError for a scope that the operator did not allow."""
    own = scopes.of_application(client.own_scopes or ())
    asked = scopes.without_users(request.scopes(own))
    if not set(asked) <= scopes.allowed_to_application(asked, own):
        raise errors.InvalidScopeError(f"scope may contain only what the operator allowed: {', '.join(own)}.")
    return asked
