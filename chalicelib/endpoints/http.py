"""Between Chalice and the views: what a request brought, what an answer carries, and where every error meets HTTP.

Every route takes every method and every content type, so that a wrong one is answered here, in OAuth's shape or as a
page, with the headers that all answers have. API Gateway and Chalice would answer in shapes of their own.
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from chalice.app import Blueprint, CORSConfig, Response
from chalice.app import Request as ChaliceRequest

from chalicelib import deadline, logs, settings
from chalicelib.endpoints.refusal import NotSignedIn as NotSignedIn
from chalicelib.endpoints.refusal import Refusal as Refusal
from chalicelib.endpoints.refusal import as_refusal
from chalicelib.endpoints.request import Request as Request
from chalicelib.messages import Message
from chalicelib.pages import render
from chalicelib.pages.site import Site

SITE = Site(settings.SETTINGS.site_name, settings.SETTINGS.site_logo_url, settings.SETTINGS.site_colour)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
_SECURITY_HEADERS = {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer"}
_NEVER_STORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}
# Chalice answers the preflight, which is no request of ours; API Gateway does on AWS.
_CROSS_ORIGIN = CORSConfig("*", ["Authorization", "Content-Type"], ["WWW-Authenticate", "Retry-After"], max_age=600)
_HSTS = "max-age=63072000; includeSubDomains"

View = Callable[..., Response]


def route(
    blueprint: Blueprint, path: str, *methods: str, is_page: bool = False, cross_origin: bool = False
) -> Callable[[View], View]:
    """Serve `path` with a view that takes a Request and the path's parameters.

    is_page: errors become pages. cross_origin: scripts of any site may call it and read the answer. They come without
    cookies, so they can do nothing that a program of their own could not; never for a page.
    """

    def register(view: View) -> View:
        allowed = ", ".join(("HEAD", *methods) if "GET" in methods else methods)

        @functools.wraps(view)
        def serve(**path_parameters: str) -> Response:
            request = Request(blueprint.current_request)
            try:
                if len(request.body) > settings.BODY_LIMIT_BYTES:
                    message = Message("The body is larger than %(limit)s bytes.", limit=settings.BODY_LIMIT_BYTES)
                    raise Refusal(413, "invalid_request", message)
                if request.method not in methods:
                    message = Message("Only %(methods)s can be used here.", methods=allowed)
                    raise Refusal(405, "invalid_request", message, {"Allow": allowed})
                return view(request, **path_parameters)
            except NotSignedIn as error:
                return see_other(here(request, f"/login?next={quote(error.back_to, safe='')}"))
            except Exception as error:
                return _error_answer(error, request, is_page)

        del serve.__wrapped__  # Chalice would read the view's signature through it
        name = f"{view.__module__}.{view.__name__}".replace(".", "_")
        cors = _CROSS_ORIGIN if cross_origin else False
        blueprint.route(path, methods=list(METHODS), content_types=["*/*"], name=name, cors=cors)(serve)
        return view

    return register


def json_answer(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    return Response(text, {"Content-Type": "application/json", **_NEVER_STORED, **(headers or {})}, status)


def page(
    request: Request,
    template: str,
    status: int = 200,
    *,
    headers: Mapping[str, Any] | None = None,
    form_target: str | None = "",
    with_script: bool = False,
    **values: Any,
) -> Response:
    """A page in its reader's language. values: what its template shows.

    form_target: where else its forms may lead, as a CSP names it; None where that is not known here. with_script: may
    it load our script; no page needs it to work.
    """
    user, languages = values.pop("user", request.user), request.header("accept-language")
    html = render.page(
        template,
        site=SITE,
        base=request.base_path,
        user=user,
        accept_language=languages,
        with_script=with_script,
        **values,
    )
    answer = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": SITE.content_security_policy(form_target, with_script=with_script),
        **_NEVER_STORED,
        **(headers or {}),
    }
    return Response(html, answer, status)


def see_other(location: str, *, headers: Mapping[str, Any] | None = None) -> Response:
    """303, so that a form is never posted on to where it leads (RFC 9700 §4.12)."""
    if any(ord(character) < 0x21 or ord(character) > 0x7E for character in location):
        raise ValueError("a Location must be printable ASCII")
    return Response("", {"Location": location, **_NEVER_STORED, **(headers or {})}, 303)


def here(request: Request, path: str) -> str:
    """The address of one of our own paths, for a link or a Location."""
    return request.base_path + path


def middleware(event: ChaliceRequest, get_response: Callable[[ChaliceRequest], Response]) -> Response:
    """Around every request: its deadline, its headers, and its line in the log."""
    started = time.monotonic()
    logs.begin()
    with deadline.begin():
        response = _normalized(get_response(event))
    response.headers.update(_SECURITY_HEADERS)
    if settings.SETTINGS.is_https:
        response.headers["Strict-Transport-Security"] = _HSTS
    if event.method == "HEAD":
        response.body = ""
    logs.write(
        request_id=getattr(event.lambda_context, "aws_request_id", None),
        method=event.method,
        route=event.path,
        status=response.status_code,
        client_id=None,
        outcome="ok" if response.status_code < 400 else "refused",  # where nobody noted a better word
        milliseconds=round((time.monotonic() - started) * 1000, 1),
    )
    return response


def _error_answer(error: Exception, request: Request, is_page: bool) -> Response:
    refusal = as_refusal(error)
    logs.note(outcome=refusal.code)
    if is_page:
        return page(
            request,
            "error.html",
            refusal.status,
            headers=refusal.headers,
            error_status=refusal.status,
            message=refusal.message,
        )
    body = {"error": refusal.code, "error_description": refusal.message}
    return json_answer(body, refusal.status, refusal.headers)


def _normalized(response: Response) -> Response:
    """Chalice's own error bodies, {"Code", "Message"}, in OAuth's shape."""
    if isinstance(response.body, dict) and "Code" in response.body:
        body = {"error": "server_error", "error_description": "Something went wrong on our side."}
        return json_answer(body, response.status_code)
    return response
