"""What all grant types share: the token request and the token response (RFC 6749 §4, §5.1)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from oauthlib.oauth2.rfc6749 import errors
from oauthlib.oauth2.rfc6749.grant_types.base import GrantTypeBase

from chalicelib import limits
from chalicelib.models.application import Application
from chalicelib.protocol.clients import authentication, dpop
from chalicelib.protocol.clients.authentication import PresentedClient
from chalicelib.protocol.rules import resource_indicators, scopes
from chalicelib.protocol.rules.dpop_proof import Proof

CONNECT_AGAIN = "Send the user to the authorization endpoint again."


@dataclass(frozen=True)
class TokenRequest:
    """A request to the token endpoint.

    parameters: the form's, each once. client: the credentials that the client sent. issuer: this provider's URL. proof:
    of the key that the tokens are to be bound to; None if no proof was sent (RFC 9449 §5).
    """

    parameters: Mapping[str, str]
    client: PresentedClient
    issuer: str
    proof: Proof | None = None

    @property
    def thumbprint(self) -> str | None:
        """Of the key that the tokens are to be bound to (RFC 7638)."""
        return self.proof.thumbprint if self.proof else None

    def authenticated(self, application: Application | None) -> Application:
        """Return the client. application: as read from the store, or None. Raises InvalidClientError, and
        InvalidProofError if it has to send a proof."""
        client = authentication.check(self.client, application, issuer=self.issuer)
        dpop.check_required(self.proof, client)
        return client

    def check_key(self, bound_to: str | None) -> None:
        """Raises InvalidGrantError unless what is exchanged is bound to the key of the proof, or to none (RFC 9449 §5,
        §10). bound_to: a thumbprint."""
        if bound_to not in (None, self.thumbprint):
            raise errors.InvalidGrantError("This grant is bound to another key: send a DPoP proof by that one.")

    def use_proof(self) -> None:
        """Use up the proof, as the last check before something is issued. Raises InvalidProofError, StoreUnavailable.
        One write, if there is a proof."""
        dpop.claim(self.proof)

    def scopes(self, default: list[str]) -> list[str]:
        """Return the requested scopes, or `default` if the request names none (§3.3)."""
        if "scope" not in self.parameters:
            return default
        return scopes.without_habits(self.parameters["scope"].strip().split(" "))

    def resource(self, granted: str | None) -> str | None:
        """Return the access token's resource, within the grant's. Raises InvalidTargetError (RFC 8707 §2.2)."""
        return resource_indicators.narrowed(self.parameters.get("resource"), granted, issuer=self.issuer)


@dataclass(frozen=True)
class TokenAnswer:
    """A token response (§5.1).

    scope: space-separated. refresh_token: None if the client gets none. expires_in: seconds. id_token: None without the
    scope `openid` (OpenID Connect Core §3.1.3.3). is_bound: the access token is bound to a key (RFC 9449 §5).
    """

    access_token: str
    scope: str
    refresh_token: str | None = None
    expires_in: int = limits.ACCESS_TOKEN_LIFETIME_SECONDS
    id_token: str | None = None
    is_bound: bool = False

    def as_json(self) -> str:
        answer: dict[str, Any] = {
            "access_token": self.access_token,
            "expires_in": self.expires_in,
            "token_type": "DPoP" if self.is_bound else "Bearer",
            "scope": self.scope,
        }
        others = {"refresh_token": self.refresh_token, "id_token": self.id_token}
        return json.dumps({**answer, **{name: value for name, value in others.items() if value}})


class TokenGrant(GrantTypeBase):  # type: ignore[misc] # oauthlib has no types
    """A grant type for oauthlib, which selects it by the request's `grant_type`; `answer` does the rest.

    name: the `grant_type`. required: the parameter that a request must have, if there is one.
    """

    name: ClassVar[str]
    required: ClassVar[str | None] = None

    def create_token_response(self, request: Any, token_handler: Any) -> tuple[dict[str, str], str, int]:
        parameters = dict(request.decoded_body or ())
        if self.required and self.required not in parameters:
            raise errors.InvalidRequestError(f"{self.required} is missing.")
        sent = authentication.read(request.headers.get("Authorization"), parameters)
        asked = TokenRequest(parameters, sent, issuer=request.uri, proof=request.extra_credentials)
        return {}, self.answer(asked).as_json(), 200

    def answer(self, request: TokenRequest) -> TokenAnswer:
        """Return the tokens. Raises OAuth2Error, StoreUnavailable."""
        raise NotImplementedError
