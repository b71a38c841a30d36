"""What scope a refresh may ask for."""

from __future__ import annotations

import pytest

from tests.actors import Browser, ClientApp

pytestmark = pytest.mark.spec("RFC 6749 §6")


def test_a_refresh_narrows_the_scope_and_the_next_one_may_have_it_all_again(john: Browser, shop: ClientApp) -> None:
    assert john.person
    tokens = shop.connect(john, "Big Events LLC")
    path = f"/api/v1/organizers/{next(iter(john.person.organizers))}/"
    narrow = shop.refresh(tokens["refresh_token"], scope="read").json()
    assert narrow["scope"] == "read"
    assert shop.call(path, narrow["access_token"]).status_code == 200
    refused = shop.call(path, narrow["access_token"], "PATCH", json={"name": "Mine"})
    assert (refused.status_code, refused.json()["error"]) == (403, "insufficient_scope")
    assert shop.refresh(tokens["refresh_token"], scope="write read").json()["scope"] == "read write"
    assert shop.refresh(tokens["refresh_token"]).json()["scope"] == "read write"


@pytest.mark.parametrize(
    "scope", ["write", "read write", "read admin", "admin", "READ", "read,write", " ", "read  write", "read\twrite"]
)
def test_a_wider_or_unknown_scope_is_invalid_scope_and_ends_nothing(john: Browser, shop: ClientApp, scope: str) -> None:
    tokens = shop.connect(john, "Big Events LLC", scope="read")
    refused = shop.refresh(tokens["refresh_token"], scope=scope)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_scope")
    assert shop.me(tokens["access_token"]).status_code == 200


def test_scopes_that_the_user_allowed_later_are_not_in_the_refreshes_of_an_earlier_grant(
    john: Browser, shop: ClientApp
) -> None:
    earlier = shop.connect(john, "Big Events LLC", scope="read")
    assert shop.connect(john, "Big Events LLC", scope="read write")["scope"] == "read write"
    assert shop.refresh(earlier["refresh_token"], scope="read write").json()["error"] == "invalid_scope"
    assert shop.refresh(earlier["refresh_token"]).json()["scope"] == "read"


@pytest.mark.spec("RFC 6749 §4.1.3", "RFC 6749 §4.1.2")
def test_an_access_token_or_a_code_is_no_refresh_token(john: Browser, shop: ClientApp) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    code = john.open(shop.authorize_path()).code
    for wrong in (tokens["access_token"], code, tokens["access_token"].replace("lyat_", "lyrt_"), shop.secret):
        refused = shop.refresh(wrong)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert shop.me(tokens["access_token"]).status_code == 200
