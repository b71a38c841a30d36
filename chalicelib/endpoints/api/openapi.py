"""GET /api/v1/openapi.json: the HTTP API, described in OpenAPI 3.1.

The only source is openapi.json beside this file; docs/http-api.md is generated from it. It does not describe the pages
for people.
"""

from __future__ import annotations

import json
from pathlib import Path

from chalice.app import Blueprint, Response

from chalicelib.endpoints import http

PATH = "/api/v1/openapi.json"
# Stands for the provider's URL in the source, so that the source is a valid description by itself.
_EXAMPLE_ADDRESS = "https://connect.example.com"
SOURCE = Path(__file__).with_suffix(".json").read_text(encoding="utf-8")
blueprint = Blueprint(__name__)


@http.route(blueprint, PATH, "GET", cross_origin=True)
def openapi(request: http.Request) -> Response:
    address = json.dumps(request.base_url)[1:-1]
    return http.json_answer(SOURCE.replace(_EXAMPLE_ADDRESS, address))
