"""A small web application with a "Connect with Lanyard" button, in Flask with Authlib for OAuth 2. See README.md."""

from __future__ import annotations

import logging
import os
import secrets
import sys
from typing import Any

from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import OAuth
from flask import Flask, flash, redirect, render_template, session, url_for
from werkzeug.wrappers import Response

CALLBACK = "/callback"


class Connections:
    """The tokens of all connected visitors, kept on the server. The browser's cookie holds only a random name.

    A real application stores them in its database, encrypted, with its own user.
    """

    def __init__(self) -> None:
        self._tokens: dict[str, dict[str, Any]] = {}

    def get(self) -> dict[str, Any] | None:
        return self._tokens.get(session.get("name", ""))

    def keep(self, token: dict[str, Any]) -> None:
        session.setdefault("name", secrets.token_urlsafe(32))
        self._tokens[session["name"]] = token

    def forget(self) -> None:
        self._tokens.pop(session.pop("name", ""), None)


def create_app(lanyard_url: str, client_id: str, client_secret: str, scope: str = "read write") -> Flask:
    """The application. lanyard_url: without a trailing slash. client_id, client_secret: from "Your applications".
    scope: what it asks for, separated by spaces."""
    # The development server would log each URL, and the callback's URL contains a code.
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=secrets.token_bytes(32), SESSION_COOKIE_NAME="box-office", SESSION_COOKIE_SAMESITE="Lax"
    )
    oauth = lanyard_url + "/api/v1/oauth"
    lanyard: Any = OAuth(app).register(
        "lanyard",
        client_id=client_id,
        client_secret=client_secret,
        authorize_url=oauth + "/authorize",
        access_token_url=oauth + "/token",
        api_base_url=lanyard_url + "/api/v1/",
        client_kwargs={
            "scope": scope,
            "code_challenge_method": "S256",
            "token_endpoint_auth_method": "client_secret_basic",
        },
    )
    connections = Connections()

    @app.get("/")
    def home() -> str | Response:
        token = connections.get()
        if token is None:
            return render_template("disconnected.html", lanyard_url=lanyard_url)
        profile, organizers = (lanyard.get(path, token=token) for path in ("me", "organizers/"))
        if 401 in (profile.status_code, organizers.status_code):
            connections.forget()
            flash("Lanyard says that this connection has ended: you revoked access, or the token expired.")
            return redirect(url_for("home"))
        return render_template(
            "connected.html",
            lanyard_url=lanyard_url,
            token=token,
            profile=profile.json(),
            organizers=organizers.json()["results"],
        )

    @app.get("/connect")
    def connect() -> Any:
        return lanyard.authorize_redirect(url_for("callback", _external=True))

    @app.get("/connect/again")
    def connect_again() -> Any:
        """Show the consent page even though Lanyard remembers it, so the user can select other organizers."""
        return lanyard.authorize_redirect(url_for("callback", _external=True), approval_prompt="force")

    @app.get(CALLBACK)
    def callback() -> Response:
        try:
            connections.keep(lanyard.authorize_access_token())  # checks `state`, sends the code and the verifier
        except OAuthError as error:
            denied = error.error == "access_denied"
            flash("You said no, and nothing was connected." if denied else f"The connection failed: {error.error}.")
        return redirect(url_for("home"))

    @app.post("/refresh")
    def refresh() -> Response:
        token = connections.get()
        if token is None:
            return redirect(url_for("home"))
        answer = _call(lanyard, "token", grant_type="refresh_token", refresh_token=token["refresh_token"])
        if answer.status_code >= 500:
            return _later()
        if answer.status_code != 200:
            connections.forget()
            flash("Lanyard refused to refresh: this connection has ended.")
            return redirect(url_for("home"))
        connections.keep({**token, **answer.json()})
        before = lanyard.get("me", token=token).status_code
        flash(f"You have a new access token. The previous one now gets {before}.")
        return redirect(url_for("home"))

    @app.post("/disconnect")
    def disconnect() -> Response:
        token = connections.get()
        if token is not None:
            answer = _call(lanyard, "revoke_token", token=token["refresh_token"])
            if answer.status_code >= 500:
                return _later()  # nobody knows whether it was revoked: keep the token, to revoke it again
            connections.forget()
            flash("Disconnected. The tokens are revoked and deleted.")
        return redirect(url_for("home"))

    return app


def _later() -> Response:
    flash("Lanyard cannot answer at the moment. Try again.")
    return redirect(url_for("home"))


def _call(lanyard: Any, endpoint: str, **form: str) -> Any:
    """Post to one of Lanyard's OAuth endpoints, as this application."""
    url = lanyard.access_token_url.removesuffix("token") + endpoint
    return lanyard.post(url, data=form, auth=(lanyard.client_id, lanyard.client_secret), withhold_token=True)


if __name__ == "__main__":
    names = ("LANYARD_CLIENT_ID", "LANYARD_CLIENT_SECRET")
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        print(f"Set {' and '.join(missing)}: see README.md.", file=sys.stderr)
        sys.exit(2)
    lanyard_url = os.environ.get("LANYARD_URL", "http://127.0.0.1:8000")
    scope = os.environ.get("LANYARD_SCOPE", "read write")
    website = create_app(lanyard_url, os.environ[names[0]], os.environ[names[1]], scope)
    website.run(host="127.0.0.1", port=int(os.environ.get("PORT", "8080")))
