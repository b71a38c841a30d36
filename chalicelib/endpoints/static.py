"""The style sheet and the script, whose URLs contain their digests, so that browsers may keep them forever; and the
files that browsers and crawlers request at fixed URLs.
"""

from __future__ import annotations

from chalice.app import Blueprint, Response

from chalicelib import settings
from chalicelib.endpoints import http
from chalicelib.pages.site import File

blueprint = Blueprint(__name__)


@http.route(blueprint, http.SITE.style.path, "GET", is_page=True)
def style(_: http.Request) -> Response:
    return _cached_forever(http.SITE.style)


@http.route(blueprint, http.SITE.script.path, "GET", is_page=True)
def script(_: http.Request) -> Response:
    return _cached_forever(http.SITE.script)


@http.route(blueprint, "/favicon.ico", "GET", is_page=True)
def favicon(_: http.Request) -> Response:
    """For responses that are not our pages. Those name their icon themselves."""
    kept = {"Cache-Control": f"public, max-age={settings.ICON_LIFETIME_SECONDS}"}
    if http.SITE.drawn_icon:
        policy = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
        return Response(http.SITE.drawn_icon, {"Content-Type": "image/svg+xml", **kept, **policy}, 200)
    if http.SITE.logo_url and http.SITE.logo_url.startswith("https:"):
        return http.see_other(http.SITE.logo_url, headers=kept)
    return Response("", {**kept}, 204)  # a PNG cannot pass through API Gateway as text


@http.route(blueprint, "/robots.txt", "GET", is_page=True)
def robots(_: http.Request) -> Response:
    """Crawlers may index the front page and nothing else."""
    kept = f"public, max-age={settings.ICON_LIFETIME_SECONDS}"
    text = "User-agent: *\nAllow: /$\nDisallow: /\n"
    return Response(text, {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": kept}, 200)


def _cached_forever(file: File) -> Response:
    kept = f"public, max-age={settings.STATIC_LIFETIME_SECONDS}, immutable"
    return Response(file.body, {"Content-Type": file.content_type, "Cache-Control": kept}, 200)
