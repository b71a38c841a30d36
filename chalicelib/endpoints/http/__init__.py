"""Between Chalice and the views: requests, responses, and the one place where errors become HTTP.

Every route takes every method and every content type, so that a wrong one is answered here, in OAuth's format or as a
page, with the headers that all responses have. API Gateway and Chalice would answer in formats of their own.
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from chalice.app import Blueprint, CORSConfig, Response
from chalice.app import Request as ChaliceRequest

from chalicelib import deadline, limits, logs, mail, settings
from chalicelib.endpoints.http import notices, stale_form
from chalicelib.endpoints.http.notices import Notice as Notice
from chalicelib.endpoints.http.refusal import NotSignedIn as NotSignedIn
from chalicelib.endpoints.http.refusal import Refusal as Refusal
from chalicelib.endpoints.http.refusal import StaleForm as StaleForm
from chalicelib.endpoints.http.refusal import as_refusal
from chalicelib.endpoints.http.request import EVERYTHING as EVERYTHING
from chalicelib.endpoints.http.request import Request as Request
from chalicelib.endpoints.http.visitor_token import visitor_form
from chalicelib.messages import Message
from chalicelib.pages import render
from chalicelib.pages.site import Site
from chalicelib.protocol.rules.request_parameters import Parameters

# The purpose of the sign-in form's CSRF token. The word is that of earlier versions, whose forms may still be open.
SIGN_IN = "log-in"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
_SECURITY_HEADERS = {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer"}
_NEVER_STORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}
# What a browser lets another site's script send: MCP hosts send MCP-Protocol-Version with every request, and some
# clients a DPoP proof. Both are ignored here, but a browser drops the request if its header is not listed.
_SENT_BY_SCRIPTS = ["Authorization", "Content-Type", "MCP-Protocol-Version", "DPoP"]
# Chalice answers preflight requests locally; on AWS, API Gateway does.
_CROSS_ORIGIN = CORSConfig("*", _SENT_BY_SCRIPTS, ["WWW-Authenticate", "Retry-After"], max_age=600)
_HSTS = "max-age=63072000; includeSubDomains"

View = Callable[..., Response]
_site = functools.cache(Site)  # which keeps the files that it makes


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


def route(
    blueprint: Blueprint,
    path: str,
    *methods: str,
    is_page: bool = False,
    cross_origin: bool = False,
    typed_again: Iterable[str] = (),
    form_stands_at: str | None = None,
    answers_stale_forms: bool = False,
    body_limit_bytes: int = limits.BODY_LIMIT_BYTES,
) -> Callable[[View], View]:
    """Serve `path` with a view that takes a Request and the path's parameters.

    is_page: errors become pages. cross_origin: scripts of any site may call it and read the response. They send no
    cookies, so they can do nothing that a program could not do; never set it for a page.
    typed_again: the fields that keep what was typed when a stale form is shown again; `stale_form` says why only some
    do. form_stands_at: the template of the path that shows the form, if it is another path.
    answers_stale_forms: the view answers stale forms itself, because a GET of its path may do more than show its form.
    body_limit_bytes: a longer body is refused unread.
    """

    def register(view: View) -> View:
        again = tuple(typed_again)
        made = Route(view, methods, is_page, again, form_stands_at, answers_stale_forms, body_limit_bytes)

        @functools.wraps(view)
        def serve(**path_parameters: str) -> Response:
            return _answer(made, Request(blueprint.current_request), path_parameters)

        del serve.__wrapped__  # Chalice would read the view's signature through it
        name = f"{view.__module__}.{view.__name__}".replace(".", "_")
        cors = _CROSS_ORIGIN if cross_origin else False
        blueprint.route(path, methods=list(METHODS), content_types=["*/*"], name=name, cors=cors)(serve)
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
            return _error_answer(error, request, to.is_page)
        return _show_again(to, request, path_parameters, error)
    except Exception as error:
        return _error_answer(error, request, to.is_page)


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

    form_target: where its forms may lead besides our pages, as CSP sources; None if that is not known here.
    with_script: the page may load our script; no page needs it to work.
    """
    user, languages = values.pop("user", request.user), request.header("accept-language")
    left = notices.left_for(request) if status < 400 else None
    notice = Notice.STALE_FORM if request.is_shown_again else left
    html = render.page(
        template,
        site=site(),
        base=request.base_path,
        user=user,
        accept_language=languages,
        with_script=with_script,
        notice=None if user and notice in notices.TO_VISITORS else notice,
        **values,
    )
    answer = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": site().content_security_policy(form_target, with_script=with_script),
        **_NEVER_STORED,
        **_with_cookies(headers, [notices.said()] if left and not request.is_head else []),
    }
    return Response(html, answer, status)


def site() -> Site:
    """What the operator makes of the pages."""
    found = settings.SETTINGS
    return _site(found.site_name, found.site_logo_url, found.site_colour, found.support_contact)


def sign_in_page(
    request: Request,
    next_path: str,
    *,
    email: str = "",
    problem: str = "",
    is_disabled: bool = False,
    is_again: bool = False,
    signed_in_as: str = "",
    carried: Parameters | None = None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """next_path: where to go after the sign-in. carried: the hidden fields of the form that waits for the sign-in; None
    for those of this request; see `stale_form`. is_disabled: say that the account is disabled. is_again: the user is
    signed in, and an application wants their password again. signed_in_as: the email of the account to stay with."""
    carried = stale_form.carried(request) if carried is None else carried
    csrf_token, cookies = visitor_form(request, SIGN_IN)
    # After the sign-in a remembered application may redirect to an origin that is not known here: no form-action.
    return page(
        request,
        "sign_in.html",
        status,
        headers={"Set-Cookie": cookies, **(headers or {})},
        form_target=None,
        user=None,
        hidden={stale_form.CSRF_FIELD: csrf_token, "next": next_path, **carried},
        next=next_path,
        email=email,
        problem=problem,
        is_disabled=is_disabled,
        is_again=is_again,
        signed_in_as=signed_in_as,
        carries_form=bool(carried),
        offers_sign_up=settings.SETTINGS.sign_up_open,
        offers_reset=mail.is_set_up(),
    )


def see_other(location: str, *, headers: Mapping[str, Any] | None = None, notice: Notice | None = None) -> Response:
    """303, so that no browser repeats the POST at the new URL (RFC 9700 §4.12). notice: for the next page."""
    if any(ord(character) < 0x21 or ord(character) > 0x7E for character in location):
        raise ValueError("a Location must be printable ASCII")
    cookies = [notices.leave(notice)] if notice else []
    return Response("", {"Location": location, **_NEVER_STORED, **_with_cookies(headers, cookies)}, 303)


def _with_cookies(headers: Mapping[str, Any] | None, more: list[str]) -> dict[str, Any]:
    found = dict(headers or {})
    cookies = [*found.pop("Set-Cookie", ()), *more]
    return {**found, "Set-Cookie": cookies} if cookies else found


def here(request: Request, path: str) -> str:
    """The URL of one of our own paths, for a link or a Location."""
    return request.base_path + path


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
