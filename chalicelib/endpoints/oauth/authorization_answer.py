"""How an authorization request is answered: by a redirect, by a form that posts itself, or by a page."""

from __future__ import annotations

from typing import Any

from chalice.app import Response

from chalicelib import logs
from chalicelib.endpoints import http
from chalicelib.endpoints.http.browser_session import SignedIn
from chalicelib.models.application import Application
from chalicelib.models.consent import Consent
from chalicelib.protocol.authorization import authorization_response
from chalicelib.protocol.authorization.redirect import Redirect, RefusedRequest
from chalicelib.protocol.clients import recent_requests
from chalicelib.protocol.errors import NotThisApplication
from chalicelib.protocol.rules import paths, redirect_uris, request_parameters


def go(request: http.Request, redirect: Redirect) -> Response:
    """Send the browser to the application with the answer. A form has a button for browsers without scripts."""
    if not redirect.is_posted:
        return http.see_other(redirect.location)
    return http.page(
        request,
        "form_post.html",
        user=None,
        form_target=redirect_uris.form_target(redirect.uri),
        script=http.site().posting_script,
        action=redirect.uri,
        hidden=redirect.answer,
        place=redirect_uris.place(redirect.uri),
    )


def not_this_application(
    request: http.Request,
    error: NotThisApplication,
    parameters: request_parameters.Parameters,
    application: Application | None,
) -> Response:
    """A page instead of a redirect: it tells the user that it is not their fault, and the developer what to fix."""
    logs.note(outcome=f"invalid {error.problem}")
    received = request_parameters.known(parameters, ("client_id", "redirect_uri"))
    if application is not None:
        sent = received.get("redirect_uri") if error.problem == "redirect_uri" else None
        code = f"invalid_{error.problem}"
        recent_requests.record_authorization(application, paths.AUTHORIZATION, code, error.detail, redirect_uri=sent)
    shown: dict[str, Any] = {"problem": error.problem, "detail": error.detail, "received": received}
    return http.page(request, "not_this_application.html", 400, **shown)


def refused(
    request: http.Request, error: RefusedRequest, browser: SignedIn | None = None, consent: Consent | None = None
) -> Response:
    """A redirect with the error; or a page with it, and a link, if the user is to decide whether to go there."""
    logs.note(client_id=error.application.public_id)
    if not error.is_about_the_user:
        reason = error.reason
        recent_requests.record_authorization(
            error.application, paths.AUTHORIZATION, reason.error, reason.description or ""
        )
    if authorization_response.is_told_at_once(error, consent, browser.user if browser else None):
        return go(request, error.redirect)
    location = error.redirect.location
    return http.page(
        request,
        "refused_request.html",
        400,
        application=error.application,
        is_mistake=not error.is_about_the_user,
        error=error.reason.error,
        description=error.reason.description or "",
        location=location,
        place=redirect_uris.place(location),
    )
