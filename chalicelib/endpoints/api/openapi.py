"""GET /api/v1/openapi.json: the HTTP API, described in OpenAPI 3.1.

openapi.json beside this file is the one source; docs/http-api.md is made from it. The application's own pages, which
are for people, are not in it.
"""

from __future__ import annotations

import json
from pathlib import Path

from chalice.app import Blueprint, Response

from chalicelib.endpoints import http

PATH = "/api/v1/openapi.json"
# Stands in the source for the provider's address, so that the source is a valid description by itself.
_EXAMPLE_ADDRESS = "https://connect.example.com"
SOURCE = Path(__file__).with_suffix(".json").read_text(encoding="utf-8")
blueprint = Blueprint(__name__)


@http.route(blueprint, PATH, "GET", cross_origin=True)
def openapi(request: http.Request) -> Response:
    address = json.dumps(request.base_url)[1:-1]
    return http.json_answer(SOURCE.replace(_EXAMPLE_ADDRESS, address))
