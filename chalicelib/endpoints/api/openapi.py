"""GET /api/v1/openapi.json: the HTTP API, described in OpenAPI 3.1.

The only source is openapi.json beside this file; docs/http-api.md is generated from it. It does not describe the pages
for people.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path

from chalice.app import Blueprint, Response

from chalicelib import permissions
from chalicelib.endpoints import http
from chalicelib.permissions import Catalogue
from chalicelib.protocol.rules import scopes

PATH = "/api/v1/openapi.json"
# Stands for the provider's URL in the source, so that the source is a valid description by itself.
_EXAMPLE_ADDRESS = "https://connect.example.com"
SOURCE = Path(__file__).with_suffix(".json").read_text(encoding="utf-8")
blueprint = Blueprint(__name__)


@http.route(blueprint, PATH, "GET", cross_origin=True)
def openapi(request: http.Request) -> Response:
    address = json.dumps(request.base_url)[1:-1]
    return http.json_answer(_described(scopes.catalogue()).replace(_EXAMPLE_ADDRESS, address))


@functools.cache
def _described(catalogue: Catalogue) -> str:
    """The description with the scopes of this catalogue."""
    described = json.loads(SOURCE)
    flows = described["components"]["securitySchemes"]["oauth2"]["flows"]
    words = {name: scope.title["en"] for name, scope in catalogue.scopes.items()}
    flows["authorizationCode"]["scopes"] = words
    own = flows["clientCredentials"]["scopes"]
    administrative = {name: own[name] for name in permissions.ADMINISTRATIVE if name in own}
    offered = {name: words[name] for name in words if name not in catalogue.always | catalogue.of_openid}
    flows["clientCredentials"]["scopes"] = {**offered, **administrative}
    return json.dumps(described, ensure_ascii=False)
