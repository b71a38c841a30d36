"""A sign-in at an identity provider: the request that the browser carries there, and what its answer is exchanged for.

The code flow of OpenID Connect Core §3.1 with PKCE (RFC 7636), `state`, `nonce` and `iss` (RFC 9207). oauthlib writes
and reads the messages.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from oauthlib.common import add_params_to_uri
from oauthlib.oauth2 import OAuth2Error, WebApplicationClient

from chalicelib import outbound, settings
from chalicelib.identity_providers import OpenIDProvider
from chalicelib.keys import parameter_store
from chalicelib.protocol.rules import signed_tokens, strict_json
from chalicelib.protocol.upstream import id_token, provider_documents
from chalicelib.protocol.upstream.provider_documents import ProviderMetadata

_OF_TOKENS = ("access_token", "token_type", "id_token", "error")
_CODE_LIMIT_CHARACTERS = 60  # of an error that the provider made up


class NotAccepted(Exception):
    """The provider's answer cannot be accepted. The message is for the log."""


class _UnknownClient(NotAccepted):
    """The provider does not accept our client id with our secret (RFC 6749 §5.2)."""


@dataclass(frozen=True)
class Secrets:
    """What binds an answer to the sign-in that was begun. state: travels with the browser. nonce: comes back in the ID
    token. verifier: goes to the provider only from us (RFC 7636)."""

    state: str
    nonce: str
    verifier: str


def check_reachable(provider: OpenIDProvider) -> None:
    """Raises ProviderUnavailable if `address` would."""
    provider_documents.metadata(provider.issuer)


def address(
    provider: OpenIDProvider,
    redirect_uri: str,
    secrets: Secrets,
    *,
    is_again: bool,
    login_hint: str | None,
    language: str,
) -> str:
    """The URL that the browser is sent to. is_again: the user has to sign in even if they are signed in there.

    Raises ProviderUnavailable.
    """
    challenge = base64.urlsafe_b64encode(hashlib.sha256(secrets.verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(provider.scopes),
        "state": secrets.state,
        "nonce": secrets.nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "ui_locales": language,
        "prompt": "login" if is_again else None,
        "login_hint": login_hint,
    }
    endpoint = provider_documents.metadata(provider.issuer).authorization_endpoint
    # It may have a query of its own.
    return str(add_params_to_uri(endpoint, [(name, value) for name, value in query.items() if value]))


def claims(
    provider: OpenIDProvider, redirect_uri: str, secrets: Secrets, *, code: str, issuer: str | None
) -> dict[str, Any]:
    """What the provider says about the user who signed in: `sub` and the claims that it has, from the ID token and, for
    what that lacks, from UserInfo. issuer: the response's `iss`, or None.

    Raises NotAccepted, ProviderUnavailable, ParameterUnavailable.
    """
    metadata = provider_documents.metadata(provider.issuer)
    if issuer is None and metadata.sends_issuer:
        raise NotAccepted("the response names no issuer")
    if issuer is not None and issuer != provider.issuer:
        raise NotAccepted("the response is from another issuer")
    tokens = _tokens(provider, metadata, redirect_uri, secrets, code)
    signed = tokens.get("id_token")
    if not isinstance(signed, str):
        raise NotAccepted("there is no ID token")
    try:
        found = id_token.check(signed, metadata, client_id=provider.client_id, nonce=secrets.nonce)
    except signed_tokens.NotSigned as error:
        raise NotAccepted(f"the ID token {error}") from error
    wanted = {"email", *([provider.organizers_claim] if provider.organizers_claim else [])}
    if metadata.userinfo_endpoint and not wanted <= set(found):
        return _together(found, _user_info(metadata.userinfo_endpoint, tokens, found["sub"]))
    return found


def _together(signed: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """The claims of the ID token, and those of UserInfo that it lacks. The two about the address stay together: one
    document must not confirm the address in the other."""
    address = {"email", "email_verified"}
    kept_from = signed if "email" in signed else more
    others = {name: value for name, value in {**more, **signed}.items() if name not in address}
    return {**others, **{name: kept_from[name] for name in address & set(kept_from)}}


def _tokens(
    provider: OpenIDProvider, metadata: ProviderMetadata, redirect_uri: str, secrets: Secrets, code: str
) -> Mapping[str, Any]:
    """Exchange the code. If the provider does not know our secret, the operator may have changed it: read it again."""
    secret = _secret(provider)
    try:
        return _exchanged(provider, metadata, redirect_uri, secrets, code, secret)
    except _UnknownClient:
        changed = parameter_store.changed(parameter, secret) if secret and (parameter := _parameter(provider)) else None
        if changed is None:
            raise
        return _exchanged(provider, metadata, redirect_uri, secrets, code, changed)


def _exchanged(
    provider: OpenIDProvider,
    metadata: ProviderMetadata,
    redirect_uri: str,
    secrets: Secrets,
    code: str,
    secret: str | None,
) -> Mapping[str, Any]:
    client = WebApplicationClient(provider.client_id)
    in_form = {"client_secret": secret} if secret and metadata.takes_form_secret else {}
    headers = {"Authorization": _basic(provider.client_id, secret)} if secret and not in_form else {}
    form = client.prepare_request_body(
        code=code,
        redirect_uri=redirect_uri,
        code_verifier=secrets.verifier,
        include_client_id=not headers,
        **in_form,
    )
    with provider_documents.reaching("its token endpoint", metadata.token_endpoint):
        answer = outbound.post_form(metadata.token_endpoint, str(form), headers)
    try:
        said = strict_json.read_object(answer.body)
        # Only texts, and only those that are needed: oauthlib fails in ways of its own on anything else.
        texts = {name: said[name] for name in _OF_TOKENS if isinstance(said.get(name), str)}
        tokens = dict(client.parse_request_body_response(json.dumps(texts)))
    except strict_json.NotStrict as error:
        raise NotAccepted("the token endpoint's answer is not a JSON object") from error
    except OAuth2Error as error:
        reason = str(error.error)[:_CODE_LIMIT_CHARACTERS]
        kind = _UnknownClient if error.error == "invalid_client" else NotAccepted
        raise kind(f"the token endpoint refused the code ({reason})") from error
    if answer.is_refusal:
        raise NotAccepted("the token endpoint refused the code, without a reason")
    return tokens


def _user_info(endpoint: str, tokens: Mapping[str, Any], subject: str) -> dict[str, Any]:
    """UserInfo (OpenID Connect Core §5.3), which must be about the same user."""
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    with provider_documents.reaching("its userinfo endpoint", endpoint):
        answer = outbound.get(endpoint, outbound.PROVIDERS_JSON, headers)
    try:
        found = strict_json.read_object(answer.body)
    except strict_json.NotStrict as error:
        raise NotAccepted("UserInfo is not a JSON object") from error
    if found.get("sub") != subject:
        raise NotAccepted("UserInfo is about somebody else")
    return found


def _secret(provider: OpenIDProvider) -> str | None:
    if secret := settings.SETTINGS.provider_secrets.get(provider.name):
        return secret
    return parameter_store.read(parameter) if (parameter := _parameter(provider)) else None


def _parameter(provider: OpenIDProvider) -> str | None:
    """The SSM parameter with the secret; None if there is none, or the secret is in the environment."""
    return None if settings.SETTINGS.provider_secrets.get(provider.name) else provider.secret_parameter


def _basic(client_id: str, secret: str) -> str:
    """The Authorization header, with both parts encoded as a form (RFC 6749 §2.3.1)."""
    pair = f"{quote(client_id, safe='')}:{quote(secret, safe='')}"
    return "Basic " + base64.b64encode(pair.encode()).decode()
