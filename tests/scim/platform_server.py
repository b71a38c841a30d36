"""The platform's server, which pushes people and organizers over SCIM with a client-credentials token."""

from __future__ import annotations

from typing import Any

import requests

from chalicelib.models import application_access
from tests import people
from tests.actors import ClientApp

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"


class PlatformServer:
    """app: the application that the operator allowed the scope `scim`."""

    def __init__(self, app: ClientApp) -> None:
        self.app = app
        self.root = app.base_url + "/scim/v2"
        self.token = token_for(app)
        self.http = requests.Session()
        self.http.trust_env = False

    def call(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, **headers: str
    ) -> requests.Response:
        sent = {"Authorization": f"Bearer {token or self.token}", "Accept": "application/scim+json"}
        if body is not None:
            sent["Content-Type"] = "application/scim+json"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.request(method, self.root + path, json=body, headers=sent, timeout=60)

    def get(self, path: str, **query: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        return self.http.get(self.root + path, params=query, headers=headers, timeout=60)

    def patch(self, path: str, *operations: dict[str, Any], **headers: str) -> requests.Response:
        return self.call("PATCH", path, {"schemas": [PATCH], "Operations": list(operations)}, **headers)

    def make_user(self, user_name: str, **attributes: Any) -> dict[str, Any]:
        answer = self.call("POST", "/Users", {"schemas": [USER], "userName": user_name, **attributes})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def make_group(self, name: str, **attributes: Any) -> dict[str, Any]:
        answer = self.call("POST", "/Groups", {"schemas": [GROUP], "displayName": name, **attributes})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())


def allowed(base_url: str) -> PlatformServer:
    """A platform's server with a token for SCIM."""
    app = people.register_application(base_url, "The platform's server")
    application_access.allow(app.client_id, ["scim"], [])
    return PlatformServer(app)


def token_for(app: ClientApp) -> str:
    answer = app.call_token(grant_type="client_credentials", scope="scim")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])
