"""/.well-known/: metadata that clients configure themselves from (RFC 8414, RFC 9728).

An issuer with a path, such as a stage's, has its metadata at several URLs. RFC 8414 §3.1 and RFC 9728 §3.1 put the
well-known part between host and path, but such a request only arrives if the domain's root leads here too. The URL
below the path always works.

openid-configuration is the same document under the name that OpenID Connect gave it (RFC 8414 §5): a client that knows
only the issuer tries that name as well, also below the path, which RFC 8414 does not. On a stage that signs, it also
has the members of an OpenID provider.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chalice.app import Blueprint, Response

from chalicelib.endpoints import http
from chalicelib.protocol import server_metadata
from chalicelib.protocol.rules import paths

_OF_PATH = "/{path+}"
blueprint = Blueprint(__name__)


@http.route(blueprint, paths.SERVER_METADATA, "GET", cross_origin=True)
def authorization_server(request: http.Request) -> Response:
    return http.json_answer(server_metadata.authorization_server(request.base_url))


@http.route(blueprint, paths.SERVER_METADATA + _OF_PATH, "GET", cross_origin=True)
def authorization_server_of_path(request: http.Request) -> Response:
    return _of_path(request, paths.SERVER_METADATA, server_metadata.authorization_server)


@http.route(blueprint, paths.OPENID_CONFIGURATION, "GET", cross_origin=True)
def openid_configuration(request: http.Request) -> Response:
    return http.json_answer(server_metadata.openid_provider(request.base_url))


@http.route(blueprint, paths.OPENID_CONFIGURATION + _OF_PATH, "GET", cross_origin=True)
def openid_configuration_of_path(request: http.Request) -> Response:
    return _of_path(request, paths.OPENID_CONFIGURATION, server_metadata.openid_provider)


@http.route(blueprint, paths.RESOURCE_METADATA, "GET", cross_origin=True)
def protected_resource(request: http.Request) -> Response:
    return http.json_answer(server_metadata.protected_resource(request.base_url))


@http.route(blueprint, paths.RESOURCE_METADATA + _OF_PATH, "GET", cross_origin=True)
def protected_resource_of_path(request: http.Request) -> Response:
    return _of_path(request, paths.RESOURCE_METADATA, server_metadata.protected_resource)


def _of_path(request: http.Request, well_known: str, describe: Callable[[str], dict[str, Any]]) -> Response:
    """The metadata must belong to the issuer whose URL was requested (RFC 8414 §3.3), with exactly this path."""
    if request.local_path.removesuffix("/") != well_known + request.base_path:
        raise http.Refusal(404, "not_found", "There is nothing at this address.")
    return http.json_answer(describe(request.base_url))
