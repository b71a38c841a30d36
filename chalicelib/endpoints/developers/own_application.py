"""The application that a developer's page is about."""

from __future__ import annotations

from chalicelib import credentials
from chalicelib.endpoints import http
from chalicelib.endpoints.http.browser_session import SignedIn
from chalicelib.messages import Message
from chalicelib.models import application
from chalicelib.models.application import Application

PATH = "/settings/applications"


def require(browser: SignedIn, client_id: str) -> Application:
    """One that the user owns. Raises Refusal, which is the same for another user's application and one that does not
    exist.

    client_id: as stored. The pages' paths have that one, because an imported client id may contain a slash.
    """
    found = application.get(client_id) if credentials.is_id(client_id) else None
    if found is None or not found.is_owned_by(browser.user.user_id):
        raise http.Refusal(404, "not_found", Message("You have no such application. It may have been deleted."))
    return found


def check_main_owner(browser: SignedIn, found: Application) -> None:
    """Raises Refusal for an owner who is not the main one."""
    if found.owner_id != browser.user.user_id:
        raise http.Refusal(403, "forbidden", Message("Only the main owner of this application can do that."))
