"""/settings/applications/{client_id}/requests: why an application's requests were refused."""

from __future__ import annotations

from chalice.app import Blueprint, Response

from chalicelib import limits
from chalicelib.endpoints import http
from chalicelib.endpoints.developers import own_application
from chalicelib.endpoints.http import browser_session
from chalicelib.models import recent_request
from chalicelib.protocol.clients import refusal_advice

blueprint = Blueprint(__name__)


@http.route(blueprint, own_application.PATH + "/{client_id}/requests", "GET", is_page=True)
def requests(request: http.Request, client_id: str) -> Response:
    browser = browser_session.require(request, back_to=f"{own_application.PATH}/{client_id}/requests")
    found = own_application.require(browser, client_id)
    lines = recent_request.newest_first(found.client_id)
    return http.page(
        request,
        "recent_requests.html",
        application=found,
        lines=[(line, refusal_advice.advice(line)) for line in lines],
        most=limits.RECENT_REQUESTS_LIMIT,
    )
