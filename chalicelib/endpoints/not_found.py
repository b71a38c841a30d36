"""The response for URLs that do not exist: a page for a browser, JSON for a program. It does not use the store."""

from __future__ import annotations

from chalice.app import Blueprint, Response

from chalicelib import logs
from chalicelib.endpoints import http
from chalicelib.messages import Message

NOTHING_HERE = Message("There is nothing at this address.")
_FOR_PROGRAMS = ("/api/", "/.well-known/")
blueprint = Blueprint(__name__)


@http.route(blueprint, http.EVERYTHING, *http.METHODS, is_page=True)
def nothing_here(request: http.Request) -> Response:
    refusal = http.Refusal(404, "not_found", NOTHING_HERE)
    if _is_for_a_browser(request):
        raise refusal
    logs.note(outcome=refusal.code)
    # With this header, a script on another site can read the error as it can read the API's other responses.
    body = {"error": refusal.code, "error_description": refusal.message}
    return http.json_answer(body, refusal.status, {"Access-Control-Allow-Origin": "*"})


def _is_for_a_browser(request: http.Request) -> bool:
    is_for_programs = f"{request.local_path}/".startswith(_FOR_PROGRAMS)
    return not is_for_programs and "text/html" in (request.header("accept") or "").lower()
