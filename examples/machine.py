"""A program that works for itself, with no user: client credentials. See docs/connect/machine.md.

LANYARD=http://127.0.0.1:8000 CLIENT_ID=... CLIENT_SECRET=... .venv/bin/python examples/machine.py
"""

from __future__ import annotations

import os
import time
from typing import Any

import requests

LANYARD = os.environ.get("LANYARD", "http://127.0.0.1:8000")


class OwnToken(requests.auth.AuthBase):
    """Gets a token when one is needed, and keeps it until a minute before its end."""

    def __init__(self, client_id: str, client_secret: str) -> None:
        self.credentials = (client_id, client_secret)
        self.good_until = 0.0

    def __call__(self, request: Any) -> Any:
        if time.time() > self.good_until:
            self.fetch()
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request

    def fetch(self) -> None:
        answer = requests.post(
            f"{LANYARD}/api/v1/oauth/token",
            data={"grant_type": "client_credentials", "scope": "read"},
            auth=self.credentials,
            timeout=10,
        )
        if answer.status_code >= 400:
            raise SystemExit(f"No token: {answer.json().get('error_description', answer.json()['error'])}")
        self.token = answer.json()["access_token"]
        self.good_until = time.time() + answer.json()["expires_in"] - 60


if __name__ == "__main__":
    with requests.Session() as session:
        session.auth = OwnToken(os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"])
        answer = session.get(f"{LANYARD}/api/v1/organizers/", timeout=10)
        answer.raise_for_status()
        for found in answer.json()["results"]:
            print(f"{found['slug']}: {found['name']}")
