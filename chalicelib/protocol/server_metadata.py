"""The metadata that clients discover: of this provider (RFC 8414) and of its own API (RFC 9728)."""

from __future__ import annotations

from typing import Any

from chalicelib import settings
from chalicelib.models.application import BASIC, NONE, POST, PRIVATE_KEY_JWT
from chalicelib.protocol.clients import client_metadata, metadata_documents, private_key_jwt
from chalicelib.protocol.grants import token_endpoint
from chalicelib.protocol.rules import paths, pkce, prompts, scopes

_CONFIDENTIAL = [BASIC, POST, PRIVATE_KEY_JWT]


def authorization_server(issuer: str) -> dict[str, Any]:
    """Return the provider's metadata. issuer: the provider's URL, which is also its identifier."""
    algorithms = list(private_key_jwt.ALGORITHMS)
    is_closed = settings.SETTINGS.registration == settings.CLOSED
    return {
        "issuer": issuer,
        "authorization_endpoint": issuer + paths.AUTHORIZATION,
        "token_endpoint": issuer + paths.TOKEN,
        "token_endpoint_auth_methods_supported": [*_CONFIDENTIAL, NONE],
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "revocation_endpoint": issuer + paths.REVOCATION,
        "revocation_endpoint_auth_methods_supported": [*_CONFIDENTIAL, NONE],
        "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
        "introspection_endpoint": issuer + paths.INTROSPECTION,
        "introspection_endpoint_auth_methods_supported": _CONFIDENTIAL,
        "introspection_endpoint_auth_signing_alg_values_supported": algorithms,
        "device_authorization_endpoint": issuer + paths.DEVICE_AUTHORIZATION,
        "pushed_authorization_request_endpoint": issuer + paths.PUSHED_REQUEST,
        **({} if is_closed else {"registration_endpoint": issuer + paths.REGISTRATION}),
        "scopes_supported": list(scopes.supported()),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "prompt_values_supported": list(prompts.ALL),
        "grant_types_supported": list(_grant_types()),
        "code_challenge_methods_supported": [pkce.METHOD],
        # A pushed request's reference is accepted whatever the second one says (RFC 9126 §5). It is true by default.
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "client_id_metadata_document_supported": metadata_documents.are_taken(),
        "authorization_response_iss_parameter_supported": True,  # RFC 9207 §3
    }


def _grant_types() -> tuple[str, ...]:
    """All of them, unless strangers may register: hosts register with what is listed here, and do not get the rest."""
    is_open = settings.SETTINGS.registration == settings.OPEN
    return client_metadata.GRANT_TYPES_OF_ALL if is_open else token_endpoint.GRANT_TYPES


def protected_resource(issuer: str) -> dict[str, Any]:
    return {
        "resource": issuer,
        "resource_name": "Lanyard",
        "authorization_servers": [issuer],
        "scopes_supported": list(scopes.supported()),
        "bearer_methods_supported": ["header"],
    }
