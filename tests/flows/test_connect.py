"""The connect flow, row by row of `protocol.md`: register, authorize, token, refresh, revoke, use, end."""

from __future__ import annotations

import pytest

from tests.actors import Browser, ClientApp

pytestmark = pytest.mark.spec("connect")


def test_an_application_connects_with_a_users_account(john: Browser, shop: ClientApp) -> None:
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
        "email": john.person.email if john.person else "",
        "fullname": "John Doe",
        "locale": "de",
        "timezone": "Europe/Berlin",
    }
