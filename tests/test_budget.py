"""How many round trips to DynamoDB a request makes, and of which kind."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib import settings
from tests.actors import Browser, ClientApp
from tests.conftest import Clock
from tests.store_proxy import Call, StoreProxy

pytestmark = pytest.mark.spec("design: budget")


def operations(calls: list[Call]) -> list[str]:
    return [call.operation for call in calls]


@pytest.fixture
def tokens(john: Browser, shop: ClientApp) -> dict[str, Any]:
    return shop.connect(john, "Big Events LLC")


@pytest.fixture(autouse=True)
def _every_read_is_consistent_and_no_index_decides(store: StoreProxy) -> Any:
    """Holds for all that the tests here do, the set-up of their browsers and applications included."""
    with store.count() as calls:
        yield
    assert calls
    for call in calls:
        assert call.operation not in ("Scan", "DescribeTable"), call
        assert not any("/" in table for table in call.tables), f"an index was asked: {call}"
        if call.operation in ("GetItem", "Query"):
            assert call.body["ConsistentRead"] is True, call
        if call.operation == "BatchGetItem":
            assert all(asked["ConsistentRead"] is True for asked in call.body["RequestItems"].values()), call


def test_a_bearer_token_is_validated_in_one_read(shop: ClientApp, tokens: dict[str, Any], store: StoreProxy) -> None:
    with store.count() as calls:
        assert shop.me(tokens["access_token"]).status_code == 200
    assert operations(calls) == ["BatchGetItem"]
    with store.count() as calls:
        assert shop.organizers(tokens["access_token"]).status_code == 200
    assert operations(calls) == ["BatchGetItem", "GetItem"]


def test_noting_that_a_grant_was_used_costs_one_write_an_hour(
    shop: ClientApp, tokens: dict[str, Any], store: StoreProxy, clock: Clock
) -> None:
    clock.advance(settings.GRANT_TOUCH_SECONDS)
    with store.count() as calls:
        for _ in range(3):
            assert shop.me(tokens["access_token"]).status_code == 200
    assert operations(calls) == ["BatchGetItem", "UpdateItem", "BatchGetItem", "BatchGetItem"]


def test_a_code_is_exchanged_in_one_read_and_one_transaction(john: Browser, shop: ClientApp, store: StoreProxy) -> None:
    code = john.allow(john.open(shop.authorize_path()), "Big Events LLC").code
    with store.count() as calls:
        assert shop.exchange(code).status_code == 200
    assert operations(calls) == ["BatchGetItem", "TransactWriteItems"]
    assert {table.removeprefix("test-") for table in calls[1].tables} == {
        "authorization_codes",
        "grants",
        "access_tokens",
        "consents",
        "users",
    }
    assert calls[1].body["ClientRequestToken"]


def test_a_refresh_is_one_read_and_one_transaction(shop: ClientApp, tokens: dict[str, Any], store: StoreProxy) -> None:
    with store.count() as calls:
        assert shop.refresh(tokens["refresh_token"]).status_code == 200
    assert operations(calls) == ["BatchGetItem", "TransactWriteItems"]


@pytest.mark.parametrize(
    ("kind", "write"), [("access_token", "TransactWriteItems"), ("refresh_token", "TransactWriteItems")]
)
def test_a_revocation_is_one_read_and_one_write(
    shop: ClientApp, tokens: dict[str, Any], store: StoreProxy, kind: str, write: str
) -> None:
    with store.count() as calls:
        assert shop.revoke(tokens[kind]).status_code == 200
    assert operations(calls) == ["BatchGetItem", write]


def test_the_consent_page_takes_two_reads(john: Browser, shop: ClientApp, store: StoreProxy) -> None:
    with store.count() as calls:
        page = john.open(shop.authorize_path())
    assert page.status == 200
    assert operations(calls) == ["BatchGetItem", "BatchGetItem"]


def test_allowing_takes_two_reads_one_transaction_and_one_line_of_history(
    john: Browser, shop: ClientApp, store: StoreProxy
) -> None:
    page = john.open(shop.authorize_path())
    with store.count() as calls:
        assert john.allow(page, "Big Events LLC").code
    assert operations(calls) == ["BatchGetItem", "TransactWriteItems", "Query", "PutItem"]
    assert calls[3].tables == ("test-security_events",)


def test_a_remembered_application_costs_two_reads_and_one_transaction(
    john: Browser, shop: ClientApp, tokens: dict[str, Any], store: StoreProxy
) -> None:
    with store.count() as calls:
        assert john.open(shop.authorize_path()).code
    assert operations(calls) == ["BatchGetItem", "TransactWriteItems", "Query"]


def test_asking_while_nobody_is_signed_in_costs_one_read(base_url: str, shop: ClientApp, store: StoreProxy) -> None:
    with store.count() as calls:
        assert Browser(base_url).open(shop.authorize_path()).path == "/login"
    assert operations(calls) == ["GetItem"]
