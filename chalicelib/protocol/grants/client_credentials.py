"""The client credentials grant: an application asks for itself, with no user (RFC 6749 §4.4).

It gets what the operator allowed it: its own scopes, for its own organizers.
"""

from __future__ import annotations

from oauthlib.oauth2.rfc6749 import errors

from chalicelib import credentials, logs
from chalicelib.credentials import Kind
from chalicelib.models import application_access, store
from chalicelib.models.application import Application
from chalicelib.protocol.grants import issuing
from chalicelib.protocol.grants.grant_type import TokenAnswer, TokenGrant, TokenRequest
from chalicelib.protocol.rules import grant_types, resource_indicators, scopes


class ClientCredentialsGrant(TokenGrant):
    name = grant_types.CLIENT_CREDENTIALS

    def answer(self, request: TokenRequest) -> TokenAnswer:
        client = request.authenticated(store.read(Application.key(request.client.client_id))[0])
        _check_allowed(client)
        resource = resource_indicators.read(request.parameters.get("resource"), issuer=request.issuer)
        scope = _scope(request, client)
        grant_id = application_access.new_id(client.client_id)
        tokens = TokenAnswer(credentials.mint(Kind.ACCESS_TOKEN, grant_id), scope)
        application_access.issue(issuing.own_access_token(client, grant_id, tokens, resource))
        logs.note(outcome="token issued")
        return tokens


def _check_allowed(client: Application) -> None:
    """A public application cannot prove that it is the one that asks (§4.4). Raises UnauthorizedClientError."""
    if not (client.is_confidential and client.own_scopes):
        raise errors.UnauthorizedClientError("This application has no access of its own. The operator has to allow it.")


def _scope(request: TokenRequest, client: Application) -> str:
    """Raises InvalidScopeError for more than the operator allowed."""
    own = scopes.ordered(client.own_scopes or ())
    asked = request.scopes(own)
    if not set(asked) <= set(own):
        raise errors.InvalidScopeError(f"scope must be what the operator allowed: {', '.join(own)}.")
    return scopes.as_text(asked)
