"""A backend for social-auth-app-django."""

from __future__ import annotations

import os
from typing import Any

from social_core.backends.oauth import BaseOAuth2

LANYARD = os.environ.get("LANYARD_URL", "http://127.0.0.1:8000")


class LanyardOAuth2(BaseOAuth2):
    name = "lanyard"
    ID_KEY = "email"
    AUTHORIZATION_URL = LANYARD + "/api/v1/oauth/authorize"
    ACCESS_TOKEN_URL = LANYARD + "/api/v1/oauth/token"
    REFRESH_TOKEN_URL = LANYARD + "/api/v1/oauth/token"
    REDIRECT_STATE = False  # redirect URLs have to match exactly
    DEFAULT_SCOPE = ["profile"]
    EXTRA_DATA = [("refresh_token", "refresh_token"), ("expires_in", "expires")]

    def user_data(self, access_token: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return dict(self.get_json(LANYARD + "/api/v1/me", headers={"Authorization": f"Bearer {access_token}"}))

    def get_user_details(self, response: dict[str, Any]) -> dict[str, str]:
        return {"username": response["email"], "email": response["email"], "fullname": response["fullname"]}

    def revoke_token(self, token: str, uid: str) -> None:
        """social-auth's own method puts the token and the secret into the URL, where they may be logged."""
        form = {"token": token, "client_id": self.setting("KEY"), "client_secret": self.setting("SECRET")}
        self.request(LANYARD + "/api/v1/oauth/revoke_token", method="POST", data=form)
