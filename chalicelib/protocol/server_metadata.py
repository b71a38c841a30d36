"""The metadata that clients discover: of this provider (RFC 8414) and of its own API (RFC 9728)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib import logout_queue, settings, toml_file
from chalicelib.keys import signing
from chalicelib.models import ended_tokens
from chalicelib.models.application import BASIC, NONE, POST, PRIVATE_KEY_JWT
from chalicelib.protocol.authorization import authorization_request
from chalicelib.protocol.clients import client_metadata, dpop, metadata_documents, private_key_jwt, sectors
from chalicelib.protocol.grants import token_endpoint
from chalicelib.protocol.openid import claims
from chalicelib.protocol.rules import dpop_proof, paths, pkce, prompts, scopes

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
        **(_signed(issuer) if signing.is_on() else {}),
        **_proofs(),
        "scopes_supported": list(scopes.supported()),
        **_protected_resources(issuer),
        "response_types_supported": ["code"],
        "response_modes_supported": list(authorization_request.response_modes()),
        "prompt_values_supported": list(prompts.ALL),
        "grant_types_supported": list(_grant_types()),
        "code_challenge_methods_supported": [pkce.METHOD],
        # A pushed request's reference is accepted whatever the second one says (RFC 9126 §5). It is true by default.
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "client_id_metadata_document_supported": metadata_documents.are_taken(),
        "authorization_response_iss_parameter_supported": True,  # RFC 9207 §3
    }


def _signed(issuer: str) -> dict[str, Any]:
    """Where to find the keys, which signed access tokens have ended (no registered member), and how introspection signs
    (RFC 9701 §7). Clients that need no signature connect also while the keys cannot be read."""
    algorithms = list(signing.readable_algorithms())
    return {
        "jwks_uri": issuer + paths.KEYS,
        **({"ended_tokens_uri": issuer + paths.ENDED_TOKENS} if ended_tokens.are_listed() else {}),
        **({"introspection_signing_alg_values_supported": algorithms} if algorithms else {}),
    }


def _proofs() -> dict[str, Any]:
    """With which algorithms clients may sign DPoP proofs (RFC 9449 §5.1; of an API: RFC 9728 §2)."""
    return {"dpop_signing_alg_values_supported": list(dpop_proof.ALGORITHMS)} if dpop.is_on() else {}


def openid_provider(issuer: str) -> dict[str, Any]:
    """Return the provider's metadata as an OpenID provider (OpenID Connect Discovery §3), if the stage signs; else the
    same as `authorization_server`. Raises SigningKeyMissing, SigningKeyUnavailable."""
    found = authorization_server(issuer)
    if not signing.is_on():
        return found
    signing.algorithm()  # raises without a key that signs
    algorithms = list(signing.algorithms())
    return {
        **found,
        "userinfo_endpoint": issuer + paths.USER_INFO,
        "end_session_endpoint": issuer + paths.END_SESSION,
        "subject_types_supported": [sectors.PUBLIC, sectors.PAIRWISE],
        "id_token_signing_alg_values_supported": algorithms,
        "userinfo_signing_alg_values_supported": algorithms,
        "claim_types_supported": ["normal"],
        "claims_supported": list(claims.SUPPORTED),
        "claims_parameter_supported": True,
        "ui_locales_supported": list(toml_file.LANGUAGES),
        "display_values_supported": ["page"],
        **({f"backchannel_logout{what}_supported": True for what in ("", "_session")} if logout_queue.is_on() else {}),
    }


def _grant_types() -> tuple[str, ...]:
    """All of them, unless strangers may register: hosts register with what is listed here, and do not get the rest."""
    is_open = settings.SETTINGS.registration == settings.OPEN
    return client_metadata.GRANT_TYPES_OF_ALL if is_open else token_endpoint.GRANT_TYPES


def _protected_resources(issuer: str) -> dict[str, list[str]]:
    """The resources of the catalogue and our own API (RFC 9728 §4); nothing if the catalogue has none."""
    listed = list(settings.SETTINGS.permissions.resources)
    others = [] if settings.SETTINGS.permissions.resource(issuer) else [issuer]
    return {"protected_resources": [*others, *listed]} if listed else {}


def protected_resource(issuer: str) -> dict[str, Any]:
    """Return the metadata of our own API (RFC 9728 §2)."""
    known = scopes.narrowed(scopes.supported(), issuer)
    return {**described_resource(issuer, known, {"en": "Lanyard"}, issuer=issuer), **_proofs()}


def described_resource(address: str, known: list[str], title: Mapping[str, str], *, issuer: str) -> dict[str, Any]:
    """Return the metadata of an API that accepts our tokens. known: its scopes. title: its name for people, by language
    (§2.1); empty if it has none."""
    others = {f"resource_name#{language}": text for language, text in title.items() if language != "en"}
    return {
        "resource": address,
        **({"resource_name": title["en"], **others} if title else {}),
        "authorization_servers": [issuer],
        "scopes_supported": known,
        "bearer_methods_supported": ["header"],
    }
