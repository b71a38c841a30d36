"""The same application works behind a stage, a custom domain, a base path and PUBLIC_URL."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import requests

from chalicelib import settings
from chalicelib.endpoints.http import request
from tests.actors import CALLBACK, Browser, ClientApp, Page, Person
from tests.gateway import Gateway

STAGE = "https://abc123.execute-api.eu-central-1.amazonaws.com/api"
# base_url, PUBLIC_URL, and the path in front of the routes when a request reaches the gateway
ADDRESSES = {
    "stage": (STAGE, None, "/api"),
    "custom domain": ("https://connect.example.com", None, ""),
    "base path": ("https://example.com/connect", None, "/connect"),
    "deep base path": ("https://example.com/a/b", None, "/a/b"),
    "public url": ("https://connect.example.com", "https://connect.example.com", ""),
    "public url with a path": ("https://example.com/connect", "https://example.com/connect", "/connect"),
    "public url with a deep path": ("https://example.com/a/b", "https://example.com/a/b", "/a/b"),
    "public url of a CDN that adds the stage": ("https://cdn.example.com", "https://cdn.example.com", "/api"),
    "public url of a CDN that changes the path": ("https://cdn.example.com/x", "https://cdn.example.com/x", "/api"),
}
# The path in front of a request for the domain's root, where that leads to us too. On API Gateway's own domain the
# first segment names the stage. Without PUBLIC_URL nothing tells a request for the root which base path it stands for.
ROOTS = {
    "custom domain": "",
    "public url": "",
    "public url with a path": "",
    "public url with a deep path": "",
    "public url of a CDN that adds the stage": "/api",
    "public url of a CDN that changes the path": "/api",
}
Made = Callable[..., Browser]


@pytest.fixture(params=ADDRESSES)
def at_address(
    request: pytest.FixtureRequest,
    application: Any,
    a_person: Callable[..., Person],
    monkeypatch: pytest.MonkeyPatch,
) -> Made:
    """Make browsers that reach Lanyard at this address, each with a user of these organizers."""
    base_url, public_url, passed_as = ADDRESSES[request.param]
    monkeypatch.setattr(settings, "SETTINGS", dataclasses.replace(settings.SETTINGS, public_url=public_url))
    gateway = Gateway(application, urlsplit(base_url).path, passed_as=passed_as)
    return lambda *organizers: Browser(base_url, a_person(*organizers), adapter=gateway)


def addresses_on(page: Page) -> list[str]:
    """The addresses of the page's links, forms, scripts and style sheets. The icon is a data URL."""
    wanted = {"a": "href", "form": "action", "link[rel=stylesheet]": "href", "script": "src"}
    return [str(found[name]) for tag, name in wanted.items() for found in page.html.select(tag)]


def leads_home(browser: Browser, page: Page) -> bool:
    base = urlsplit(browser.base_url).path
    return all(found.startswith((base + "/", "#")) for found in addresses_on(page))


@pytest.mark.spec("docs/architecture.md", "RFC 9207 §2")
def test_whole_flow_works_at_every_address(at_address: Made) -> None:
    john = at_address("Big Events LLC", "Small Shows")
    page = john.open("/settings/applications/new")
    assert (page.title, page.status) == ("Sign in", 200)
    page = john.press(page, "Sign in", email=john.user.email, password=john.user.password)
    assert page.title == "Register an application"
    shop = john.register_application("A shop")
    page = john.open(shop.authorize_path())
    assert page.title == "Authorize A shop?"
    page = john.allow(page, "Small Shows")
    assert page.answer["iss"] == john.base_url
    assert page.answer["state"] == "xyz"
    tokens = shop.exchange(page.code).json()
    assert shop.me(tokens["access_token"]).json()["email"] == john.user.email
    assert john.open(shop.authorize_path()).answer["iss"] == john.base_url
    assert john.open(shop.authorize_path(scope="admin")).answer["iss"] == john.base_url
    assert shop.refresh(tokens["refresh_token"]).status_code == 200
    page = john.press(john.open("/settings/authorized"), "Revoke")
    assert "No application has access" in page.text
    assert shop.me(tokens["access_token"]).status_code == 401
    assert john.sign_out().status == 200


@pytest.mark.spec("docs/security.md")
def test_visitor_returns_to_the_same_request_after_signing_in(at_address: Made) -> None:
    john, visitor = at_address("Small Shows"), at_address("Small Shows")
    john.sign_in()
    shop = john.register_application("A shop")
    page = visitor.open(shop.authorize_path(state="a b&c/ü"))
    assert page.title == "Sign in"
    page = visitor.press(page, "Sign in", email=visitor.user.email, password=visitor.user.password)
    assert page.title == "Authorize A shop?"
    assert visitor.allow(page).answer["state"] == "a b&c/ü"
    visitor.sign_out()
    for path in ("/settings/applications?x=1", "/settings/authorized", f"/settings/applications/{shop.client_id}"):
        location = visitor.http.get(visitor.base_url + path, allow_redirects=False).headers["Location"]
        assert location.startswith(urlsplit(visitor.base_url).path + "/login?next=%2Fsettings%2F")


@pytest.mark.spec("docs/security.md", "RFC 9700 §4.16")
def test_links_and_forms_stay_at_the_address_of_the_page(at_address: Made) -> None:
    john = at_address("Big Events LLC")
    visited = [john.open("/"), john.open("/login"), john.open("/api/v1/oauth/authorize")]
    john.sign_in()
    shop = john.register_application("A shop")
    of_it = f"/settings/applications/{shop.client_id}"
    consent = john.open(shop.authorize_path())
    shop.connect(john)
    paths = ("/", "/logout", "/settings/applications", "/settings/applications/new", of_it, of_it + "/secret")
    visited += [consent, *map(john.open, (*paths, of_it + "/delete", "/settings/authorized"))]
    for page in visited:
        assert leads_home(john, page), (page.path, addresses_on(page))
        for address in addresses_on(page):
            if not address.startswith("#"):
                url = f"https://{urlsplit(john.base_url).netloc}{address}"
                assert john.http.head(url, allow_redirects=False).status_code in (200, 303, 400, 405), address
    assert f"{john.base_url}/api/v1/oauth/authorize" in john.open("/").text


@pytest.mark.spec("docs/security.md", "RFC 6265bis §4.1.3.2")
def test_cookies_on_https_are_secure_and_limited_to_this_host(at_address: Made) -> None:
    john = at_address()
    page = john.open("/login")
    fields = {**page.fields("Sign in"), "email": john.user.email, "password": john.user.password}
    response = john.http.post(page.response.url, data=fields, allow_redirects=False)
    lines = [*page.response.raw.headers.getlist("Set-Cookie"), *response.raw.headers.getlist("Set-Cookie")]
    cookies = [morsel for line in lines for morsel in SimpleCookie(line).values()]
    assert {cookie.key for cookie in cookies} == {f"__Host-lanyard-{name}" for name in ("login", "session", "device")}
    for cookie in cookies:
        assert cookie["secure"]
        assert cookie["httponly"]
        assert (cookie["samesite"], cookie["path"], cookie["domain"]) == ("Lax", "/", "")
    for answer in (page.response, response):
        assert "max-age=" in answer.headers["Strict-Transport-Security"]


@pytest.mark.spec("RFC 9207 §2")
def test_address_claimed_in_request_headers_is_ignored(at_address: Made) -> None:
    john = at_address("Small Shows")
    claims = ("Host", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Prefix", "Forwarded")
    john.http.headers.update(dict.fromkeys(claims, "evil.example"))
    away = john.http.get(john.base_url + "/settings/authorized", allow_redirects=False)
    assert away.headers["Location"] == urlsplit(john.base_url).path + "/login?next=%2Fsettings%2Fauthorized"
    john.sign_in()
    shop = john.register_application("A shop", CALLBACK)
    page = john.allow(john.open(shop.authorize_path()))
    assert page.answer["iss"] == john.base_url
    assert "evil.example" not in john.open("/").response.text


@pytest.mark.spec("RFC 9728 §5.1", "RFC 9728 §3.3")
@pytest.mark.parametrize("path", ["/api/v1/me", "/api/v1/organizers/", "/api/v1/organizers/some-org/"])
def test_challenge_of_the_api_leads_to_metadata_at_its_own_address(at_address: Made, path: str) -> None:
    visitor = at_address()
    for headers in ({}, {"Authorization": "Bearer x"}):
        challenge = visitor.http.get(visitor.base_url + path, headers=headers).headers["WWW-Authenticate"]
        metadata = challenge.partition('resource_metadata="')[2].partition('"')[0]
        assert metadata.startswith(visitor.base_url + "/.well-known/")
        assert visitor.http.get(metadata).json()["resource"] == visitor.base_url


@pytest.mark.spec("docs/architecture.md", "RFC 6750 §2.1")
def test_pagination_links_lead_to_the_address_of_the_request(at_address: Made) -> None:
    john = at_address("A", "B", "C")
    john.sign_in()
    shop: ClientApp = john.register_application("A shop")
    token = shop.connect(john, "A", "B", "C")["access_token"]
    page = shop.organizers(token, page_size=2).json()
    assert page["next"].startswith(john.base_url + "/api/v1/organizers/?")
    following = shop.call(page["next"].removeprefix(john.base_url), token).json()
    assert [found["name"] for found in page["results"] + following["results"]] == ["A", "B", "C"]


@pytest.mark.spec("RFC 8414 §3.1", "RFC 8414 §5", "MCP")
@pytest.mark.parametrize("address", ADDRESSES)
def test_metadata_is_in_every_form_that_clients_try_as_far_as_it_reaches_us(
    application: Any, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    base_url, public_url, passed_as = ADDRESSES[address]
    monkeypatch.setattr(settings, "SETTINGS", dataclasses.replace(settings.SETTINGS, public_url=public_url))
    parts = urlsplit(base_url)
    below = requests.Session()
    below.mount("https://", Gateway(application, parts.path, passed_as=passed_as))
    appended = below.get(f"{base_url}/.well-known/openid-configuration")
    assert appended.status_code == 200
    assert appended.json()["issuer"] == base_url
    assert appended.json()["token_endpoint"] == f"{base_url}/api/v1/oauth/token"
    assert below.get(f"{base_url}/.well-known/oauth-authorization-server").json() == appended.json()
    root = requests.Session()
    root.mount("https://", Gateway(application, "", passed_as=ROOTS.get(address, "")))
    for name in ("oauth-authorization-server", "openid-configuration"):
        inserted = root.get(f"https://{parts.netloc}/.well-known/{name}{parts.path}")
        if address in ROOTS:
            assert inserted.json() == appended.json()
        else:
            assert inserted.status_code == 404


@pytest.mark.spec("docs/security.md")
def test_long_path_that_fits_no_route_costs_a_few_comparisons(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []

    def counted(path: str) -> str:
        compared.append(path)
        return unquote(path)

    monkeypatch.setattr(request, "unquote", counted)
    assert request._before_rest("/api" + "/a" * 5000 + "/%2561", "/a" * 5000 + "/a") == ""
    assert len(compared) < 12
