"""The pages of a stage with identity providers: signing in, linking, and the ways to sign in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page

from chalicelib import credentials, identity_providers, settings
from chalicelib.accounts import federated_sign_in
from chalicelib.models import sign_in_request
from tests.actors import Person
from tests.browser.conftest import Open
from tests.browser.steps import sign_in, submit
from tests.browser.test_every_page import LOCALES, look_at

PAGE = "https://tickets.example.com/sign-in"
FILE = f"""
passwords = {{passwords}}
[providers.tickets]
title = {{{{ en = "Tickets & More", de = "Karten & mehr" }}}}
page = "{PAGE}"
"""


def come_back(page: Page, base_url: str, email: str) -> None:
    """Sign in on the platform's page, as somebody with this address, and come back."""
    page.wait_for_url(f"{PAGE}**")
    request_id = parse_qs(urlsplit(page.url).query)["request"][0]
    person = federated_sign_in.from_platform(
        {"subject": credentials.new_id(), "email": email, "email_verified": True, "fullname": "Ann <b>Other</b>"}
    )
    answer = sign_in_request.accept(sign_in_request.find(request_id, "tickets"), federated_sign_in.as_json(person))
    page.goto(f"{base_url}/login/with/tickets/back?request={request_id}&answer={answer}")


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.spec("docs/sign-in.md", "WCAG 2.2 AA")
def test_pages_with_identity_providers_pass_axe_and_lead_on(
    open_page: Open,
    base_url: str,
    a_person: Callable[..., Person],
    monkeypatch: pytest.MonkeyPatch,
    language: str,
) -> None:
    def use(passwords: str) -> None:
        found = identity_providers.parse(FILE.format(passwords=passwords), is_local=False)
        monkeypatch.setattr(settings, "SETTINGS", replace(settings.SETTINGS, providers=found))

    use("true")
    person = a_person("Big Events LLC", locale=language)
    page = open_page(locale=LOCALES[language])
    page.route(f"{PAGE}**", lambda route: route.fulfill(body="the platform's own page"))
    page.goto(f"{base_url}/login?next=/settings/security")
    problems = look_at(page, f"97-sign-in-{language}")
    page.locator("a[href*='/login/with/tickets']").click()
    come_back(page, base_url, person.email)
    problems += look_at(page, f"97-address-taken-{language}")
    sign_in(page, person)
    problems += look_at(page, f"97-link-{language}")
    submit(page)
    page.wait_for_url(f"{base_url}/settings/security")
    problems += look_at(page, f"97-linked-{language}")
    page.goto(f"{base_url}/settings/security")
    page.context.clear_cookies()
    use("false")
    page.goto(f"{base_url}/login")
    problems += look_at(page, f"97-without-passwords-{language}")
    assert problems == []
