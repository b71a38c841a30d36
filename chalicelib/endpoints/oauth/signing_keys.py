"""/.well-known/jwks.json: the public keys of this provider (RFC 7517 §5). Metadata names it as `jwks_uri`."""

from __future__ import annotations

from chalice.app import Blueprint, Response

from chalicelib import limits
from chalicelib.endpoints import http
from chalicelib.keys import signing
from chalicelib.protocol.rules import paths

blueprint = Blueprint(__name__)


@http.route(blueprint, paths.KEYS, "GET", cross_origin=True)
def keys(_: http.Request) -> Response:
    cached = {"Cache-Control": f"public, max-age={limits.PUBLISHED_KEYS_CACHED_SECONDS}"}
    return http.json_answer({"keys": signing.published()}, headers=cached)
