"""An application that authenticates with assertions signed by its private key."""

from __future__ import annotations

import json
import secrets
from typing import Any

import requests
from joserfc import jwt
from joserfc.jwk import ECKey, Key

from chalicelib import clock
from tests.actors import CALLBACK, Browser, ClientApp, Page

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def register_with_keys(browser: Browser, jwks: str, **more: str) -> Page:
    page = browser.open("/settings/applications/new")
    fields = {"name": "A bank", "redirect_uris": CALLBACK, "auth_method": "private_key_jwt", "jwks": jwks, **more}
    return browser.press(page, "Register", **fields)


class SigningApp(ClientApp):
    key: Key
    alg = "ES256"

    @classmethod
    def registered_by(cls, browser: Browser, key: Key | None = None, alg: str = "ES256") -> SigningApp:
        key = key or ECKey.generate_key("P-256")
        jwks = json.dumps({"keys": [key.as_dict(private=False)]})
        page = register_with_keys(browser, jwks)
        client_id = page.html.find(id="client-id")
        assert client_id is not None, page.text
        assert page.html.find(id="client-secret") is None
        made = cls(browser.base_url, client_id.get_text(), "", CALLBACK)
        made.key, made.alg = key, alg
        return made

    def assertion(self, *, key: Key | None = None, header: dict[str, Any] | None = None, **changed: Any) -> str:
        """A signed assertion with these claims changed. A claim that is None is left out."""
        now = clock.now()
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.base_url,
            "jti": secrets.token_urlsafe(16),
            "iat": now,
            "exp": now + 60,
            **changed,
        }
        given = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode({"alg": self.alg, **(header or {})}, given, key or self.key, algorithms=[self.alg])

    def call_token(
        self, *, auth: Any = None, headers: Any = None, assertion: str | None = None, **form: Any
    ) -> requests.Response:
        proof = {"client_assertion_type": TYPE, "client_assertion": assertion or self.assertion()}
        url = self.base_url + "/api/v1/oauth/token"
        return self.http.post(url, data={**proof, **form}, auth=auth, headers=headers)
