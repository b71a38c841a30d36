"""Which algorithm signs what an application is told: ID tokens, UserInfo and answers to introspection.

Not access tokens: the API that gets them, and not the application, decides what it can check.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.keys import signing
from chalicelib.models.application import Application

# Those that the FAPI 2.0 Security Profile allows (§5.4.1). Each key of a stage can sign with one of them.
FAPI = ("PS256", "ES256", "EdDSA")
ID_TOKEN, USER_INFO = "id_token_signed_response_alg", "userinfo_signed_response_alg"


def registrable(document: Mapping[str, Any], name: str) -> str | None:
    """The algorithm that a registration asks for in this member, if this stage signs with it; else None, as if the
    member were not there."""
    wanted = document.get(name)
    return wanted if wanted in signing.readable_algorithms() else None


def for_id_token(client: Application) -> str:
    """The algorithm that it registered, if the stage signs with it; else the preferred one (OpenID Connect Registration
    §2). Raises SigningKeyMissing, SigningKeyUnavailable."""
    return _chosen(client, client.id_token_alg)


def for_user_info(client: Application) -> str | None:
    """None if the application gets UserInfo as plain JSON (OpenID Connect Core §5.3.2). Raises SigningKeyMissing,
    SigningKeyUnavailable."""
    return _chosen(client, client.userinfo_alg or client.id_token_alg) if client.userinfo_signed else None


def for_introspection(client: Application) -> str:
    """client: the one that asks. Raises SigningKeyMissing, SigningKeyUnavailable."""
    return _chosen(client, None)


def _chosen(client: Application, registered: str | None) -> str:
    usable = [name for name in signing.algorithms() if not client.is_held_to_fapi or name in FAPI]
    return registered if registered in usable else next(iter(usable), None) or signing.algorithm()
