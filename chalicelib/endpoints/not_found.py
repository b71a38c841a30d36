"""What is at no address of ours: a page for a browser, JSON for a program. It asks the store nothing."""

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
    # Or a script of another site, which may call what is at the addresses for programs, would see no answer at all.
    body = {"error": refusal.code, "error_description": refusal.message}
    return http.json_answer(body, refusal.status, {"Access-Control-Allow-Origin": "*"})


def _is_for_a_browser(request: http.Request) -> bool:
    is_for_programs = f"{request.local_path}/".startswith(_FOR_PROGRAMS)
    return not is_for_programs and "text/html" in (request.header("accept") or "").lower()
