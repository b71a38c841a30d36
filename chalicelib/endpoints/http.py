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

from chalicelib import logs, settings
from chalicelib.endpoints.request import Request as Request
from chalicelib.mail import MailUnavailable
from chalicelib.models.store import ConditionFailed, StoreUnavailable
from chalicelib.models.throttle import TooManyTries
from chalicelib.pages import render
from chalicelib.protocol.requests import Undecodable
from chalicelib.server_key import ServerKeyMissing, ServerKeyUnavailable

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
RETRY_AFTER_SECONDS = "2"
TRY_AGAIN_SECONDS = str(settings.MAIL_WINDOW_SECONDS)
_SECURITY_HEADERS = {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer"}
_NEVER_STORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}
# Chalice answers the preflight, which is no request of ours; API Gateway does on AWS.
_CROSS_ORIGIN = CORSConfig("*", ["Authorization", "Content-Type"], ["WWW-Authenticate", "Retry-After"], max_age=600)
_HSTS = "max-age=63072000; includeSubDomains"

View = Callable[..., Response]


class Refusal(Exception):
    """A request that is answered with an error.

    status: HTTP's. code: a word for a program. message: a sentence that says what is wrong and what to do.
    headers: besides those that every answer has.
    """

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


class NotSignedIn(Exception):
    """Only a signed-in user can see this. back_to: the path of ours to come back to after the log-in."""

    def __init__(self, back_to: str) -> None:
        super().__init__("not signed in")
        self.back_to = back_to


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
                    raise Refusal(413, "invalid_request", f"The body is larger than {settings.BODY_LIMIT_BYTES} bytes.")
                if request.method not in methods:
                    raise Refusal(405, "invalid_request", f"Use {allowed} here.", {"Allow": allowed})
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


def page_answer(
    html: str, status: int = 200, *, headers: Mapping[str, Any] | None = None, form_target: str | None = ""
) -> Response:
    """A page. form_target: where else its forms may lead, as a CSP names it; None where that is not known here."""
    answer = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": _content_security_policy(form_target),
        **_NEVER_STORED,
        **(headers or {}),
    }
    return Response(html, answer, status)


def page(
    request: Request,
    template: str,
    status: int = 200,
    *,
    headers: Mapping[str, Any] | None = None,
    form_target: str | None = "",
    **values: Any,
) -> Response:
    """A page. values: what its template shows."""
    html = render.page(template, base=request.base_path, **values)
    return page_answer(html, status, headers=headers, form_target=form_target)


def see_other(location: str, *, headers: Mapping[str, Any] | None = None) -> Response:
    """303, so that a form is never posted on to where it leads (RFC 9700 §4.12)."""
    if any(ord(character) < 0x21 or ord(character) > 0x7E for character in location):
        raise ValueError("a Location must be printable ASCII")
    return Response("", {"Location": location, **_NEVER_STORED, **(headers or {})}, 303)


def here(request: Request, path: str) -> str:
    """The address of one of our own paths, for a link or a Location."""
    return request.base_path + path


def middleware(event: ChaliceRequest, get_response: Callable[[ChaliceRequest], Response]) -> Response:
    """Around every request: its headers, and its line in the log."""
    started = time.monotonic()
    logs.begin()
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


def _content_security_policy(form_target: str | None) -> str:
    policy = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    # Browsers hold a form to form-action through every redirect that follows.
    return policy if form_target is None else f"{policy}; form-action 'self' {form_target}".rstrip()


def _error_answer(error: Exception, request: Request, is_page: bool) -> Response:
    refusal = _as_refusal(error)
    logs.note(outcome=refusal.code)
    if is_page:
        html = render.page("error.html", base=request.base_path, status=refusal.status, message=refusal.message)
        return page_answer(html, refusal.status, headers=refusal.headers)
    body = {"error": refusal.code, "error_description": refusal.message}
    return json_answer(body, refusal.status, refusal.headers)


def _as_refusal(error: Exception) -> Refusal:
    match error:
        case Refusal():
            return error
        case Undecodable():
            return Refusal(400, "invalid_request", str(error))
        case ConditionFailed():
            message = "This was changed or deleted in the meantime. Go back, reload the page and try again."
            return Refusal(409, "conflict", message)
        case TooManyTries():
            message = "Too many tries. Wait an hour, then try again."
            return Refusal(429, "too_many_tries", message, {"Retry-After": TRY_AGAIN_SECONDS})
        case StoreUnavailable():
            logs.note(store_error=error.code)
            return _try_again("The service cannot reach its storage at the moment.")
        case MailUnavailable():
            logs.note(mail_error=error.code)
            return _try_again("Mail cannot be sent at the moment.")
        case ServerKeyUnavailable():
            logs.note(server_key_error=error.code)
            return _try_again("The service cannot read its key at the moment.")
        case ServerKeyMissing():
            logs.note(server_key_error="missing")
            return Refusal(500, "server_error", str(error))
        case _:
            logs.note(error=type(error).__name__, where=logs.where(error))
            return Refusal(500, "server_error", "Something went wrong on our side. It has been noted.")


def _try_again(message: str) -> Refusal:
    return Refusal(503, "temporarily_unavailable", f"{message} Please try again.", {"Retry-After": RETRY_AFTER_SECONDS})


def _normalized(response: Response) -> Response:
    """Chalice's own error bodies, {"Code", "Message"}, in OAuth's shape."""
    if isinstance(response.body, dict) and "Code" in response.body:
        body = {"error": "server_error", "error_description": "Something went wrong on our side."}
        return json_answer(body, response.status_code)
    return response
