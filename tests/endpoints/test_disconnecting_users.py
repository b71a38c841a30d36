"""/settings/applications/{id}/disconnect: an owner ends what all users have allowed the application."""

from __future__ import annotations

import pytest

from tests.actors import Browser, ClientApp
from tests.conftest import Clock
from tests.store_proxy import StoreProxy

BUTTON = "Disconnect all users"


@pytest.fixture
def mine(john: Browser) -> ClientApp:
    return john.register_application("Mine")


def path(app: ClientApp) -> str:
    return f"/settings/applications/{app.client_id}/disconnect"


@pytest.mark.spec("docs/architecture.md", "RFC 7009 §1")
def test_owner_disconnects_everybody_with_one_write(
    john: Browser, eve: Browser, mine: ClientApp, store: StoreProxy
) -> None:
    tokens = [mine.connect(john, "Small Shows"), mine.connect(eve, "Other Org")]
    code = eve.open(mine.authorize_path()).code
    page = john.open(path(mine))
    assert page.title == "Disconnect all users of Mine?"
    assert "About 2 people" in page.text
    with store.count() as calls:
        page = john.press(page, BUTTON)
    assert [call.operation for call in calls].count("TransactWriteItems") == 1
    assert "Everyone who had connected the application is disconnected." in page.text
    for token in tokens:
        assert mine.me(token["access_token"]).status_code == 401
        assert mine.refresh(token["refresh_token"]).json()["error"] == "invalid_grant"
    assert mine.exchange(code).json()["error"] == "invalid_grant"


@pytest.mark.spec("docs/architecture.md")
def test_people_can_connect_it_again(john: Browser, eve: Browser, mine: ClientApp, clock: Clock) -> None:
    mine.connect(eve, "Other Org")
    john.press(john.open(path(mine)), BUTTON)
    clock.advance(60)
    assert eve.open(mine.authorize_path()).title == "Authorize Mine?"
    assert mine.me(mine.connect(eve, "Other Org")["access_token"]).status_code == 200


@pytest.mark.spec("docs/security.md")
def test_second_click_does_not_end_what_was_allowed_since(
    john: Browser, eve: Browser, mine: ClientApp, clock: Clock
) -> None:
    page = john.open(path(mine))
    john.press(page, BUTTON)
    clock.advance(60)
    tokens = mine.connect(eve, "Other Org")
    again = john.press(page, BUTTON)
    assert again.status == 403
    assert again.title == "Disconnect all users of Mine?"
    assert mine.me(tokens["access_token"]).status_code == 200


@pytest.mark.spec("docs/security.md")
def test_only_the_owner_can_disconnect_the_users(eve: Browser, mine: ClientApp) -> None:
    tokens = mine.connect(eve, "Other Org")
    assert eve.open(path(mine)).status == 404
    page = eve.open("/settings/profile")
    assert eve.send(page, path(mine), {"csrf_token": page.field("csrf_token")}).status == 404
    assert mine.me(tokens["access_token"]).status_code == 200


@pytest.mark.spec("docs/architecture.md")
def test_owner_sees_when_the_secret_was_made(john: Browser, mine: ClientApp) -> None:
    page = john.open(f"/settings/applications/{mine.client_id}")
    assert "Secret made" in [label.get_text() for label in page.html.select(".facts dt")]
