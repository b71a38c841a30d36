"""A client that proves the key of its tokens with each request, as a DPoP library does (RFC 9449)."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from typing import Any
from urllib.parse import urlsplit

import requests
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from chalicelib import clock
from tests.actors import ClientApp

ALGORITHMS = {"EC": "ES256", "RSA": "PS256", "OKP": "EdDSA"}


class ProvingSession(requests.Session):
    """Adds a proof to each request, with the last nonce that it got, and repeats it once if it got another.

    To prove nothing, or something else, pass `DPoP` among the headers: None for no proof.
    """

    def __init__(self, key: Key | None = None) -> None:
        super().__init__()
        self.trust_env = False
        self.key = key or ECKey.generate_key("P-256")
        self.nonce: str | None = None

    @property
    def thumbprint(self) -> str:
        return str(self.key.thumbprint())

    def proof(
        self,
        method: str,
        url: str,
        *,
        token: str | None = None,
        head: dict[str, Any] | None = None,
        algorithm: str | None = None,
        **changed: Any,
    ) -> str:
        """A proof. token: the access token that is sent with it. head, changed: what differs; None to leave it out."""
        parts = urlsplit(url)
        claims = {
            "jti": uuid.uuid4().hex,
            "htm": method,
            "htu": f"{parts.scheme}://{parts.netloc}{parts.path}",
            "iat": clock.now(),
            "nonce": self.nonce,
            "ath": digest(token) if token else None,
            **changed,
        }
        header = {
            "typ": "dpop+jwt",
            "alg": algorithm or ALGORITHMS[str(self.key.key_type)],
            "jwk": public(self.key),
            **(head or {}),
        }
        return signed(header, claims, self.key)

    def request(self, method: str, url: str, **more: Any) -> requests.Response:  # type: ignore[override]
        headers = dict(more.pop("headers", None) or {})
        if "DPoP" in headers:
            return super().request(method, url, headers=headers, **more)
        scheme, _, token = str(headers.get("Authorization", "")).partition(" ")
        if scheme == "Bearer":
            headers["Authorization"] = f"DPoP {token}"
        answer = self._proven(method, url, headers, token if scheme == "Bearer" else None, more)
        if answer.status_code == 400 and answer.json().get("error") == "use_dpop_nonce":
            answer = self._proven(method, url, headers, None, more)
        return answer

    def _proven(
        self, method: str, url: str, headers: dict[str, Any], token: str | None, more: dict[str, Any]
    ) -> requests.Response:
        proof = self.proof(method.upper(), url, token=token)
        answer = super().request(method, url, headers={**headers, "DPoP": proof}, **more)
        self.nonce = answer.headers.get("DPoP-Nonce", self.nonce)
        return answer


def prove(app: ClientApp, key: Key | None = None) -> ProvingSession:
    """From now on the application proves a key with each request."""
    session = ProvingSession(key)
    session.adapters = app.http.adapters
    app.http = session
    return session


def public(key: Key) -> dict[str, Any]:
    return {name: value for name, value in key.as_dict(private=False).items() if name != "kid"}


def digest(token: str) -> str:
    return _encoded(hashlib.sha256(token.encode()).digest())


def signed(head: dict[str, Any], claims: dict[str, Any], key: Key) -> str:
    """A JWT with these members, without those that are None. By hand: joserfc warns of the name EdDSA."""
    parts = [{name: value for name, value in part.items() if value is not None} for part in (head, claims)]
    body = ".".join(_encoded(json.dumps(part).encode()) for part in parts)
    return f"{body}.{_encoded(JWSRegistry.algorithms[head['alg']].sign(body.encode(), key))}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def new_key(kind: str) -> Key:
    match kind:
        case "EC":
            return ECKey.generate_key("P-256")
        case "RSA":
            return RSAKey.generate_key(2048)
        case _:
            return OKPKey.generate_key("Ed25519")
