"""The connect flow from end to end: register, authorize, token, refresh, revoke, use, end."""

from __future__ import annotations

import pytest

from tests.actors import Browser, ClientApp

pytestmark = pytest.mark.spec("docs/architecture.md", "RFC 6749 §4.1")


def test_application_connects_to_a_users_account(john: Browser, shop: ClientApp) -> None:
    page = john.open(shop.authorize_path())
    assert page.title == "Authorize A shop?"
    assert page.choices() == {"Big Events LLC": False, "Small Shows": False}
    page = john.allow(page, "Big Events LLC")
    assert page.left_to is not None
    assert page.left_to.startswith(shop.redirect_uri + "?")
    assert page.answer["state"] == "xyz"
    tokens = shop.exchange(page.code).json()
    assert tokens["expires_in"] == 86400
    assert tokens["token_type"] == "Bearer"
    assert tokens["scope"] == "read write"
    assert shop.me(tokens["access_token"]).json() == {
        "sub": john.user.user_id,
        "email": john.person.email if john.person else "",
        "fullname": "John Doe",
        "locale": "en",
        "timezone": "Europe/Berlin",
    }


@pytest.mark.spec("docs/architecture.md", "RFC 6749 §6")
def test_token_keeps_its_organizers_through_every_refresh(john: Browser, shop: ClientApp) -> None:
    tokens = shop.connect(john, "Small Shows")
    for _ in range(3):
        assert [found["name"] for found in shop.organizers(tokens["access_token"]).json()["results"]] == ["Small Shows"]
        tokens = shop.refresh(tokens["refresh_token"]).json() | {"refresh_token": tokens["refresh_token"]}
    big, small = john.user.organizers
    assert shop.call(f"/api/v1/organizers/{small}/", tokens["access_token"]).json()["name"] == "Small Shows"
    assert shop.call(f"/api/v1/organizers/{big}/", tokens["access_token"]).status_code == 403


@pytest.mark.spec("docs/architecture.md")
def test_user_connects_an_application_ends_its_access_and_connects_it_again(john: Browser, shop: ClientApp) -> None:
    tokens = shop.connect(john, "Small Shows")
    page = john.open("/settings/authorized")
    assert "A shop" in page.text
    page = john.press(page, "Revoke")
    assert "No application has access" in page.text
    assert shop.me(tokens["access_token"]).status_code == 401
    assert shop.me(shop.connect(john, "Big Events LLC")["access_token"]).status_code == 200


@pytest.mark.spec("docs/architecture.md", "RFC 6749 §4.1.1")
def test_user_may_connect_an_application_of_their_own(john: Browser) -> None:
    mine = john.register_application("Mine", "http://localhost:3000/cb")
    tokens = mine.connect(john, "Small Shows")
    assert mine.me(tokens["access_token"]).json()["email"] == john.user.email
