"""The adapter: where Lanyard's endpoints are."""

from __future__ import annotations

import os
from typing import Any

from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.providers.oauth2.views import OAuth2Adapter, OAuth2CallbackView, OAuth2LoginView

LANYARD = os.environ.get("LANYARD_URL", "http://127.0.0.1:8000")


class LanyardAdapter(OAuth2Adapter):
    provider_id = "lanyard"
    authorize_url = LANYARD + "/api/v1/oauth/authorize"
    access_token_url = LANYARD + "/api/v1/oauth/token"

    def complete_login(self, request: Any, app: Any, token: Any, **kwargs: Any) -> Any:
        with get_adapter().get_requests_session() as session:
            answer = session.get(LANYARD + "/api/v1/me", headers={"Authorization": f"Bearer {token.token}"})
        answer.raise_for_status()
        return self.get_provider().sociallogin_from_response(request, answer.json())


oauth2_login = OAuth2LoginView.adapter_view(LanyardAdapter)
oauth2_callback = OAuth2CallbackView.adapter_view(LanyardAdapter)
