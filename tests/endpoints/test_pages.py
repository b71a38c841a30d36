"""All pages have the same security headers, run no scripts but ours, and link to each other correctly."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests

from tests.actors import Browser, ClientApp, Page
from tests.store_proxy import Fault, StoreProxy


def policy(page: Page) -> dict[str, list[str]]:
    parts = [part.split() for part in page.response.headers["Content-Security-Policy"].split(";")]
    return {name: values for name, *values in parts}


@pytest.fixture
def pages(base_url: str, john: Browser, eve: Browser, shop: ClientApp) -> list[Page]:
    """Every page, including error pages."""
    mine = john.register_application("Mine")
    shop.connect(john, "Small Shows")
    visitor, of_it = Browser(base_url), f"/settings/applications/{mine.client_id}"
    shown = [john.open(path) for path in ("/", "/logout", "/settings/applications", "/settings/applications/new")]
    shown += [john.open(path) for path in (of_it, of_it + "/secret", of_it + "/delete", "/settings/authorized")]
    shown += [eve.open(shop.authorize_path()), visitor.open("/"), visitor.open("/login")]
    shown += [
        john.press(john.open(of_it + "/secret"), "Regenerate secret"),
        john.press(john.open(of_it), "Save", name=""),
    ]
    shown += [eve.open(of_it), eve.open("/api/v1/oauth/authorize"), visitor.open("/login?next=%ff")]
    shown += [
        visitor.send(visitor.open("/login"), "/login", {}),
        eve.allow(eve.open(shop.authorize_path(scope="read"))),
    ]
    return [page for page in shown if page.left_to is None]


@pytest.mark.spec("docs/security.md", "RFC 9700 §4.16", "RFC 6749 §10.13")
def test_every_page_has_the_security_headers(pages: list[Page]) -> None:
    assert {page.status for page in pages} == {200, 400, 403, 404}
    for page in pages:
        headers, rules = page.response.headers, policy(page)
        assert headers["Content-Type"] == "text/html; charset=utf-8"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert "Strict-Transport-Security" not in headers, "the header has no effect over http"
        assert rules["frame-ancestors"] == ["'none'"]
        assert rules["default-src"] == ["'none'"]
        assert rules["base-uri"] == ["'none'"]
        assert "unsafe-inline" not in str(rules)
        scripts = page.html.find_all("script")
        assert rules.get("script-src") == (["'self'"] if scripts else None)
        assert all(str(script["src"]).startswith("/static/copy-") and not script.get_text() for script in scripts)
        inline = ("style", "onclick", "onload", "onerror", "onsubmit")
        assert not [element for element in page.html.find_all(True) if any(element.has_attr(name) for name in inline)]


@pytest.mark.spec("docs/security.md", "RFC 9700 §4.16")
def test_only_the_sign_in_and_consent_forms_may_lead_to_other_sites(john: Browser, pages: list[Page]) -> None:
    for page in pages:
        if page.path == "/login":
            assert "form-action" not in policy(page) or page.title == "This request was refused", "see pages.md"
        elif page.title != "Authorize A shop?":
            assert policy(page)["form-action"] == ["'self'"]
    shop = john.register_application(
        "Local", "http://localhost:3000/cb", "https://shop.example.com/cb", "http://[::1]/"
    )
    targets = {
        "https://shop.example.com/cb": ["'self'", "https:"],
        "http://localhost:3000/cb": ["'self'", "https:", "http://localhost:3000"],
        "http://[::1]/": ["'self'", "https:", "http:"],
    }
    for uri, allowed in targets.items():
        assert policy(john.open(shop.authorize_path(redirect_uri=uri)))["form-action"] == allowed


@pytest.mark.spec("docs/security.md", "RFC 9700 §4.16")
def test_every_page_has_a_title_a_heading_and_labeled_fields(pages: list[Page]) -> None:
    for page in pages:
        assert page.html.html is not None
        assert page.html.html["lang"] == "en"
        assert len(page.html.find_all("h1")) == 1
        assert page.html.title is not None
        assert page.html.title.get_text().endswith(" · Lanyard")
        for field in page.html.select("input:not([type=hidden], [type=checkbox], [type=radio]), textarea"):
            assert page.html.find("label", attrs={"for": str(field["id"])}), f"{page.path}: {field}"
        for field in page.html.select("input[type=checkbox], input[type=radio]"):
            assert field.find_parent("label"), f"{page.path}: {field}"
        assert all(form["method"] == "post" for form in page.html.find_all("form"))


@pytest.mark.spec("docs/security.md", "RFC 9700 §4.16")
def test_redirects_and_the_style_sheet_have_the_security_headers_too(john: Browser, shop: ClientApp) -> None:
    shop.connect(john, "Small Shows")
    left = john.http.get(john.base_url + shop.authorize_path(), allow_redirects=False)
    assert left.status_code == 303
    assert left.headers["Cache-Control"] == "no-store"
    assert left.headers["Referrer-Policy"] == "no-referrer"
    (link,) = john.open("/").html.select("link[rel=stylesheet]")
    style = john.http.get(john.base_url + str(link["href"]))
    assert style.headers["Content-Type"] == "text/css; charset=utf-8"
    assert style.headers["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in style.headers["Cache-Control"]


@pytest.mark.spec("docs/security.md", "RFC 9700 §4.16")
@pytest.mark.parametrize("path", ["/", "/login", "/settings/authorized", "/settings/applications", "authorize"])
def test_store_failure_gets_a_page_that_says_to_try_again(
    john: Browser, shop: ClientApp, store: StoreProxy, path: str
) -> None:
    with store.fault(Fault.THROTTLED):
        page = john.open(shop.authorize_path() if path == "authorize" else path)
    assert page.status == 503
    assert page.title == "That did not work"
    assert int(page.response.headers["Retry-After"]) > 0
    assert page.response.headers["X-Frame-Options"] == "DENY"
    assert john.open(shop.authorize_path() if path == "authorize" else path).status == 200


@pytest.mark.spec("docs/security.md", "RFC 9700 §4.16")
@pytest.mark.parametrize("path", ["/", "/login", "/logout", "/settings/applications/new", "/settings/authorized"])
def test_unsupported_methods_and_oversized_bodies_get_an_error_page(john: Browser, path: str) -> None:
    for method, body, status in (("PUT", "", 405), ("DELETE", "", 405), ("POST", "x" * 16_385, 413)):
        response = john.http.request(method, john.base_url + path, data=body)
        assert response.status_code == status
        assert "<h1>This request was refused</h1>" in response.text
        assert response.headers["X-Frame-Options"] == "DENY"
        assert ("Allow" in response.headers) == (status == 405)


@pytest.mark.spec("docs/architecture.md", "RFC 6749 §4.1.1")
def test_front_page_links_users_to_their_settings_and_developers_to_the_endpoints(
    base_url: str, john: Browser, a_browser: Callable[..., Browser]
) -> None:
    visitor = Browser(base_url).open("/")
    for address in ("oauth/authorize", "oauth/token", "oauth/revoke_token", "me", "organizers/"):
        assert f"{base_url}/api/v1/{address}" in visitor.text.split()
    assert visitor.html.find("a", string="Sign in")
    links = {str(link["href"]) for link in john.open("/").html.find_all("a")}
    assert {"/settings/authorized", "/settings/applications", "/logout"} <= links
    assert requests.head(base_url + "/", timeout=9).text == ""
