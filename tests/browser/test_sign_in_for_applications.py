"""A real browser signs in for an application that takes the answer as a form (OpenID Connect)."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs, urlencode

import pytest
from playwright.sync_api import Route

from tests.actors import ClientApp, Person
from tests.browser.conftest import Open
from tests.browser.steps import sign_in, submit
from tests.browser.test_every_page import LOCALES, look_at

pytestmark = [pytest.mark.spec("OAuth 2.0 Form Post Response Mode §2"), pytest.mark.usefixtures("signing_key")]


def request(app: ClientApp) -> str:
    asked = {"client_id": app.client_id, "response_type": "code", "redirect_uri": app.redirect_uri, "state": "s-1"}
    query = urlencode({**asked, "scope": "openid", "response_mode": "form_post"})
    return f"{app.base_url}/api/v1/oauth/authorize?{query}"


def test_browser_posts_the_answer_to_the_application_by_itself(
    open_page: Open, a_person: Callable[..., Person], shop: ClientApp
) -> None:
    page, posted = open_page(), list[str]()

    def receive(route: Route) -> None:
        posted.append(route.request.post_data or "")
        route.fulfill(body="the application")

    page.route(f"{shop.redirect_uri}**", receive)
    page.goto(request(shop))
    sign_in(page, a_person())
    page.locator("button[value=allow]").click()
    page.wait_for_url(f"{shop.redirect_uri}**")
    answer = parse_qs(posted[0])
    assert (answer["state"], answer["iss"]) == (["s-1"], [shop.base_url])
    assert shop.exchange(answer["code"][0]).json()["id_token"]


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.spec("WCAG 2.2 AA")
def test_page_that_posts_the_answer_works_without_script_and_passes_axe(
    open_page: Open, a_person: Callable[..., Person], shop: ClientApp, language: str
) -> None:
    page = open_page(locale=LOCALES[language])
    page.route("**/static/post*.js", lambda route: route.abort())
    page.route(f"{shop.redirect_uri}**", lambda route: route.fulfill(body="the application"))
    page.goto(request(shop))
    sign_in(page, a_person(locale=language))
    submit(page, "button[value=allow]")
    assert look_at(page, f"98-form-post-{language}") == []
    submit(page)
    assert page.url.startswith(shop.redirect_uri)
