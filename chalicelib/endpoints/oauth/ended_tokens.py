"""/.well-known/ended-tokens: the signed access tokens that ended early. Metadata names it as `ended_tokens_uri`."""

from __future__ import annotations

from chalice.app import Blueprint, Response

from chalicelib import limits
from chalicelib.endpoints import http
from chalicelib.keys import signing
from chalicelib.protocol.rules import paths
from chalicelib.protocol.rules.request_parameters import single
from chalicelib.protocol.tokens import ended_list

blueprint = Blueprint(__name__)


@http.route(blueprint, paths.ENDED_TOKENS, "GET", cross_origin=True)
def ended(request: http.Request) -> Response:
    if not signing.is_on():
        raise http.Refusal(404, "not_found", "This server signs no tokens, so none of them end early.")
    try:
        found = ended_list.current(issuer=request.base_url, after=single(request.query, "after"))
    except ended_list.UnknownCursor as error:
        raise http.Refusal(400, "invalid_request", "after must be the `next` of the page before.") from error
    headers: dict[str, str | list[str]] = {
        "Content-Type": "application/" + ended_list.TYPE,
        "Cache-Control": f"public, max-age={limits.ENDED_TOKENS_CACHED_SECONDS}",
        "ETag": f'"{found.digest}"',
    }
    is_known = f'"{found.digest}"' in (request.header("if-none-match") or "")
    return Response("", headers, 304) if is_known else Response(found.token, headers, 200)
