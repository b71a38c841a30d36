"""A refresh may narrow the scope of its token, but never widen its grant."""

from __future__ import annotations

import pytest

from tests.actors import Browser, ClientApp

pytestmark = pytest.mark.spec("RFC 6749 §6")


def test_refresh_may_narrow_the_scope_and_the_next_one_may_have_all_of_it_again(john: Browser, shop: ClientApp) -> None:
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
def test_wider_or_unknown_scope_is_invalid_and_ends_nothing(john: Browser, shop: ClientApp, scope: str) -> None:
    tokens = shop.connect(john, "Big Events LLC", scope="read")
    refused = shop.refresh(tokens["refresh_token"], scope=scope)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_scope")
    assert shop.me(tokens["access_token"]).status_code == 200


def test_refresh_of_an_earlier_grant_does_not_include_scopes_allowed_later(john: Browser, shop: ClientApp) -> None:
    earlier = shop.connect(john, "Big Events LLC", scope="read")
    assert shop.connect(john, "Big Events LLC", scope="read write")["scope"] == "read write"
    assert shop.refresh(earlier["refresh_token"], scope="read write").json()["error"] == "invalid_scope"
    assert shop.refresh(earlier["refresh_token"]).json()["scope"] == "read"


@pytest.mark.spec("RFC 6749 §4.1.3", "RFC 6749 §4.1.2")
def test_access_token_or_code_is_not_accepted_as_a_refresh_token(john: Browser, shop: ClientApp) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    code = john.open(shop.authorize_path()).code
    for wrong in (tokens["access_token"], code, tokens["access_token"].replace("lyat_", "lyrt_"), shop.secret):
        refused = shop.refresh(wrong)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert shop.me(tokens["access_token"]).status_code == 200
