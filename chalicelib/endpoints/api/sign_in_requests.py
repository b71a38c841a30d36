"""/api/v1/sign-in/requests: the platform's server reads who is asked to sign in on its page, and says who did.

Its own token has the scope `sign_in`, which the operator allows. On AWS, a server in the same account can let IAM
authenticate it instead, at /api/v1/iam/sign-in/requests. docs/sign-in.md shows the conversation.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import parse_qsl, urlencode, urlsplit

from chalice.app import Blueprint, Response

from chalicelib import clock, logs, settings
from chalicelib.accounts import federated_sign_in
from chalicelib.endpoints import http
from chalicelib.identity_providers import PlatformPage
from chalicelib.models import application, sign_in_request
from chalicelib.models.sign_in_request import SignInRequest
from chalicelib.protocol.rules import paths, strict_json

PATH = "/api/v1/sign-in/requests"
IAM_PATH = "/api/v1/iam/sign-in/requests"
SCOPE = "sign_in"
blueprint = Blueprint(__name__)


def _route(path: str, method: str) -> Callable[[http.View], http.View]:
    """Serve a path below both addresses."""

    def register(view: http.View) -> http.View:
        http.route(blueprint, IAM_PATH + path, method, by_iam=True)(_by_iam(view))
        return http.route(blueprint, PATH + path, method)(_by_token(view))

    return register


def _by_token(view: http.View) -> http.View:
    @functools.wraps(view)
    def checked(request: http.Request, request_id: str) -> Response:
        http.access(request, SCOPE)
        return view(request, request_id)

    return checked


def _by_iam(view: http.View) -> http.View:
    def checked(request: http.Request, request_id: str) -> Response:
        if request.iam_caller is None:
            raise http.Refusal(403, "access_denied", "IAM authenticates callers only on AWS. Use an access token.")
        logs.note(iam_caller=request.iam_caller)
        return view(request, request_id)

    checked.__name__, checked.__module__ = f"{view.__name__}_by_iam", view.__module__
    return checked


@_route("/{request_id}", "GET")
def read(_: http.Request, request_id: str) -> Response:
    """What the platform's page needs to know: the language, whether to ask for the password again, and on whose
    behalf."""
    page = _page()
    found = _find(request_id, page)
    return http.json_answer(
        {
            "expires_in": int(found.expires_at) - clock.now(),
            "again": bool(found.is_again),
            "language": found.language,
            "application": _application(str(found.next_path)),
        }
    )


@_route("/{request_id}/accept", "POST")
def accept(request: http.Request, request_id: str) -> Response:
    """Say who signed in. Until the browser has come back, it can be said again, and the last word counts."""
    page = _page()
    try:
        person = federated_sign_in.from_platform(strict_json.read_object(request.body))
    except strict_json.NotStrict as error:
        raise http.Refusal(400, "invalid_request", "The body must be a JSON object.") from error
    except federated_sign_in.Unusable as error:
        raise http.Refusal(400, "invalid_request", f"{error}.") from error
    with _usable():
        answer = sign_in_request.accept(_find(request_id, page), federated_sign_in.as_json(person))
    logs.note(outcome="sign-in accepted")
    return _redirect(request, page, {"request": request_id, "answer": answer})


@_route("/{request_id}/refuse", "POST")
def refuse(request: http.Request, request_id: str) -> Response:
    """Say that nobody signed in."""
    page = _page()
    with _usable():
        sign_in_request.refuse(_find(request_id, page))
    logs.note(outcome="sign-in refused")
    return _redirect(request, page, {"request": request_id})


def _page() -> PlatformPage:
    """The provider whose page this is. Raises Refusal."""
    pages = [found for found in settings.SETTINGS.providers.by_name.values() if isinstance(found, PlatformPage)]
    if not pages:
        raise http.Refusal(404, "not_found", "No page of the platform is among this stage's identity providers.")
    return pages[0]


def _find(request_id: str, page: PlatformPage) -> SignInRequest:
    """Raises Refusal."""
    with _usable():
        return sign_in_request.find(request_id, page.name)


@contextmanager
def _usable() -> Iterator[None]:
    try:
        yield
    except sign_in_request.NotUsable as error:
        message = "There is no such request, it has expired, or the browser has come back with its answer."
        raise http.Refusal(404, "not_found", message) from error


def _application(next_path: str) -> dict[str, str] | None:
    """The application that waits for the sign-in; None if there is none."""
    parts = urlsplit(next_path)
    client_id = dict(parse_qsl(parts.query)).get("client_id", "") if parts.path == paths.AUTHORIZATION else ""
    found = application.get(client_id)
    return {"client_id": found.public_id, "name": str(found.name)} if found else None


def _redirect(request: http.Request, page: PlatformPage, query: dict[str, str]) -> Response:
    """Where the platform has to send the browser."""
    address = f"{request.base_url}{paths.SIGN_IN_WITH}/{page.name}/back?{urlencode(query)}"
    return http.json_answer({"redirect_to": address})
