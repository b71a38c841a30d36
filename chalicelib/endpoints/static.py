"""The style sheet and the script. Their addresses hold their digests, so browsers may keep them for good."""

from __future__ import annotations

from chalice.app import Blueprint, Response

from chalicelib import settings
from chalicelib.endpoints import http
from chalicelib.pages.site import File

blueprint = Blueprint(__name__)


@http.route(blueprint, http.SITE.style.path, "GET", is_page=True)
def style(_: http.Request) -> Response:
    return _kept(http.SITE.style)


@http.route(blueprint, http.SITE.script.path, "GET", is_page=True)
def script(_: http.Request) -> Response:
    return _kept(http.SITE.script)


def _kept(file: File) -> Response:
    kept = f"public, max-age={settings.STATIC_LIFETIME_SECONDS}, immutable"
    return Response(file.body, {"Content-Type": file.content_type, "Cache-Control": kept}, 200)
