"""A client can revoke only its own tokens, and a 200 is never false (RFC 7009)."""

from __future__ import annotations

import pytest

from chalicelib import credentials
from chalicelib.credentials import Kind
from tests.actors import Browser, ClientApp
from tests.store_proxy import StoreProxy

pytestmark = pytest.mark.spec("RFC 7009 §2.2", "RFC 7009 §2")
KINDS = ["access_token", "refresh_token"]


@pytest.mark.spec("CVE-2016-6582", "DOT #727")
@pytest.mark.parametrize("kind", KINDS)
def test_revoking_another_clients_token_gets_200_and_changes_nothing(
    john: Browser, shop: ClientApp, other_shop: ClientApp, kind: str
) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    assert other_shop.revoke(tokens[kind]).status_code == 200
    assert shop.me(tokens["access_token"]).status_code == 200
    assert shop.refresh(tokens["refresh_token"]).status_code == 200


@pytest.mark.parametrize("kind", [*KINDS, "unknown"])
def test_successful_revocation_is_an_empty_json_object(john: Browser, shop: ClientApp, kind: str) -> None:
    """Clients parse what is labelled JSON, and an empty body is not JSON."""
    tokens = shop.connect(john, "Big Events LLC")
    answer = shop.revoke(tokens.get(kind, "unknown"))
    assert (answer.status_code, answer.headers["Content-Type"], answer.text) == (200, "application/json", "{}")


def test_revoking_an_unknown_token_gets_200_and_changes_nothing(
    john: Browser, shop: ClientApp, store: StoreProxy
) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    grant_id = tokens["access_token"][5:48]
    code = john.open(shop.authorize_path()).code
    for token in (
        "unknown",
        "ä",
        "\0",
        code,
        shop.secret,
        tokens["access_token"][:-1],
        tokens["refresh_token"].swapcase(),
        tokens["access_token"].replace("lyat_", "lyrt_"),
        credentials.mint(Kind.ACCESS_TOKEN, grant_id),
        credentials.mint(Kind.REFRESH_TOKEN, grant_id),
        credentials.mint(Kind.REFRESH_TOKEN, credentials.new_id() * 2 + credentials.new_serial()),
    ):
        with store.count() as calls:
            assert shop.revoke(token).status_code == 200
        assert {call.operation for call in calls} <= {"GetItem", "BatchGetItem"}
    assert shop.me(tokens["access_token"]).status_code == 200
    assert shop.refresh(tokens["refresh_token"]).status_code == 200
    assert shop.exchange(code).status_code == 200


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "id_token", "", "ä"])
def test_wrong_token_type_hint_does_not_prevent_revocation(
    john: Browser, shop: ClientApp, kind: str, hint: str
) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    assert shop.revoke(tokens[kind], token_type_hint=hint).status_code == 200
    assert shop.me(tokens["access_token"]).status_code == 401
    assert (shop.refresh(tokens["refresh_token"]).status_code == 200) is (kind == "access_token")


@pytest.mark.parametrize("kind", KINDS)
def test_revoking_a_token_twice_gets_200_twice(john: Browser, shop: ClientApp, kind: str) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    assert [shop.revoke(tokens[kind]).status_code for _ in range(2)] == [200, 200]


def test_revoking_a_replaced_access_token_does_not_end_its_successor(john: Browser, shop: ClientApp) -> None:
    old = shop.connect(john, "Big Events LLC")
    new = shop.refresh(old["refresh_token"]).json()
    assert shop.revoke(old["access_token"]).status_code == 200
    assert shop.me(new["access_token"]).status_code == 200


def test_revocation_without_a_token_is_an_invalid_request(shop: ClientApp) -> None:
    for answer in (
        shop.revoke(""),
        shop.http.post(shop.base_url + "/api/v1/oauth/revoke_token", auth=(shop.client_id, shop.secret), data={}),
    ):
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.spec("RFC 6749 §3.1", "CVE-2026-9689")
def test_revocation_of_two_tokens_at_once_is_refused_and_both_stay_valid(john: Browser, shop: ClientApp) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    answer = shop.revoke([tokens["access_token"], tokens["refresh_token"]])  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert shop.me(tokens["access_token"]).status_code == 200
    assert shop.refresh(tokens["refresh_token"]).status_code == 200
