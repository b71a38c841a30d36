"""Answers the questions that oauthlib asks at each step of an authorization request (RFC 6749 §4.1.1)."""

from __future__ import annotations

from typing import Any

from oauthlib.oauth2 import RequestValidator
from oauthlib.oauth2.rfc6749 import errors

from chalicelib.models.application import Application
from chalicelib.protocol.rules import redirect_uris, scopes


class Validator(RequestValidator):
    """oauthlib passes a request around. Its `client` is an Application or None."""

    def validate_client_id(self, client_id: str, request: Any, *args: Any, **kwargs: Any) -> bool:
        return request.client is not None and request.client.active

    def validate_redirect_uri(self, client_id: str, redirect_uri: str, request: Any, *args: Any, **kwargs: Any) -> bool:
        client: Application = request.client
        return redirect_uris.is_registered(redirect_uri, client.redirect_uris, is_native=client.is_native)

    def get_default_redirect_uri(self, client_id: str, request: Any, *args: Any, **kwargs: Any) -> str:
        # "" if there is none, which oauthlib refuses: an application on a device needs no redirect URI.
        return str(next(iter(request.client.redirect_uris), ""))

    def validate_response_type(self, client_id: str, response_type: str, client: Any, request: Any, *args: Any) -> bool:
        return response_type == "code"

    def is_pkce_required(self, client_id: str, request: Any) -> bool:
        return False  # `authorization_request` and the grant check PKCE: oauthlib would not mark the code as used

    def get_default_scopes(self, client_id: str, request: Any, *args: Any, **kwargs: Any) -> list[str]:
        return list(scopes.default())

    def validate_scopes(self, client_id: str, requested: list[str], client: Any, request: Any, *args: Any) -> bool:
        if not requested or not scopes.are_known(scopes.without_habits(requested)):
            raise errors.InvalidScopeError(scopes.unknown(), request=request)
        return True
