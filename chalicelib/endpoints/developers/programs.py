"""/settings/applications/{client_id}/connect: programs to copy. /guide: how to connect, for everybody."""

from __future__ import annotations

from chalice.app import Blueprint, Response

from chalicelib import limits, settings
from chalicelib.endpoints import http
from chalicelib.endpoints.developers import own_application
from chalicelib.endpoints.http import browser_session
from chalicelib.messages import Message
from chalicelib.pages import programs
from chalicelib.protocol.rules import scopes
from chalicelib.protocol.rules.request_parameters import single

blueprint = Blueprint(__name__)


@http.route(blueprint, own_application.PATH + "/{client_id}/connect", "GET", is_page=True)
def connect(request: http.Request, client_id: str) -> Response:
    path = f"{own_application.PATH}/{client_id}/connect"
    browser = browser_session.require(request, back_to=path)
    found = own_application.require(browser, client_id)
    grants, auth = programs.grants_of(found), programs.auth_of(found)
    language = single(request.query, "in") or next(iter(programs.LANGUAGES))
    grant = single(request.query, "grant") or next(iter(grants), "")
    if language not in programs.LANGUAGES or grant not in (grants or [""]):
        raise http.Refusal(404, "not_found", Message("There is no such program for this application."))
    has_program = bool(grants) and auth is not None
    return http.page(
        request,
        "programs.html",
        with_script=True,
        application=found,
        grants=grants,
        grant=grant,
        auth=auth,
        language_code=language,
        languages=programs.LANGUAGES,
        program=programs.program(language, grant, base_url=request.base_url, application=found, scope=scopes.example())
        if has_program
        else None,
        base_url=request.base_url,
        code_lifetime_seconds=settings.SETTINGS.code_lifetime_seconds,
        device_code_lifetime_minutes=limits.DEVICE_CODE_LIFETIME_SECONDS // 60,
    )


@http.route(blueprint, "/guide", "GET", is_page=True)
def guide(request: http.Request) -> Response:
    browser_session.signed_in(request)
    registration = settings.SETTINGS.registration
    return http.page(
        request,
        "guide.html",
        may_register=registration != settings.CLOSED,
        takes_documents=registration == settings.OPEN,
    )
