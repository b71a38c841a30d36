"""A real browser signs out for an application and returns to it (OpenID Connect RP-Initiated Logout)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib import settings
from tests.actors import ClientApp, Person
from tests.browser.conftest import Open
from tests.browser.steps import sign_in, submit
from tests.browser.test_every_page import LOCALES, look_at
from tests.openid_connect.signing_out import SIGNED_OUT, asking, set_up

pytestmark = [pytest.mark.spec("OpenID Connect RP-Initiated Logout §2"), pytest.mark.usefixtures("signing_key")]


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.spec("WCAG 2.2 AA")
def test_form_leads_back_to_the_application_and_its_pages_pass_axe(
    open_page: Open, a_person: Callable[..., Person], shop: ClientApp, language: str
) -> None:
    # Another origin, which form-action has to allow: Playwright cannot answer what a redirect leads to.
    out = shop.base_url.replace("127.0.0.1", "localhost") + "/guide?signed=out"
    set_up(shop, post_logout_redirect_uris=[out])
    page = open_page(locale=LOCALES[language])
    page.goto(f"{shop.base_url}/login")
    sign_in(page, a_person(locale=language))
    asked = shop.base_url + asking(client_id=shop.client_id, post_logout_redirect_uri=out, state="s-1")
    page.goto(asked)
    assert look_at(page, f"96-end-session-{language}") == []
    submit(page)
    assert page.url == out + "&state=s-1"
    page.goto(shop.base_url + "/settings/security")
    assert "/login" in page.url, "the session has ended"


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.spec("WCAG 2.2 AA")
def test_settings_of_an_application_with_problems_pass_axe(
    open_page: Open, a_person: Callable[..., Person], base_url: str, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    changed: Any = replace(settings.SETTINGS, logout_queue="no-such-queue")
    monkeypatch.setattr(settings, "SETTINGS", changed)
    page = open_page(locale=LOCALES[language])
    page.goto(f"{base_url}/login")
    sign_in(page, a_person(locale=language))
    page.goto(f"{base_url}/settings/applications/new")
    page.locator("details", has=page.locator("#post_logout_redirect_uris")).locator("summary").click()
    page.locator("#name").fill("A shop")
    page.locator("#redirect_uris").fill("https://shop.example.com/")
    page.locator("#post_logout_redirect_uris").fill("http://shop.example.com/")
    page.locator("#backchannel_logout_uri").fill("http://shop.example.com/")
    submit(page)
    for problem in ("#after-problem", "#telling-problem"):
        assert page.locator(problem).is_visible()
    assert look_at(page, f"95-sign-out-settings-{language}") == []


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.spec("WCAG 2.2 AA")
def test_page_for_somebody_who_is_signed_out_passes_axe(open_page: Open, shop: ClientApp, language: str) -> None:
    set_up(shop, post_logout_redirect_uris=[SIGNED_OUT], owner_id="-itself-")
    page = open_page(locale=LOCALES[language])
    page.route("https://shop.example.com/**", lambda route: route.fulfill(body="the application"))
    page.goto(shop.base_url + asking(client_id=shop.client_id, post_logout_redirect_uri=SIGNED_OUT))
    assert look_at(page, f"97-signed-out-{language}") == []
    page.locator("main a.button").click()
    page.wait_for_url(SIGNED_OUT)
