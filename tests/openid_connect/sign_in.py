"""An application that signs people in, and checks what it is told as its library would."""

from __future__ import annotations

from typing import Any

import requests
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.actors import Browser, ClientApp


def checked(base_url: str, token: str, algorithm: str = "RS256") -> dict[str, Any]:
    """The claims of a token that the provider's published keys sign for."""
    metadata = requests.get(base_url + "/.well-known/openid-configuration", timeout=30).json()
    keys = KeySet.import_key_set(requests.get(metadata["jwks_uri"], timeout=30).json())
    return dict(jwt.decode(token, keys, algorithms=[algorithm]).claims)


def signed_in(app: ClientApp, browser: Browser, *organizers: str, **asked: str | None) -> dict[str, Any]:
    """The claims of the ID token that the application gets for this request."""
    tokens = app.connect(browser, *organizers, **{"scope": "openid", "nonce": "n-1", **asked})
    return checked(app.base_url, tokens["id_token"])


def user_info(app: ClientApp, token: str | None, method: str = "GET") -> requests.Response:
    return app.call("/api/v1/userinfo", token, method)
