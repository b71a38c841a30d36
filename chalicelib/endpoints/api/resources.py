"""The resources that an access token gives access to: /api/v1/me and the organizers (RFC 6750)."""

from __future__ import annotations

from chalice.app import Blueprint, Response

from chalicelib import logs, names
from chalicelib.endpoints import http
from chalicelib.models import organizer, store
from chalicelib.protocol.rules import request_parameters, scopes, strict_json

PAGE_SIZE_LIMIT = 50
ORGANIZERS = "/api/v1/organizers"
blueprint = Blueprint(__name__)


@http.route(blueprint, "/api/v1/me", "GET", cross_origin=True)
def me(request: http.Request) -> Response:
    access = http.access(request, None)
    user = access.user
    if user is None:
        raise http.Refusal(403, "access_denied", "This token is the application's own: there is no user behind it.")
    return http.json_answer(
        {
            "sub": access.subject,
            "email": user.email,
            "fullname": user.fullname,
            "locale": user.locale,
            "timezone": user.timezone,
        }
    )


@http.route(blueprint, ORGANIZERS, "GET", cross_origin=True)
def organizers(request: http.Request) -> Response:
    """The organizers that the token is restricted to and the user still belongs to, one page at a time."""
    slugs = sorted(http.access(request, _required("list_organizers")).organizers)
    size = min(_whole_number(request, "page_size", PAGE_SIZE_LIMIT), PAGE_SIZE_LIMIT)
    number = _whole_number(request, "page", 1)
    start = (number - 1) * size
    if number > 1 and start >= len(slugs):
        raise http.Refusal(404, "not_found", "There is no such page.")

    def address(page: int) -> str:
        return f"{request.base_url}{ORGANIZERS}/?page={page}&page_size={size}"

    return http.json_answer(
        {
            "count": len(slugs),
            "next": address(number + 1) if start + size < len(slugs) else None,
            "previous": address(number - 1) if number > 1 else None,
            "results": [_as_json(found.slug, found.name) for found in organizer.get_all(slugs[start : start + size])],
        }
    )


@http.route(blueprint, ORGANIZERS + "/{slug}", "GET", "PATCH", cross_origin=True)
def one_organizer(request: http.Request, slug: str) -> Response:
    access = http.access(request, _required("rename_organizers" if request.method == "PATCH" else "list_organizers"))
    if slug not in access.organizers:
        # The same for an organizer that does not exist: a token must reveal nothing about others.
        raise http.Refusal(403, "access_denied", "This token does not give access to this organizer.")
    if request.method == "PATCH":
        name = _read_name(request)
        _rename(slug, name)
        return http.json_answer(_as_json(slug, name))
    found = organizer.get(slug)
    if found is None:
        raise http.Refusal(404, "not_found", "There is no such organizer.")
    return http.json_answer(_as_json(found.slug, found.name))


def _required(part: str) -> str:
    """The scope that this part of the API requires. Raises Refusal if there is none."""
    scope = scopes.of_own_api(part)
    if scope is None:
        raise http.Refusal(404, "not_found", "The operator has switched this part of the API off.")
    return scope


def _whole_number(request: http.Request, name: str, default: int) -> int:
    if request_parameters.repeated(request.query, (name,)):
        raise http.Refusal(400, "invalid_request", f"{name} was sent more than once.")
    value = request_parameters.single(request.query, name) or str(default)
    if not (value.isascii() and value.isdigit() and len(value) < 7 and int(value) > 0):
        raise http.Refusal(400, "invalid_request", f"{name} must be a whole number from 1 on.")
    return int(value)


def _read_name(request: http.Request) -> str:
    try:
        body = strict_json.read(request.body)
    except strict_json.NotStrict as error:
        raise http.Refusal(400, "invalid_request", 'The body must be JSON: {"name": "..."}') from error
    if not isinstance(body, dict) or set(body) != {"name"} or not isinstance(body["name"], str):
        raise http.Refusal(400, "invalid_request", 'The body must be {"name": "..."} and nothing else can be changed.')
    try:
        return names.check_name(body["name"])
    except names.InputProblem as error:
        raise http.Refusal(400, "invalid_request", f"name {error}.") from error


def _rename(slug: str, name: str) -> None:
    try:
        organizer.rename(slug, name)
    except store.ConditionFailed as error:
        raise http.Refusal(404, "not_found", "There is no such organizer.") from error
    logs.note(outcome="organizer renamed")


def _as_json(slug: str, name: str) -> dict[str, str]:
    return {"name": name, "slug": slug}
