"""/settings/authorized/all: a user revokes all access at once, after a confirmation."""

from __future__ import annotations

import pytest

from tests.actors import Browser, ClientApp

PAGE, ALL = "/settings/authorized", "/settings/authorized/all"


@pytest.mark.spec("docs/architecture.md")
def test_revoking_all_asks_first_and_then_ends_only_this_users_grants(
    john: Browser, eve: Browser, shop: ClientApp, other_shop: ClientApp
) -> None:
    tokens = [(made, made.connect(john, "Small Shows")["access_token"]) for made in (shop, other_shop)]
    of_eve = shop.connect(eve, "Other Org")["access_token"]
    assert ALL in [link["href"] for link in john.open(PAGE).html.find_all("a")]
    asked = john.open(ALL)
    assert asked.title == "Revoke the access of all applications?"
    assert sorted(name.get_text() for name in asked.html.select("li .name")) == ["A shop", "Another shop"]
    assert all(made.me(token).status_code == 200 for made, token in tokens), "opening the page changes nothing"
    page = john.press(asked, "Revoke all")
    assert "All access has been revoked." in page.text
    assert [made.me(token).status_code for made, token in tokens] == [401, 401]
    assert shop.me(of_eve).status_code == 200
    recorded = [found for found in john.open("/settings/security").listed("events") if "revoked" in found]
    assert sorted(found.partition(" 2")[0] for found in recorded) == [
        "Application access revoked A shop",
        "Application access revoked Another shop",
    ]
    assert john.press(asked, "Revoke all").status == 200, "a second click is harmless"
    assert john.open(ALL).path == PAGE, "nothing is left to revoke"


@pytest.mark.spec("RFC 6749 §10.12")
def test_forged_revoke_all_form_revokes_nothing(john: Browser, shop: ClientApp) -> None:
    token = shop.connect(john, "Small Shows")["access_token"]
    assert john.send(john.open(PAGE), ALL, {"csrf_token": "x"}).status == 403
    assert shop.me(token).status_code == 200
