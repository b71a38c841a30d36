"""Tokens are issued, refreshed, revoked and used as documented."""

from __future__ import annotations

import pytest

from tests.actors import Browser, ClientApp
from tests.conftest import Clock

pytestmark = pytest.mark.spec("docs/architecture.md", "RFC 6749 §4.1")


def test_code_gives_tokens_in_the_documented_format(john: Browser, shop: ClientApp) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    assert set(tokens) == {"access_token", "expires_in", "token_type", "scope", "refresh_token"}
    assert tokens["expires_in"] == 86400
    assert tokens["token_type"] == "Bearer"
    assert tokens["scope"] == "read write"
    assert tokens["access_token"].startswith("lyat_")
    assert tokens["refresh_token"].startswith("lyrt_")


def test_refresh_gives_a_new_access_token_and_ends_the_previous_one(john: Browser, shop: ClientApp) -> None:
    first = shop.connect(john, "Big Events LLC")
    answer = shop.refresh(first["refresh_token"])
    assert answer.status_code == 200
    second = answer.json()
    assert set(second) == set(first)
    assert second["access_token"] != first["access_token"]
    assert second["expires_in"] == 86400
    assert shop.me(first["access_token"]).status_code == 401
    assert shop.me(second["access_token"]).status_code == 200


def test_confidential_clients_refresh_token_stays_the_same_and_never_expires(
    john: Browser, shop: ClientApp, clock: Clock
) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    for _ in range(2):
        clock.advance(5 * 365 * 86_400)
        again = shop.refresh(tokens["refresh_token"])
        assert again.status_code == 200
        assert again.json()["refresh_token"] == tokens["refresh_token"]
        assert shop.me(again.json()["access_token"]).status_code == 200


def test_access_token_expires_after_a_day(john: Browser, shop: ClientApp, clock: Clock) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    clock.advance(86_390)
    assert shop.me(tokens["access_token"]).status_code == 200
    clock.advance(11)
    assert shop.me(tokens["access_token"]).json()["error"] == "invalid_token"


def test_revoking_an_access_token_leaves_its_refresh_token_usable(john: Browser, shop: ClientApp) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    assert shop.revoke(tokens["access_token"]).status_code == 200
    assert shop.me(tokens["access_token"]).status_code == 401
    refreshed = shop.refresh(tokens["refresh_token"])
    assert refreshed.status_code == 200
    assert shop.me(refreshed.json()["access_token"]).status_code == 200


def test_revoking_a_refresh_token_also_ends_its_access_token(john: Browser, shop: ClientApp) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    assert shop.revoke(tokens["refresh_token"]).status_code == 200
    assert shop.me(tokens["access_token"]).status_code == 401
    refused = shop.refresh(tokens["refresh_token"])
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


def test_revoking_one_grant_leaves_the_users_other_grants_alone(john: Browser, shop: ClientApp) -> None:
    first, second = shop.connect(john, "Big Events LLC"), shop.connect(john)
    shop.revoke(first["refresh_token"])
    assert shop.me(first["access_token"]).status_code == 401
    assert shop.me(second["access_token"]).status_code == 200
    assert shop.refresh(second["refresh_token"]).status_code == 200


def test_token_gives_access_only_to_the_organizers_that_the_user_ticked(john: Browser, shop: ClientApp) -> None:
    assert john.person
    slugs = {name: slug for slug, name in john.person.organizers.items()}
    token = shop.connect(john, "Big Events LLC")["access_token"]
    big = {"name": "Big Events LLC", "slug": slugs["Big Events LLC"]}
    assert shop.organizers(token).json() == {"count": 1, "next": None, "previous": None, "results": [big]}
    assert shop.call(f"/api/v1/organizers/{big['slug']}/", token).json() == big
    refused = shop.call(f"/api/v1/organizers/{slugs['Small Shows']}/", token)
    assert (refused.status_code, refused.json()["error"]) == (403, "access_denied")


def test_refreshed_token_is_still_limited_to_the_ticked_organizers(john: Browser, shop: ClientApp) -> None:
    tokens = shop.connect(john, "Small Shows")
    for _ in range(3):
        tokens = shop.refresh(tokens["refresh_token"]).json()
        assert [one["name"] for one in shop.organizers(tokens["access_token"]).json()["results"]] == ["Small Shows"]


def test_token_with_write_scope_renames_an_organizer(john: Browser, shop: ClientApp) -> None:
    assert john.person
    slug = next(slug for slug, name in john.person.organizers.items() if name == "Big Events LLC")
    token = shop.connect(john, "Big Events LLC")["access_token"]
    path = f"/api/v1/organizers/{slug}/"
    renamed = shop.call(path, token, "PATCH", json={"name": "Bigger Events"})
    assert (renamed.status_code, renamed.json()) == (200, {"name": "Bigger Events", "slug": slug})
    assert shop.call(path, token).json()["name"] == "Bigger Events"
