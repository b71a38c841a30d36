"""The kinds of responses that views make: JSON, pages, redirects, and the sign-in page, which several of them need."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any

from chalice.app import Response

from chalicelib import limits, mail, settings
from chalicelib.endpoints.http import notices, stale_form
from chalicelib.endpoints.http.notices import Notice
from chalicelib.endpoints.http.request import Request
from chalicelib.endpoints.http.visitor_token import visitor_form
from chalicelib.pages import render
from chalicelib.pages.site import File, Site
from chalicelib.protocol.rules import openid_parameters, scopes
from chalicelib.protocol.rules.request_parameters import Parameters

# The purpose of the sign-in form's CSRF token. The word is that of earlier versions, whose forms may still be open.
SIGN_IN = "log-in"
_NEVER_STORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}

_site = functools.cache(Site)  # which keeps the files that it makes


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
    script: File | None = None,
    ui_locales: str = "",
    **values: Any,
) -> Response:
    """A page in its reader's language. values: what its template shows.

    form_target: where its forms may lead besides our pages, as CSP sources; None if that is not known here.
    with_script: the page may load our script; script: another one of ours; no page needs either to work. ui_locales: as
    `Request.languages`.
    """
    user = values.pop("user", request.user)
    loaded = script or (site().script if with_script else None)
    left = notices.left_for(request) if status < 400 else None
    notice = Notice.STALE_FORM if request.is_shown_again else left
    html = render.page(
        template,
        site=site(),
        base=request.base_path,
        user=user,
        accept_language=request.header("accept-language"),
        ui_locales=ui_locales or request.languages,
        script=loaded,
        notice=None if user and notice in notices.TO_VISITORS else notice,
        **values,
    )
    answer = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": site().content_security_policy(form_target, with_script=loaded is not None),
        **_NEVER_STORED,
        **_with_cookies(headers, [notices.said()] if left and not request.is_head else []),
    }
    return Response(html, answer, status)


def site() -> Site:
    """What the operator makes of the pages."""
    found = settings.SETTINGS
    return _site(found.site_name, found.site_logo_url, found.site_colour, found.support_contact, scopes.catalogue())


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
    hints = openid_parameters.hints(next_path)
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
        ui_locales=hints.get("ui_locales", ""),
        email=email or hints.get("login_hint", "")[: limits.EMAIL_LIMIT_CHARACTERS],
        problem=problem,
        is_disabled=is_disabled,
        is_again=is_again,
        signed_in_as=signed_in_as,
        carries_form=bool(carried),
        has_passwords=(ways := settings.SETTINGS.providers).has_passwords,
        providers=tuple(ways.by_name.values()),
        offers_sign_up=settings.SETTINGS.sign_up_open and ways.has_passwords,
        offers_reset=mail.is_set_up() and ways.has_passwords,
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
