"""What an identity provider publishes about itself: its metadata (OpenID Connect Discovery §4) and its keys (JWKS).

Both are kept in the memory of a process for PROVIDER_DOCUMENT_KEPT_SECONDS, so that a sign-in seldom waits for them.
What takes all the time it may is not asked again for PROVIDER_RETRY_SECONDS: while a provider hangs, sign-ins that each
waited for it would tie up every function. A fast failure ties up nothing and is not remembered.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from chalicelib import clock, deadline, limits, outbound
from chalicelib.protocol.rules import strict_json

_PRINTABLE = re.compile(r"[!-~]+", re.ASCII)


class ProviderUnavailable(Exception):
    """The provider cannot be reached, or what it publishes cannot be used. The message is for the log."""


@dataclass(frozen=True)
class ProviderMetadata:
    """authorization_endpoint, token_endpoint, jwks_uri: URLs. userinfo_endpoint: a URL or None. sends_issuer: its
    response names it in `iss` (RFC 9207). takes_form_secret: the secret goes into the form, since it takes no Basic."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    sends_issuer: bool
    takes_form_secret: bool


@dataclass
class _Keys:
    """keys: public JWKs. fetched_at: on the process's clock."""

    keys: list[Mapping[str, Any]]
    fetched_at: float


@dataclass
class _Memory:
    metadata: dict[str, tuple[ProviderMetadata, float]] = field(default_factory=dict)
    keys: dict[str, _Keys] = field(default_factory=dict)
    hanging: dict[str, float] = field(default_factory=dict)  # a URL -> until when it is not asked again


MEMORY = _Memory()


def metadata(issuer: str) -> ProviderMetadata:
    """The provider's metadata. Raises ProviderUnavailable."""
    known = MEMORY.metadata.get(issuer)
    if known and clock.monotonic() - known[1] < limits.PROVIDER_DOCUMENT_KEPT_SECONDS:
        return known[0]
    found = _read(issuer, _document(issuer.rstrip("/") + "/.well-known/openid-configuration"))
    MEMORY.metadata[issuer] = found, clock.monotonic()
    return found


def keys_for(provider: ProviderMetadata, key_id: str | None) -> list[Mapping[str, Any]]:
    """The provider's keys with this id; all that can sign if the token names none.

    An id that is not among them makes it fetch them again, at most once every PROVIDER_KEYS_RETRY_SECONDS: a provider
    publishes a new key before or when it signs with it. Raises ProviderUnavailable.
    """
    known = MEMORY.keys.get(provider.jwks_uri)
    age = clock.monotonic() - known.fetched_at if known else None
    if known and age is not None and age < limits.PROVIDER_DOCUMENT_KEPT_SECONDS:
        found = _named(known.keys, key_id)
        if found or age < limits.PROVIDER_KEYS_RETRY_SECONDS:
            return found
    keys = _document(provider.jwks_uri).get("keys")
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise ProviderUnavailable("its jwks_uri is no JWK set")
    MEMORY.keys[provider.jwks_uri] = _Keys(list(keys), clock.monotonic())
    return _named(keys, key_id)


def _named(keys: list[Mapping[str, Any]], key_id: str | None) -> list[Mapping[str, Any]]:
    signing = [key for key in keys if key.get("use", "sig") == "sig"]
    return signing if key_id is None else [key for key in signing if key.get("kid") == key_id]


def _read(issuer: str, document: Mapping[str, Any]) -> ProviderMetadata:
    if document.get("issuer") != issuer:  # exactly: OpenID Connect Discovery §4.3
        raise ProviderUnavailable("its metadata names another issuer")
    urls = {name: document.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
    for name, url in urls.items():
        if not isinstance(url, str) or not _is_endpoint(url):
            raise ProviderUnavailable(f"its metadata has no usable {name}")
    userinfo = document.get("userinfo_endpoint")
    methods = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    takes_basic = not isinstance(methods, list) or "client_secret_basic" in methods
    return ProviderMetadata(
        issuer=issuer,
        authorization_endpoint=str(urls["authorization_endpoint"]),
        token_endpoint=str(urls["token_endpoint"]),
        jwks_uri=str(urls["jwks_uri"]),
        userinfo_endpoint=userinfo if isinstance(userinfo, str) else None,
        sends_issuer=document.get("authorization_response_iss_parameter_supported") is True,
        takes_form_secret=not takes_basic,
    )


def _is_endpoint(url: str) -> bool:
    """True for an address that a browser can be sent to: our own rules are kept, since `outbound` never sees it."""
    try:
        parts = urlsplit(url)
        host = parts.hostname if _PRINTABLE.fullmatch(url) else None
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or outbound.is_on_this_laptop(parts))


@contextmanager
def reaching(what: str, url: str) -> Iterator[None]:
    """Raises ProviderUnavailable if what is fetched within the block cannot be, has just taken too long, or there is no
    time left for it. what: for the log. url: what the block fetches."""
    if clock.monotonic() < MEMORY.hanging.get(url, 0.0):
        raise ProviderUnavailable(f"{what}: it has just taken too long")
    try:
        yield
    except outbound.TooSlow as error:
        MEMORY.hanging[url] = clock.monotonic() + limits.PROVIDER_RETRY_SECONDS
        raise ProviderUnavailable(f"{what}: {error}") from error
    except outbound.FetchError as error:
        raise ProviderUnavailable(f"{what}: {error}") from error
    except deadline.DeadlineExceeded as error:
        raise ProviderUnavailable(f"{what}: there was no time left") from error


def _document(url: str) -> Mapping[str, Any]:
    with reaching(url, url):
        fetched = outbound.fetch(url, outbound.PROVIDERS_JSON)
    try:
        return strict_json.read_object(fetched)
    except strict_json.NotStrict as error:
        raise ProviderUnavailable(f"{url} is not a JSON object") from error
