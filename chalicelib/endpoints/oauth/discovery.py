"""/.well-known/: metadata that clients configure themselves from (RFC 8414, RFC 9728).

An issuer with a path, such as a stage's, has its metadata at two URLs. RFC 8414 §3.1 puts the well-known part between
host and path, but such a request only arrives if the domain's root leads here too. The URL below the path always works.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chalice.app import Blueprint, Response

from chalicelib.endpoints import http
from chalicelib.protocol import server_metadata
from chalicelib.protocol.rules import paths

blueprint = Blueprint(__name__)


@http.route(blueprint, paths.SERVER_METADATA, "GET", cross_origin=True)
def authorization_server(request: http.Request) -> Response:
    return http.json_answer(server_metadata.authorization_server(request.base_url))


@http.route(blueprint, paths.SERVER_METADATA + "/{path}", "GET", cross_origin=True)
def authorization_server_of_path(request: http.Request, path: str) -> Response:
    return _of_path(request, path, server_metadata.authorization_server)


@http.route(blueprint, paths.RESOURCE_METADATA, "GET", cross_origin=True)
def protected_resource(request: http.Request) -> Response:
    return http.json_answer(server_metadata.protected_resource(request.base_url))


@http.route(blueprint, paths.RESOURCE_METADATA + "/{path}", "GET", cross_origin=True)
def protected_resource_of_path(request: http.Request, path: str) -> Response:
    return _of_path(request, path, server_metadata.protected_resource)


def _of_path(request: http.Request, path: str, describe: Callable[[str], dict[str, Any]]) -> Response:
    """The metadata must belong to the issuer whose URL was requested (RFC 8414 §3.3), with exactly this path."""
    if request.base_path != f"/{path}":
        raise http.Refusal(404, "not_found", "There is nothing at this address.")
    return http.json_answer(describe(request.base_url))
