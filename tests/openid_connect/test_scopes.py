"""The scopes of OpenID Connect, beside the permission catalogue (OpenID Connect Core §3.1.2.1, §5.4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from chalicelib import permissions, settings
from chalicelib.models import application_access
from tests.actors import Browser, ClientApp

pytestmark = [pytest.mark.spec("OpenID Connect Core §5.4"), pytest.mark.usefixtures("signing_key")]


@pytest.fixture
def box_office(signing_key: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalogue without a `profile`."""
    found = permissions.load("box_office")
    changed: Any = replace(settings.SETTINGS, permissions=found, resources=())
    monkeypatch.setattr(settings, "SETTINGS", changed)


def test_openid_alone_is_a_valid_request_that_needs_no_organizer(
    a_browser: Callable[..., Browser], shop: ClientApp
) -> None:
    nobody = a_browser()
    page = nobody.open(shop.authorize_path(scope="openid"))
    assert "Sign you in and recognize you" in page.text
    assert shop.exchange(nobody.allow(page).code).json()["scope"] == "openid"


def test_openid_scopes_are_granted_beside_those_of_the_catalogue(john: Browser, shop: ClientApp) -> None:
    page = john.open(shop.authorize_path(scope="openid email profile read offline_access"))
    assert "See your email address" in page.text
    assert shop.exchange(john.allow(page, "Small Shows").code).json()["scope"] == "read profile openid email"


def test_remembered_consent_covers_the_openid_scopes_that_were_allowed(john: Browser, shop: ClientApp) -> None:
    shop.connect(john, scope="openid email")
    assert john.open(shop.authorize_path(scope="openid")).code, "remembered"
    assert john.open(shop.authorize_path(scope="openid email read")).left_to is None, "new scopes are asked for"


def test_consent_page_is_german_for_a_german(base_url: str, a_person: Callable[..., Any], shop: ClientApp) -> None:
    browser = Browser(base_url, a_person(locale="de"))
    _sign_in(browser)
    text = browser.open(shop.authorize_path(scope="openid email")).text
    assert "Sie anmelden und wiedererkennen" in text
    assert "Ihre E-Mail-Adresse sehen" in text


def _sign_in(browser: Browser) -> None:
    assert browser.person is not None
    page = browser.open("/login")
    browser.send(
        page, "/login", {**page.fields("Sign in"), "email": browser.person.email, "password": browser.person.password}
    )


@pytest.mark.parametrize("scope", ["email", "email offline_access"])
def test_email_without_openid_means_as_little_as_before(john: Browser, scope: str) -> None:
    mine = john.register_application("A shop")
    assert john.open(mine.authorize_path(scope=scope)).answer["error"] == "invalid_scope"


def test_email_beside_other_scopes_without_openid_is_left_out(john: Browser, shop: ClientApp) -> None:
    page = john.open(shop.authorize_path(scope="email read"))
    assert "email address" not in "".join(page.choices())
    assert shop.exchange(john.allow(page, "Small Shows").code).json()["scope"] == "read"


def test_consent_page_of_a_request_without_openid_says_nothing_of_it(john: Browser, shop: ClientApp) -> None:
    text = john.open(shop.authorize_path(scope="read")).text
    assert "recognize you" not in text
    assert "See your email address" not in text


@pytest.mark.usefixtures("box_office")
def test_catalogue_without_a_profile_gets_that_of_openid(john: Browser, shop: ClientApp) -> None:
    page = john.open(shop.authorize_path(scope="openid profile"))
    assert "See your name, language and time zone" in page.text
    assert shop.exchange(john.allow(page).code).json()["scope"] == "openid profile"


def test_profile_of_the_catalogue_keeps_its_words(john: Browser, shop: ClientApp) -> None:
    page = john.open(shop.authorize_path(scope="openid profile"))
    assert "See your name, email address, language and time zone" in page.text
    assert "See your name, language and time zone" not in page.text


def test_machine_that_adds_openid_by_habit_gets_what_it_may_have(shop: ClientApp, a_person: Callable[..., Any]) -> None:
    application_access.allow(shop.client_id, ["read"], [next(iter(a_person("Big Events LLC").organizers))])
    granted = shop.call_token(grant_type="client_credentials", scope="openid read").json()
    assert granted["scope"] == "read"
    assert shop.call_token(grant_type="client_credentials", scope="openid").json()["error"] == "invalid_scope"


def test_metadata_lists_the_openid_scopes(base_url: str) -> None:
    metadata = requests.get(base_url + "/.well-known/openid-configuration", timeout=30).json()
    assert metadata["scopes_supported"] == ["read", "write", "profile", "openid", "email"]


def test_catalogue_file_cannot_have_the_scope_itself() -> None:
    with pytest.raises(permissions.CatalogueError, match="OpenID Connect"):
        permissions.parse(
            (Path(permissions.__file__).parent / "default.toml").read_text().replace("scopes.read]", "scopes.openid]")
        )
