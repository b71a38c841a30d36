"""An unknown address gets a page in browsers and JSON in programs; favicon.ico and robots.txt exist."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import requests

from chalicelib import settings
from infra.laptop.serving import Routes
from tests.actors import Browser, Page
from tests.gateway import Gateway
from tests.store_proxy import StoreProxy

BROWSERS = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
NOTHING = {"error": "not_found", "error_description": "There is nothing at this address."}
PATHS = [
    "/nothing",
    "/nothing/",
    "/settings/nothing",
    "/a/b/c/d/e",
    "/settings/applications/x/secret/y",
    "/%2e%2e/x%2Fy",
]


def get(url: str, accept: str = BROWSERS, **more: Any) -> requests.Response:
    return requests.get(url, headers={"Accept": accept}, timeout=30, allow_redirects=False, **more)


@pytest.mark.parametrize("path", PATHS)
def test_browser_gets_a_page_at_an_unknown_address(base_url: str, path: str) -> None:
    page = Page(get(base_url + path))
    assert (page.status, page.title) == (404, "Not found")
    assert "There is nothing at this address." in page.text
    assert page.link("Go to the home page") == "/"
    assert page.response.headers["X-Frame-Options"] == "DENY"
    assert page.response.headers["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in page.response.headers["Content-Security-Policy"]


def test_not_found_page_is_in_the_users_language(base_url: str) -> None:
    answer = requests.get(base_url + "/x", headers={"Accept": BROWSERS, "Accept-Language": "de"}, timeout=30)
    assert "An dieser Adresse gibt es nichts." in answer.text


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("accept", ["*/*", "application/json", "image/svg+xml,image/*"])
def test_program_gets_json_at_an_unknown_address(base_url: str, path: str, accept: str) -> None:
    answer = get(base_url + path, accept)
    assert (answer.status_code, answer.json()) == (404, NOTHING)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/api", "/api/v1/nothing", "/api/v1/organizers/a/b", "/.well-known/nothing/x"])
def test_unknown_api_address_gets_json_for_everyone_and_scripts_may_read_it(base_url: str, path: str) -> None:
    answer = get(base_url + path)
    assert (answer.status_code, answer.json()) == (404, NOTHING)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "HEAD"])
def test_unknown_address_gets_404_for_every_method(base_url: str, method: str) -> None:
    answer = requests.request(method, base_url + "/nothing/here", headers={"Authorization": "Bearer x"}, timeout=30)
    assert answer.status_code == 404
    assert answer.text == "" or answer.json() == NOTHING


def test_unknown_address_costs_no_call_to_the_store(john: Browser, store: StoreProxy) -> None:
    with store.count() as calls:
        for path in (*PATHS, "/favicon.ico", "/robots.txt"):
            john.open(path)
    assert calls == []


@pytest.mark.parametrize("base_path", ["/api", "/connect", "/a/b", ""])
@pytest.mark.parametrize("path", ["/nothing", "/a/b/nothing", "/a%2Fb/c", "//nothing//x/"])
def test_links_on_the_not_found_page_are_correct_under_a_base_path(
    application: Any, monkeypatch: pytest.MonkeyPatch, base_path: str, path: str
) -> None:
    monkeypatch.setattr(settings, "SETTINGS", replace(settings.SETTINGS, public_url=None))
    session = requests.Session()
    session.mount("https://", Gateway(application, base_path))
    page = Page(session.get(f"https://connect.example.com{base_path}{path}", headers={"Accept": BROWSERS}))
    assert page.status == 404
    assert page.link("Go to the home page") == f"{base_path}/"
    (style,) = page.html.select("link[rel=stylesheet]")
    assert str(style["href"]).startswith(f"{base_path}/static/style-")


def test_favicon_is_the_logo(base_url: str) -> None:
    icon = get(base_url + "/favicon.ico")
    assert (icon.status_code, icon.headers["Content-Type"]) == (200, "image/svg+xml")
    assert icon.text.startswith("<svg ")
    assert icon.headers["Cache-Control"] == "public, max-age=86400"
    assert icon.headers["Content-Security-Policy"].startswith("default-src 'none'")


@pytest.mark.parametrize(
    ("logo", "status", "location"),
    [
        ("https://cdn.example.com/logo.png", 303, "https://cdn.example.com/logo.png"),
        ("data:image/png;base64,iVBORw0KGgo=", 204, None),
        ("data:image/svg+xml;base64,PHN2Zy8+", 200, None),
    ],
)
def test_favicon_is_the_operators_logo_if_they_have_one(
    base_url: str, monkeypatch: pytest.MonkeyPatch, logo: str, status: int, location: str | None
) -> None:
    monkeypatch.setattr(settings, "SETTINGS", replace(settings.SETTINGS, site_name="Tickets", site_logo_url=logo))
    icon = get(base_url + "/favicon.ico")
    assert (icon.status_code, icon.headers.get("Location")) == (status, location)
    assert icon.text == ("<svg/>" if status == 200 else "")
    assert icon.headers["Cache-Control"] == "public, max-age=86400"


def test_crawlers_may_read_only_the_front_page(base_url: str) -> None:
    answer = get(base_url + "/robots.txt")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.text.splitlines() == ["User-agent: *", "Allow: /$", "Disallow: /"]


def test_trailing_slash_makes_no_difference_to_existing_addresses(base_url: str) -> None:
    for path in ("/login/", "/api/v1/me/", "/robots.txt/"):
        assert get(base_url + path).status_code == get(base_url + path.rstrip("/")).status_code != 404


def test_local_server_routes_unknown_paths_to_the_catch_all_like_api_gateway() -> None:
    routes = Routes(["/", "/{proxy+}", "/a/{name}", "/a/b"])
    assert [routes.match_route(path).route for path in ("/", "/a/b", "/a/x")] == ["/", "/a/b", "/a/{name}"]
    for path, rest in (("/x", "x"), ("/x/", "x"), ("/a/b/c?d=1", "a/b/c"), ("/a/b/c/", "a/b/c")):
        found = routes.match_route(path)
        assert (found.route, found.captured) == ("/{proxy+}", {"proxy": rest})
    assert routes.match_route("/a/b/c?d=1&d=").query_params == {"d": ["1", ""]}
    with pytest.raises(ValueError, match="No matching route"):
        Routes(["/a"]).match_route("/b")
