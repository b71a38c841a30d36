"""A command-line tool that connects in the browser of this machine, or with a code where there is no browser.

    .venv/bin/python examples/cli.py login [--device]
    .venv/bin/python examples/cli.py organizers
    .venv/bin/python examples/cli.py logout

LANYARD_URL is the provider's URL. LANYARD_CLIENT_ID is the client ID of an application of the type "Mobile, desktop or
command-line application". TOKENS is the file that stores the tokens. See docs/connect/cli.md.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import sys
import time
import webbrowser
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests

LANYARD_URL = os.environ.get("LANYARD_URL", "http://127.0.0.1:8000")
CLIENT_ID = os.environ.get("LANYARD_CLIENT_ID", "")
TOKENS = Path(os.environ.get("TOKENS", Path.home() / ".config" / "lanyard-example.json"))
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


class Failed(Exception):
    """An error to show to the user. The message is one line."""


def discover() -> Any:
    """The provider's metadata (RFC 8414). Raises Failed if it names another issuer."""
    found = requests.get(f"{LANYARD_URL}/.well-known/oauth-authorization-server", timeout=10).json()
    if found["issuer"] != LANYARD_URL:
        raise Failed(f"{LANYARD_URL} names another issuer: {found['issuer']}.")
    return found


def sign_in() -> None:
    """Connect in this machine's browser, which returns to a port that is open for this one response (RFC 8252 §7.3)."""
    server, verifier, state = discover(), secrets.token_urlsafe(32), secrets.token_urlsafe(16)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    with HTTPServer(("127.0.0.1", 0), _Answer) as loopback:
        redirect_uri = f"http://127.0.0.1:{loopback.server_port}/connected"
        asked = {
            "response_type": "code",
            "client_id": CLIENT_ID,
            "redirect_uri": redirect_uri,
            "scope": "read",
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        address = f"{server['authorization_endpoint']}?{urlencode(asked)}"
        print(f"Opening {address}", flush=True)
        webbrowser.open(address)
        _Answer.parameters = {}
        while not _Answer.parameters:
            loopback.handle_request()
    answer = _Answer.parameters
    if answer.get("state") != state or answer.get("iss") != server["issuer"]:
        raise Failed("The response does not match the request. Try again.")
    if "code" not in answer:
        raise Failed(f"Not connected: {answer.get('error_description', answer.get('error'))}")
    exchange = {"grant_type": "authorization_code", "code": answer["code"], "redirect_uri": redirect_uri}
    keep(ask_token(server, **exchange, code_verifier=verifier))
    print("Connected.")


def sign_in_with_code() -> None:
    """Connect in a browser on another device (RFC 8628)."""
    server = discover()
    start = requests.post(
        server["device_authorization_endpoint"], data={"client_id": CLIENT_ID, "scope": "read"}, timeout=10
    )
    codes = start.json()
    if start.status_code != 200:
        raise Failed(codes.get("error_description", codes["error"]))
    print(f"Open {codes['verification_uri']} and enter {codes['user_code']}", flush=True)
    wait = codes["interval"]
    while True:
        time.sleep(wait)
        answer = requests.post(
            server["token_endpoint"],
            data={"grant_type": DEVICE_GRANT, "client_id": CLIENT_ID, "device_code": codes["device_code"]},
            timeout=10,
        )
        tokens = answer.json()
        match tokens.get("error"):
            case None:
                keep(tokens)
                print("Connected.")
                return
            case "authorization_pending":
                continue
            case "slow_down":
                wait += 5
            case _:
                raise Failed(f"Not connected: {tokens.get('error_description', tokens['error'])}")


def organizers() -> None:
    """Print the organizers that the user selected. Refreshes once if the access token is refused."""
    server, tokens = discover(), kept()
    answer = call(tokens)
    if answer.status_code == 401:  # expired after a day, or replaced by a refresh
        tokens = ask_token(server, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
        keep(tokens)
        answer = call(tokens)
    answer.raise_for_status()
    for found in answer.json()["results"]:
        print(f"{found['slug']}: {found['name']}")


def sign_out() -> None:
    """Revoke the tokens at Lanyard, then delete the file."""
    form = {"client_id": CLIENT_ID, "token": kept()["refresh_token"]}
    requests.post(discover()["revocation_endpoint"], data=form, timeout=10).raise_for_status()
    TOKENS.unlink()
    print("Disconnected.")


def call(tokens: dict[str, Any]) -> requests.Response:
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    return requests.get(f"{LANYARD_URL}/api/v1/organizers/", headers=headers, timeout=10)


def ask_token(server: dict[str, Any], **form: str) -> dict[str, Any]:
    answer = requests.post(server["token_endpoint"], data={"client_id": CLIENT_ID, **form}, timeout=10)
    tokens = dict(answer.json())
    if answer.status_code != 200:
        raise Failed(f"Not connected: {tokens.get('error_description', tokens['error'])} Run: examples/cli.py login")
    return tokens


def keep(tokens: dict[str, Any]) -> None:
    """Store the tokens in a new file that then replaces the old one: a crash loses neither refresh token."""
    TOKENS.parent.mkdir(parents=True, exist_ok=True)
    new = TOKENS.with_suffix(".new")
    new.touch(mode=0o600)
    new.write_text(json.dumps(tokens), encoding="utf-8")
    new.replace(TOKENS)


def kept() -> dict[str, Any]:
    if not TOKENS.exists():
        raise Failed("Not connected. Run: examples/cli.py login")
    return dict(json.loads(TOKENS.read_text(encoding="utf-8")))


class _Answer(BaseHTTPRequestHandler):
    parameters: ClassVar[dict[str, str]] = {}

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path == "/connected":
            _Answer.parameters = dict(parse_qsl(parts.query))
        self.send_response(200 if parts.path == "/connected" else 404)
        self.end_headers()
        self.wfile.write(b"You can close this window.")

    def log_message(self, *_: Any) -> None:
        pass


if __name__ == "__main__":
    commands = {
        ("login",): sign_in,
        ("login", "--device"): sign_in_with_code,
        ("organizers",): organizers,
        ("logout",): sign_out,
    }
    chosen = commands.get(tuple(sys.argv[1:]))
    if chosen is None or not CLIENT_ID:
        missing = "Set LANYARD_CLIENT_ID: see docs/connect/cli.md."
        usage = "Usage: examples/cli.py login | login --device | organizers | logout"
        print(usage if CLIENT_ID else missing, file=sys.stderr)
        sys.exit(2)
    try:
        chosen()
    except Failed as error:
        sys.exit(str(error))
    except requests.ConnectionError:
        sys.exit(f"{LANYARD_URL} does not answer. Set LANYARD_URL to Lanyard's URL.")
