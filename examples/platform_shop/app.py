"""A ticket shop with its own log-in, in Flask: its page signs people in, and its server tells Lanyard who they are.

See README.md. Everything about Lanyard is in lanyard.py; the rest is any shop.
"""

from __future__ import annotations

import logging
import os
import secrets
import sys

from flask import Flask, abort, flash, redirect, render_template, request, session, url_for
from werkzeug.security import check_password_hash, generate_password_hash
from werkzeug.wrappers import Response

from examples.platform_shop import provisioning
from examples.platform_shop.lanyard import Lanyard, RequestGone

# A real shop has these in its database. The key is the person's id, which never changes.
PEOPLE = {
    "4711": {
        "email": "ann@tickets.example",
        "fullname": "Ann Other",
        "locale": "en",
        "timezone": "Europe/London",
        "organizers": ["townhall", "jazzclub"],
    },
    "4712": {
        "email": "bert@tickets.example",
        "fullname": "Bert Beispiel",
        "locale": "de",
        "timezone": "Europe/Berlin",
        "organizers": ["jazzclub"],
    },
}
ORGANIZERS = {"townhall": "Town Hall", "jazzclub": "Jazz Club"}
PASSWORD = "tickets-demo"  # noqa: S105 - of every person in this sample
_HASH = generate_password_hash(PASSWORD)
_NOBODYS = generate_password_hash(secrets.token_urlsafe())


def create_app(lanyard: Lanyard) -> Flask:
    # The development server would log each URL, and some contain a request's id.
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    app = Flask(__name__)
    app.config.update(SECRET_KEY=secrets.token_bytes(32), SESSION_COOKIE_NAME="shop", SESSION_COOKIE_SAMESITE="Lax")

    def form_token() -> str:
        """Ties the forms to this browser, so that another site cannot log people in or out."""
        return str(session.setdefault("form_token", secrets.token_urlsafe(32)))

    app.jinja_env.globals["form_token"] = form_token

    @app.before_request
    def check_form() -> None:
        sent = request.form.get("form_token", "").encode()
        if request.method == "POST" and not secrets.compare_digest(sent, form_token().encode()):
            abort(403)

    @app.get("/")
    def home() -> str:
        return render_template("home.html", person=PEOPLE.get(session.get("person", "")))

    @app.get("/lanyard/sign-in")
    def sign_in_for_lanyard() -> str | Response | tuple[str, int]:
        """Where Lanyard sends people. Somebody who is logged in goes straight back, unless they must log in again."""
        request_id = request.args.get("request", "")
        try:
            asked = lanyard.asked(request_id)
        except RequestGone:
            return render_template("gone.html"), 404
        if "person" in session and not asked["again"]:
            return _back(lanyard, request_id, session["person"])
        return render_template("log_in.html", request_id=request_id, application=asked["application"])

    @app.post("/log-in")
    def log_in() -> str | Response | tuple[str, int]:
        request_id = request.form.get("request", "")
        if request.form.get("decision") == "cancel":
            return redirect(lanyard.refuse(request_id) if request_id else url_for("home"), 303)
        email, password = request.form.get("email", "").strip().lower(), request.form.get("password", "")
        subject = next((one for one, person in PEOPLE.items() if person["email"] == email), None)
        is_right = check_password_hash(_HASH if subject else _NOBODYS, password)
        if subject is None or not is_right:
            flash("Wrong email or password.")
            return render_template("log_in.html", request_id=request_id, application=None), 401
        session.clear()
        session["person"] = subject
        return _back(lanyard, request_id, subject) if request_id else redirect(url_for("home"), 303)

    @app.post("/log-out")
    def log_out() -> Response:
        session.clear()
        return redirect(url_for("home"), 303)

    @app.errorhandler(RequestGone)
    def gone(_: RequestGone) -> tuple[str, int]:
        return render_template("gone.html"), 404

    return app


def _back(lanyard: Lanyard, request_id: str, subject: str) -> Response:
    """Tell Lanyard who logged in, and send the browser where it says."""
    return redirect(lanyard.accept(request_id, subject=subject, email_verified=True, **PEOPLE[subject]), 303)


if __name__ == "__main__":
    names = ("LANYARD_CLIENT_ID", "LANYARD_CLIENT_SECRET")
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        print(f"Set {' and '.join(missing)}: see README.md.", file=sys.stderr)
        sys.exit(2)
    url = os.environ.get("LANYARD_URL", "http://127.0.0.1:8000")
    lanyard = Lanyard(url, os.environ[names[0]], os.environ[names[1]])
    provisioning.push(lanyard, PEOPLE, ORGANIZERS)
    shop = create_app(lanyard)
    shop.run(host="127.0.0.1", port=int(os.environ.get("PORT", "8081")))
