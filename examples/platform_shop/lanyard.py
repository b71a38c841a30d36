"""What the shop's server says to Lanyard, with a token of its own."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote

import requests

_SECONDS = 10


class RequestGone(Exception):
    """Lanyard does not know this sign-in request, or no longer."""


class Lanyard:
    """url: without a trailing slash. client_id, client_secret: of the shop's own application, which the operator
    allowed `sign_in` and `scim`."""

    def __init__(self, url: str, client_id: str, client_secret: str) -> None:
        self._url = url
        self._own = (client_id, client_secret)
        self._token, self._ends_at = "", 0.0

    def asked(self, request_id: str) -> dict[str, Any]:
        """What Lanyard wants of the person: `again`, `language` and `application`. Raises RequestGone."""
        return dict(self._call("GET", request_id, "").json())

    def accept(self, request_id: str, **person: Any) -> str:
        """Say who logged in. Returns where to send the browser. Raises RequestGone."""
        return str(self._call("POST", request_id, "/accept", json=person).json()["redirect_to"])

    def refuse(self, request_id: str) -> str:
        """Say that nobody did. Returns where to send the browser. Raises RequestGone."""
        return str(self._call("POST", request_id, "/refuse").json()["redirect_to"])

    def scim(self, method: str, path: str, resource: Any = None) -> requests.Response:
        """Call the SCIM API. path: below /scim/v2. The caller looks at the status."""
        return self._send(method, f"/scim/v2{path}", json=resource)

    def _call(self, method: str, request_id: str, what: str, **more: Any) -> requests.Response:
        answer = self._send(method, f"/api/v1/sign-in/requests/{quote(request_id, safe='')}{what}", **more)
        if answer.status_code == 404:
            raise RequestGone
        answer.raise_for_status()
        return answer

    def _send(self, method: str, path: str, **more: Any) -> requests.Response:
        for is_last in (False, True):
            headers = {"Authorization": f"Bearer {self._access_token()}"}
            answer = requests.request(method, self._url + path, headers=headers, timeout=_SECONDS, **more)
            if answer.status_code != 401 or is_last:
                break
            self._ends_at = 0.0  # the token was ended early: get another one, once
        return answer

    def _access_token(self) -> str:
        """The shop's own token, kept for nearly as long as it works."""
        if time.monotonic() >= self._ends_at:
            form = {"grant_type": "client_credentials"}
            url = f"{self._url}/api/v1/oauth/token"
            answer = requests.post(url, data=form, auth=self._own, timeout=_SECONDS)
            answer.raise_for_status()
            self._token = answer.json()["access_token"]
            self._ends_at = time.monotonic() + answer.json()["expires_in"] - 60
        return self._token
