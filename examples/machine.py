"""Machine to machine: a program with its own access, without a user (client credentials).

    LANYARD_CLIENT_ID=... LANYARD_CLIENT_SECRET=... .venv/bin/python examples/machine.py

LANYARD_URL is the provider's URL; it defaults to that of `make run`. See docs/connect/machine.md.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import requests

LANYARD_URL = os.environ.get("LANYARD_URL", "http://127.0.0.1:8000")


class OwnToken(requests.auth.AuthBase):
    """Gets a token when one is needed, and keeps it until a minute before it expires."""

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
            f"{LANYARD_URL}/api/v1/oauth/token",
            data={"grant_type": "client_credentials", "scope": "read"},
            auth=self.credentials,
            timeout=10,
        )
        if answer.status_code >= 400:
            raise SystemExit(f"No token: {answer.json().get('error_description', answer.json()['error'])}")
        self.token = answer.json()["access_token"]
        self.good_until = time.time() + answer.json()["expires_in"] - 60


def credentials() -> tuple[str, str]:
    """The client ID and secret from the environment. Exits with a message if one is missing."""
    names = ("LANYARD_CLIENT_ID", "LANYARD_CLIENT_SECRET")
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        print(f"Set {' and '.join(missing)}: see docs/connect/machine.md.", file=sys.stderr)
        sys.exit(2)
    return os.environ[names[0]], os.environ[names[1]]


if __name__ == "__main__":
    with requests.Session() as session:
        session.auth = OwnToken(*credentials())
        try:
            answer = session.get(f"{LANYARD_URL}/api/v1/organizers/", timeout=10)
        except requests.ConnectionError:
            sys.exit(f"{LANYARD_URL} does not answer. Set LANYARD_URL to Lanyard's URL.")
        answer.raise_for_status()
        for found in answer.json()["results"]:
            print(f"{found['slug']}: {found['name']}")
