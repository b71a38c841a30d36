"""/settings/applications/{client_id}/disconnect: ends what all users have allowed an application, at once."""

from __future__ import annotations

from chalice.app import Blueprint, Response

from chalicelib import logs
from chalicelib.endpoints import http
from chalicelib.endpoints.developers import own_application
from chalicelib.endpoints.http import browser_session
from chalicelib.endpoints.http.browser_session import CSRF_FIELD
from chalicelib.models import consent, grant
from chalicelib.models.application import Application

blueprint = Blueprint(__name__)


@http.route(blueprint, own_application.PATH + "/{client_id}/disconnect", "GET", "POST", is_page=True)
def disconnect(request: http.Request, client_id: str) -> Response:
    """One write ends it for any number of users: their consents are older than it, and so are void."""
    path = f"{own_application.PATH}/{client_id}"
    browser = browser_session.require(request, back_to=f"{path}/disconnect")
    found = own_application.require(browser, client_id)
    if request.method == "GET":
        hidden = {CSRF_FIELD: browser.csrf_token(_purpose(found))}
        count = grant.connected_to(found.client_id)
        return http.page(request, "disconnect_users.html", application=found, hidden=hidden, count=count)
    browser.check_csrf(request.form, _purpose(found))
    consent.end_all(client_id)
    logs.note(outcome="all users disconnected", client_id=found.public_id)
    return http.see_other(http.here(request, path), notice=http.Notice.USERS_DISCONNECTED)


def _purpose(found: Application) -> str:
    """Binds the form to the last time that this was done: a second click, perhaps much later, must not end what users
    have allowed since."""
    return f"disconnect the users of {found.client_id} since {found.void_before}"
