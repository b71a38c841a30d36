"""A developer's settings about signing people in, in a real browser: filled in, with problems, on a narrow screen."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.actors import CALLBACK, Person
from tests.browser.conftest import Open
from tests.browser.steps import sign_in, submit
from tests.browser.test_every_page import LOCALES, look_at

pytestmark = [pytest.mark.spec("WCAG 2.2 AA"), pytest.mark.usefixtures("signing_key")]
NEW = "/settings/applications/new"


@pytest.mark.parametrize("language", ["en", "de"])
def test_settings_of_openid_connect_pass_axe(
    base_url: str, open_page: Open, a_person: Callable[..., Person], language: str
) -> None:
    page = open_page(locale=LOCALES[language])
    page.goto(base_url + NEW)
    sign_in(page, a_person(locale=language))
    page.locator("#name").fill("Kino")
    page.locator("#redirect_uris").fill(f"{CALLBACK}\nhttps://cinema.example.net/callback")
    page.locator("summary", has_text="OpenID Connect").click()
    page.locator("#id_token_alg").select_option("PS256")
    page.locator("#default_max_age").fill("soon")
    page.locator("[name=pairwise]").check()
    submit(page, "button.button[type=submit]:has-text('Regist')")
    assert look_at(page, f"97-openid-settings-{language}-problem") == []
    assert page.locator("#default_max_age-problem").is_visible()
    page.locator("#default_max_age").fill("3600")
    submit(page, "button.button[type=submit]:has-text('Regist')")
    assert page.locator("#sector-problem").is_visible()
    page.locator("#redirect_uris").fill(CALLBACK)
    submit(page, "button.button[type=submit]:has-text('Regist')")
    page.goto(f"{base_url}/settings/applications/{page.locator('#client-id').inner_text()}")
    assert page.locator("[name=pairwise]").is_checked()
    assert "shop.example.com" in page.locator("label", has=page.locator("[name=pairwise]")).inner_text()
    assert look_at(page, f"97-openid-settings-{language}") == []
