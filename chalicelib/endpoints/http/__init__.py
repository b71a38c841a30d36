"""Between Chalice and the views: requests, responses, and the one place where errors become HTTP.

Every route takes every method and every content type, so that a wrong one is answered here, in OAuth's format or as a
page, with the headers that all responses have. API Gateway and Chalice would answer in formats of their own.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from chalice.app import Blueprint, CORSConfig, IAMAuthorizer, Response
from chalice.app import Request as ChaliceRequest

from chalicelib import deadline, limits, logs, settings
from chalicelib.endpoints.http import stale_form
from chalicelib.endpoints.http.bearer_access import access as access
from chalicelib.endpoints.http.mailed_notice import mail_notice as mail_notice
from chalicelib.endpoints.http.notices import Notice as Notice
from chalicelib.endpoints.http.refusal import NotSignedIn as NotSignedIn
from chalicelib.endpoints.http.refusal import Refusal as Refusal
from chalicelib.endpoints.http.refusal import StaleForm as StaleForm
from chalicelib.endpoints.http.refusal import as_refusal
from chalicelib.endpoints.http.refusal import check_passwords as check_passwords
from chalicelib.endpoints.http.request import EVERYTHING as EVERYTHING
from chalicelib.endpoints.http.request import Request as Request
from chalicelib.endpoints.http.responses import SIGN_IN as SIGN_IN
from chalicelib.endpoints.http.responses import here as here
from chalicelib.endpoints.http.responses import json_answer as json_answer
from chalicelib.endpoints.http.responses import page as page
from chalicelib.endpoints.http.responses import see_other as see_other
from chalicelib.endpoints.http.responses import sign_in_page as sign_in_page
from chalicelib.endpoints.http.responses import site as site
from chalicelib.messages import Message

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
_SECURITY_HEADERS = {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer"}
# What a browser lets another site's script send: MCP hosts send MCP-Protocol-Version with every request. It is ignored
# here, but a browser drops the request if its header is not listed.
_SENT_BY_SCRIPTS = ["Authorization", "Content-Type", "MCP-Protocol-Version", "DPoP"]
# Chalice answers preflight requests locally; on AWS, API Gateway does.
_CROSS_ORIGIN = CORSConfig("*", _SENT_BY_SCRIPTS, ["WWW-Authenticate", "Retry-After", "DPoP-Nonce"], max_age=600)
_HSTS = "max-age=63072000; includeSubDomains"

View = Callable[..., Response]


@dataclass(frozen=True)
class Route:
    """A view and the options of its route; see `route`."""

    view: View
    methods: tuple[str, ...]
    is_page: bool
    typed_again: tuple[str, ...]
    form_stands_at: str | None
    answers_stale_forms: bool
    body_limit_bytes: int
    error_response: Callable[[Refusal], Response] | None


def route(
    blueprint: Blueprint,
    path: str,
    *methods: str,
    is_page: bool = False,
    cross_origin: bool = False,
    typed_again: Iterable[str] = (),
    form_stands_at: str | None = None,
    answers_stale_forms: bool = False,
    by_iam: bool = False,
    body_limit_bytes: int = limits.BODY_LIMIT_BYTES,
    error_response: Callable[[Refusal], Response] | None = None,
) -> Callable[[View], View]:
    """Serve `path` with a view that takes a Request and the path's parameters.

    is_page: errors become pages. cross_origin: scripts of any site may call it and read the response. They send no
    cookies, so they can do nothing that a program could not do; never set it for a page.
    typed_again: the fields that keep what was typed when a stale form is shown again; `stale_form` says why only some
    do. form_stands_at: the template of the path that shows the form, if it is another path.
    answers_stale_forms: the view answers stale forms itself, because a GET of its path may do more than show its form.
    by_iam: API Gateway lets only callers in whom IAM allows to (Signature Version 4); see `Request.iam_caller`.
    body_limit_bytes: a longer body is refused unread. error_response: makes the response to an error, in the format of
    a protocol that is not OAuth.
    """

    def register(view: View) -> View:
        again = tuple(typed_again)
        made = Route(
            view, methods, is_page, again, form_stands_at, answers_stale_forms, body_limit_bytes, error_response
        )

        @functools.wraps(view)
        def serve(**path_parameters: str) -> Response:
            return _answer(made, Request(blueprint.current_request), path_parameters)

        del serve.__wrapped__  # Chalice would read the view's signature through it
        name = f"{view.__module__}.{view.__name__}".replace(".", "_")
        cors = _CROSS_ORIGIN if cross_origin else False
        authorizer = IAMAuthorizer() if by_iam else None
        blueprint.route(
            path, methods=list(METHODS), content_types=["*/*"], name=name, cors=cors, authorizer=authorizer
        )(serve)
        return view

    return register


def _answer(to: Route, request: Request, path_parameters: Mapping[str, str]) -> Response:
    try:
        _check(request, to)
        return to.view(request, **path_parameters)
    except NotSignedIn as error:
        return _ask_to_sign_in(to, request, error)
    except StaleForm as error:
        if not to.is_page or to.answers_stale_forms or request.is_shown_again:
            return _error_answer(error, request, to)
        return _show_again(to, request, path_parameters, error)
    except Exception as error:
        return _error_answer(error, request, to)


def _check(request: Request, to: Route) -> None:
    if len(request.body) > to.body_limit_bytes:
        message = Message("The body is larger than %(limit)s bytes.", limit=to.body_limit_bytes)
        raise Refusal(413, "invalid_request", message)
    if request.method not in to.methods:
        allowed = ", ".join(("HEAD", *to.methods) if "GET" in to.methods else to.methods)
        message = Message("Only %(methods)s can be used here.", methods=allowed)
        raise Refusal(405, "invalid_request", message, {"Allow": allowed})


def _ask_to_sign_in(to: Route, request: Request, error: NotSignedIn) -> Response:
    """The sign-in page carrying the form that was sent, or a redirect to it if there is no form that may come back."""
    carried = stale_form.to_carry(request, to.typed_again, error.back_to)
    if carried:
        logs.note(outcome="session ended, form kept")
        return sign_in_page(request, error.back_to, carried=carried, status=401)
    has_sent_a_form = request.method == "POST" and request.is_from_our_page
    notice = error.ended if has_sent_a_form else None
    return see_other(here(request, f"/login?next={quote(error.back_to, safe='')}"), notice=notice)


def _show_again(to: Route, request: Request, path_parameters: Mapping[str, str], stale: StaleForm) -> Response:
    """The page with the form, as a GET shows it, filled in with what was typed and may come back."""
    logs.note(outcome=stale.code)
    if to.form_stands_at:
        named = {name: quote(value, safe="") for name, value in path_parameters.items()}
        return see_other(here(request, to.form_stands_at.format(**named)), notice=Notice.STALE_FORM)
    request.typed = stale_form.typed(request, stale, to.typed_again)
    request.is_shown_again = True
    response = _answer(to, request, path_parameters)
    if response.status_code == 200:
        response.status_code = stale.status
    return response


def middleware(event: ChaliceRequest, get_response: Callable[[ChaliceRequest], Response]) -> Response:
    """Wraps every request: its deadline, its headers and its line in the log."""
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
        outcome="ok" if response.status_code < 400 else "refused",  # unless a better word was noted
        milliseconds=round((time.monotonic() - started) * 1000, 1),
    )
    return response


def _error_answer(error: Exception, request: Request, to: Route) -> Response:
    refusal = as_refusal(error)
    logs.note(outcome=refusal.code or f"refused: {refusal.status}")
    if to.error_response:
        return to.error_response(refusal)
    if to.is_page:
        return page(
            request,
            "error.html",
            refusal.status,
            headers=refusal.headers,
            error_status=refusal.status,
            error_code=refusal.code,
            message=refusal.message,
            is_operators=refusal.is_operators,
        )
    body = {"error": refusal.code, "error_description": refusal.message}
    return json_answer(body, refusal.status, refusal.headers)


def _normalized(response: Response) -> Response:
    """Convert Chalice's own error bodies, {"Code", "Message"}, to OAuth's format."""
    if isinstance(response.body, dict) and "Code" in response.body:
        body = {"error": "server_error", "error_description": "Something went wrong on our side."}
        return json_answer(body, response.status_code)
    return response
