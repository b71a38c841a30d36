"""/settings/applications/{client_id}/invitation: where somebody becomes an owner of another user's application."""

from __future__ import annotations

from chalice.app import Blueprint, Response

from chalicelib import credentials, logs
from chalicelib.endpoints import http
from chalicelib.endpoints.developers import own_application
from chalicelib.endpoints.http import browser_session
from chalicelib.endpoints.http.browser_session import CSRF_FIELD
from chalicelib.messages import Message
from chalicelib.models import ownership, security_event, store
from chalicelib.models.security_event import Kind
from chalicelib.models.user import User
from chalicelib.protocol.rules.request_parameters import single

blueprint = Blueprint(__name__)


@http.route(blueprint, own_application.PATH + "/{client_id}/invitation", "GET", "POST", is_page=True)
def invitation(request: http.Request, client_id: str) -> Response:
    """The link is no secret: it works for the account with the invited address."""
    path = f"{own_application.PATH}/{client_id}"
    browser = browser_session.require(request, back_to=f"{path}/invitation")
    found = ownership.find_invitation(client_id, browser.user) if credentials.is_id(client_id) else None
    if found is None:
        problem = Message(
            "There is no invitation for %(email)s. It may have been withdrawn or have expired, or it was for another "
            "address: then sign in with that one.",
            email=browser.user.email,
        )
        raise http.Refusal(404, "not_found", problem)
    application, open_invitation = found
    if open_invitation is None:  # a second click, or a mail that is opened again
        return http.see_other(http.here(request, path))
    purpose = f"invitation to {client_id} by {open_invitation.invited_by}"
    if request.method == "GET":
        return http.page(
            request,
            "invitation.html",
            application=application,
            inviter=store.read(User.key(open_invitation.invited_by))[0],
            expires_at=open_invitation.expires_at,
            hidden={CSRF_FIELD: browser.csrf_token(purpose)},
        )
    browser.check_csrf(request.form, purpose)
    if single(request.form, "action") != "accept":
        ownership.withdraw(application, browser.user.email)
        logs.note(outcome="invitation declined", client_id=application.public_id)
        return http.see_other(http.here(request, own_application.PATH), notice=http.Notice.INVITATION_DECLINED)
    try:
        ownership.accept(open_invitation, browser.user)
    except ownership.NotOpen:
        return http.see_other(http.here(request, f"{path}/invitation"))  # which says what is the case now
    except ownership.TooManyOwners as error:
        problem = Message("This application has the maximum number of owners, or you own as many as you may.")
        raise http.Refusal(409, "conflict", problem) from error
    logs.note(outcome="owner added", client_id=application.public_id)
    security_event.record_for(
        {*application.owner_ids, browser.user.user_id},
        Kind.OWNER_ADDED,
        request.source,
        client_id=application.client_id,
        application_name=application.name,
    )
    return http.see_other(http.here(request, path), notice=http.Notice.NOW_AN_OWNER)
