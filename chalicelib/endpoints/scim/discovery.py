"""/scim/v2/ServiceProviderConfig, /ResourceTypes and /Schemas (RFC 7644 §4), which need no token and read no store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chalice.app import Blueprint, Response

from chalicelib.endpoints import http
from chalicelib.endpoints.scim import scim_request

blueprint = Blueprint(__name__)


@scim_request.route(blueprint, "/ServiceProviderConfig", "GET")
def service_provider_config(request: http.Request) -> Response:
    return _described(request, lambda found, root: found.service_provider_config(root))


@scim_request.route(blueprint, "/ResourceTypes", "GET")
def resource_types(request: http.Request) -> Response:
    return _described(request, lambda found, root: found.resource_types(root))


@scim_request.route(blueprint, "/ResourceTypes/{name}", "GET")
def resource_type(request: http.Request, name: str) -> Response:
    return _described(request, lambda found, root: found.resource_type(root, name))


@scim_request.route(blueprint, "/Schemas", "GET")
def schemas(request: http.Request) -> Response:
    return _described(request, lambda found, root: found.schemas(root))


@scim_request.route(blueprint, "/Schemas/{urn}", "GET")
def schema(request: http.Request, urn: str) -> Response:
    return _described(request, lambda found, root: found.schema(root, urn))


@scim_request.route(blueprint, "/{proxy+}", *http.METHODS)
def nothing_here(request: http.Request) -> Response:
    if request.local_path == scim_request.ROOT + "/.search":
        raise http.Refusal(501, "", "Search /Users or /Groups: several kinds at once are not searched.")
    raise http.Refusal(404, "", "There is nothing at this address.")


def _described(request: http.Request, describe: Callable[[Any, str], dict[str, Any]]) -> Response:
    if "filter" in scim_request.parameters(request):
        raise http.Refusal(403, "", "A filter cannot be used here.")  # RFC 7644 §4
    from chalicelib.provisioning import discovery
    from chalicelib.provisioning.messages import Reply

    root = request.base_url + scim_request.ROOT
    return scim_request.respond(lambda: Reply(200, describe(discovery, root)))
