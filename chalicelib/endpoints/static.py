"""The style sheet and the scripts, whose URLs contain their digests, so that browsers may keep them forever; and the
files that browsers and crawlers request at fixed URLs.
"""

from __future__ import annotations

from chalice.app import Blueprint, Response

from chalicelib import limits
from chalicelib.endpoints import http
from chalicelib.pages.site import File


def make_blueprint() -> Blueprint:
    """Serves all of them. Made with the application: the style sheet, and so its digest, has the operator's color."""
    made, site = Blueprint(__name__), http.site()
    views = {
        site.style.path: style,
        site.script.path: script,
        site.posting_script.path: posting_script,
        "/favicon.ico": favicon,
        "/robots.txt": robots,
    }
    for path, view in views.items():
        http.route(made, path, "GET", is_page=True)(view)
    return made


def style(_: http.Request) -> Response:
    return _cached_forever(http.site().style)


def script(_: http.Request) -> Response:
    return _cached_forever(http.site().script)


def posting_script(_: http.Request) -> Response:
    return _cached_forever(http.site().posting_script)


def favicon(_: http.Request) -> Response:
    """For responses that are not our pages. Those name their icon themselves."""
    site, kept = http.site(), {"Cache-Control": f"public, max-age={limits.ICON_LIFETIME_SECONDS}"}
    if site.drawn_icon:
        policy = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
        return Response(site.drawn_icon, {"Content-Type": "image/svg+xml", **kept, **policy}, 200)
    if site.logo_url and site.logo_url.startswith("https:"):
        return http.see_other(site.logo_url, headers=kept)
    return Response("", {**kept}, 204)  # a PNG cannot pass through API Gateway as text


def robots(_: http.Request) -> Response:
    """Crawlers may index the front page and nothing else."""
    kept = f"public, max-age={limits.ICON_LIFETIME_SECONDS}"
    text = "User-agent: *\nAllow: /$\nDisallow: /\n"
    return Response(text, {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": kept}, 200)


def _cached_forever(file: File) -> Response:
    kept = f"public, max-age={limits.STATIC_LIFETIME_SECONDS}, immutable"
    return Response(file.body, {"Content-Type": file.content_type, "Cache-Control": kept}, 200)
