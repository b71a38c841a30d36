"""An application that cannot keep a secret, so it has a client id and PKCE and nothing else."""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Any

import requests

from tests.actors import CALLBACK, Browser, ClientApp


def challenge_of(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


class PublicApp(ClientApp):
    """A public client with one code verifier; every request carries its challenge."""

    verifier = secrets.token_urlsafe(48)

    @classmethod
    def registered_by(cls, browser: Browser, *redirect_uris: str, type: str = "browser") -> PublicApp:
        uris = redirect_uris or (CALLBACK,)
        page = browser.open("/settings/applications/new")
        page = browser.press(page, "Register", name="A public app", redirect_uris="\n".join(uris), type=type)
        client_id = page.html.find(id="client-id")
        assert client_id is not None, page.text
        assert page.html.find(id="client-secret") is None, "a public application was given a secret"
        session = requests.Session()
        session.adapters = browser.http.adapters
        return cls(browser.base_url, client_id.get_text(), "", uris[0], http=session)

    def authorize_path(self, **changed: str | None) -> str:
        pkce = {"code_challenge": challenge_of(self.verifier), "code_challenge_method": "S256"}
        return super().authorize_path(**{**pkce, **changed})

    def call_token(self, *, auth: Any = None, headers: Any = None, **form: Any) -> requests.Response:
        return self.http.post(
            self.base_url + "/api/v1/oauth/token",
            data={"client_id": self.client_id, **form},
            auth=auth,
            headers=headers,
        )

    def exchange(self, code: str, **changed: Any) -> requests.Response:
        return super().exchange(code, **{"code_verifier": self.verifier, **changed})

    def revoke(self, token: str, **more: Any) -> requests.Response:
        url = self.base_url + "/api/v1/oauth/revoke_token"
        return self.http.post(url, data={"token": token, "client_id": self.client_id, **more})
