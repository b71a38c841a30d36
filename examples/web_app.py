"""A website with a "Connect" button, in Flask and Authlib. See docs/connect/web-app.md.

    pip install Flask Authlib requests
    LANYARD=http://127.0.0.1:8000 CLIENT_ID=... CLIENT_SECRET=... PORT=8080 python examples/web_app.py

The application's redirect URL is http://127.0.0.1:8080/connected.
"""

from __future__ import annotations

import os
import secrets
from typing import Any

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import OAuth
from flask import Flask, redirect, session, url_for
from markupsafe import escape
from werkzeug import Response

LANYARD = os.environ.get("LANYARD", "http://127.0.0.1:8000")

app = Flask(__name__)
app.secret_key = os.environ.get("SESSION_KEY") or secrets.token_urlsafe(32)
# Stands for the website's database: tokens belong on the server, and not into the cookie.
TOKENS: dict[str, dict[str, Any]] = {}


def store_refreshed(token: dict[str, Any], **_: Any) -> None:
    TOKENS[session["visitor"]] = token


lanyard: Any = OAuth(app).register(
    "lanyard",
    server_metadata_url=f"{LANYARD}/.well-known/oauth-authorization-server",
    api_base_url=f"{LANYARD}/api/v1/",
    client_id=os.environ["CLIENT_ID"],
    client_secret=os.environ["CLIENT_SECRET"],
    client_kwargs={"scope": "read write", "code_challenge_method": "S256"},
    fetch_token=lambda: TOKENS.get(session.get("visitor", "")),
    update_token=store_refreshed,
)


@app.get("/")
def home() -> str:
    if session.get("visitor") not in TOKENS:
        return f'<p>Not connected.</p><a href="{url_for("connect")}">Connect</a>'
    answer = lanyard.get("organizers/")
    if answer.status_code == 401:  # the user took it back, or it was disabled
        del TOKENS[session["visitor"]]
        return f'<p>The connection has ended.</p><a href="{url_for("connect")}">Connect</a>'
    names = "".join(f"<li>{escape(found['name'])}</li>" for found in answer.json()["results"])
    button = f'<form method="post" action="{url_for("disconnect")}"><button>Disconnect</button></form>'
    return f"<p>Connected.</p><ul>{names}</ul>{button}"


@app.get("/connect")
def connect() -> Any:
    """Authlib keeps the state and the PKCE verifier in the session."""
    return lanyard.authorize_redirect(url_for("connected", _external=True))


@app.get("/connected")
def connected() -> Response | tuple[str, int]:
    try:
        token = lanyard.authorize_access_token()
    except OAuthError as error:
        return f"<p>Not connected: {escape(error.description or error.error)}</p>", 400
    session["visitor"] = secrets.token_urlsafe(16)
    TOKENS[session["visitor"]] = token
    return redirect(url_for("home"))


@app.post("/disconnect")
def disconnect() -> Response:
    token = TOKENS.pop(session.get("visitor", ""), None)
    if token:
        address = lanyard.load_server_metadata()["revocation_endpoint"]
        own_credentials = (lanyard.client_id, lanyard.client_secret)
        requests.post(address, data={"token": token["refresh_token"]}, auth=own_credentials, timeout=10)
    return redirect(url_for("home"))


if __name__ == "__main__":
    app.run("127.0.0.1", int(os.environ.get("PORT", "8080")))
