"""A page that only the operator can help with says whom to ask: SUPPORT_CONTACT or the administrator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib import settings
from chalicelib.models import user
from tests.actors import CALLBACK, Browser, ClientApp, Page, Person
from tests.gateway import Gateway
from tests.public_app import PublicApp

pytestmark = pytest.mark.spec("docs/architecture.md")

ADMINISTRATOR = {
    "en": "For help, contact the administrator of Lanyard.",
    "de": "Hilfe bekommen Sie bei der Administration von Lanyard.",
}
CONTACT = {"en": "For help, contact {contact} .", "de": "Hilfe bekommen Sie unter {contact} ."}
BUTTONS = {"en": ("Sign in", "Register"), "de": ("Anmelden", "Registrieren")}
Open = Callable[[str], Page]


@pytest.fixture
def changed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Run the stage with other settings."""

    def change(**others: Any) -> None:
        monkeypatch.setattr(settings, "SETTINGS", replace(settings.SETTINGS, **others))

    return change


@pytest.fixture
def somebody(base_url: str, a_person: Callable[..., Person]) -> Callable[[str], Browser]:
    """Sign in a user who has no organizer and uses this language."""

    def make(language: str) -> Browser:
        made = Browser(base_url, a_person(locale=language))
        made.http.headers["Accept-Language"] = language
        signed_in(made, language)
        return made

    return make


def signed_in(browser: Browser, language: str) -> Page:
    fields = {"email": browser.user.email, "password": browser.user.password}
    return browser.press(browser.open("/login"), BUTTONS[language][0], **fields)


@pytest.fixture
def a_disabled_account(somebody: Callable[[str], Browser]) -> Open:
    def opened(language: str) -> Page:
        browser = somebody(language)
        user.disable(browser.user.user_id)
        return signed_in(browser, language)

    return opened


@pytest.fixture
def no_organizer(somebody: Callable[[str], Browser], shop: ClientApp) -> Open:
    return lambda language: somebody(language).open(shop.authorize_path())


@pytest.fixture
def sign_up_that_is_closed(somebody: Callable[[str], Browser], changed: Callable[..., None]) -> Open:
    def opened(language: str) -> Page:
        changed(sign_up_open=False)
        return somebody(language).open("/sign-up")

    return opened


@pytest.fixture
def no_mail(application: Any, changed: Callable[..., None]) -> Open:
    def opened(language: str) -> Page:
        changed(stage="dev", public_url=None, mail_sender=None)
        host = "https://abc123.execute-api.eu-central-1.amazonaws.com/api"
        browser = Browser(host, adapter=Gateway(application, "/api"))
        browser.http.headers["Accept-Language"] = language
        return browser.open("/password/reset")

    return opened


@pytest.fixture
def registering_without_a_server_key(somebody: Callable[[str], Browser], changed: Callable[..., None]) -> Open:
    def opened(language: str) -> Page:
        changed(server_key=None, server_key_parameter=None)
        browser = somebody(language)
        page = browser.open("/settings/applications/new")
        return browser.press(page, BUTTONS[language][1], name="App", redirect_uris=CALLBACK, type="browser")

    return opened


@pytest.fixture
def connecting_without_a_server_key(
    somebody: Callable[[str], Browser], a_browser: Callable[..., Browser], changed: Callable[..., None]
) -> Open:
    spa = PublicApp.registered_by(a_browser())

    def opened(language: str) -> Page:
        changed(server_key=None, server_key_parameter=None)
        return somebody(language).open(spa.authorize_path())

    return opened


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize(
    "met",
    [
        "a_disabled_account",
        "no_organizer",
        "sign_up_that_is_closed",
        "no_mail",
        "registering_without_a_server_key",
        "connecting_without_a_server_key",
    ],
)
def test_page_that_only_the_operator_can_help_with_says_whom_to_ask(
    request: pytest.FixtureRequest, changed: Callable[..., None], met: str, language: str
) -> None:
    opened: Open = request.getfixturevalue(met)
    assert ADMINISTRATOR[language] in opened(language).text
    for contact, url in (("help@example.com", "mailto:help@example.com"), ("https://help.example.com/", None)):
        changed(support_contact=contact)
        page = opened(language)
        assert CONTACT[language].format(contact=contact) in page.text
        assert page.link(contact) == (url or contact)
