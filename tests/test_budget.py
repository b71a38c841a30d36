"""Each kind of request makes a fixed number of round trips to DynamoDB, of known kinds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib import credentials, limits
from chalicelib.models import grant
from chalicelib.models import store as storage
from chalicelib.models.grant import Grant
from tests.actors import PASSWORD, Browser, ClientApp, Person
from tests.conftest import Clock
from tests.store_proxy import Call, StoreProxy

pytestmark = pytest.mark.spec("docs/operations.md")


def operations(calls: list[Call]) -> list[str]:
    return [call.operation for call in calls]


@pytest.fixture
def tokens(john: Browser, shop: ClientApp) -> dict[str, Any]:
    return shop.connect(john, "Big Events LLC")


COUNTS_CONNECTIONS = "test-grants/client"  # an index that is displayed but decides nothing


@pytest.fixture(autouse=True)
def _every_read_is_consistent_and_no_index_decides(store: StoreProxy) -> Any:
    """Check everything the tests here do, including the setup of their browsers and applications."""
    with store.count() as calls:
        yield
    assert calls
    for call in calls:
        assert call.operation not in ("Scan", "DescribeTable"), call
        if call.tables == (COUNTS_CONNECTIONS,):
            continue
        assert not any("/" in table for table in call.tables), f"an index was queried: {call}"
        if call.operation in ("GetItem", "Query"):
            assert call.body["ConsistentRead"] is True, call
        if call.operation == "BatchGetItem":
            assert all(asked["ConsistentRead"] is True for asked in call.body["RequestItems"].values()), call


def test_bearer_token_is_validated_in_one_read(shop: ClientApp, tokens: dict[str, Any], store: StoreProxy) -> None:
    with store.count() as calls:
        assert shop.me(tokens["access_token"]).status_code == 200
    assert operations(calls) == ["BatchGetItem"]
    asked = {table.removeprefix("test-"): len(of["Keys"]) for table, of in calls[0].body["RequestItems"].items()}
    assert asked == dict.fromkeys(("access_tokens", "applications", "consents", "grants", "users"), 1)
    with store.count() as calls:
        assert shop.organizers(tokens["access_token"]).status_code == 200
    assert operations(calls) == ["BatchGetItem", "GetItem"]


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_introspection_takes_one_read_more_than_the_validation_of_a_token(
    shop: ClientApp, tokens: dict[str, Any], store: StoreProxy, kind: str
) -> None:
    url = shop.base_url + "/api/v1/oauth/introspect"
    with store.count() as calls:
        answer = shop.http.post(url, data={"token": tokens[kind]}, auth=(shop.client_id, shop.secret))
    assert answer.json()["active"] is True
    assert operations(calls) == ["GetItem", "BatchGetItem"]


def test_recording_the_use_of_a_grant_costs_one_write_per_hour(
    shop: ClientApp, tokens: dict[str, Any], store: StoreProxy, clock: Clock
) -> None:
    clock.advance(limits.GRANT_TOUCH_SECONDS)
    with store.count() as calls:
        for _ in range(3):
            assert shop.me(tokens["access_token"]).status_code == 200
    assert operations(calls) == ["BatchGetItem", "UpdateItem", "BatchGetItem", "BatchGetItem"]


def test_code_is_exchanged_in_one_read_and_one_transaction(john: Browser, shop: ClientApp, store: StoreProxy) -> None:
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


def test_refresh_takes_one_read_and_one_transaction(shop: ClientApp, tokens: dict[str, Any], store: StoreProxy) -> None:
    with store.count() as calls:
        assert shop.refresh(tokens["refresh_token"]).status_code == 200
    assert operations(calls) == ["BatchGetItem", "TransactWriteItems"]


@pytest.mark.parametrize(
    ("kind", "write"), [("access_token", "TransactWriteItems"), ("refresh_token", "TransactWriteItems")]
)
def test_revocation_takes_one_read_and_one_write(
    shop: ClientApp, tokens: dict[str, Any], store: StoreProxy, kind: str, write: str
) -> None:
    with store.count() as calls:
        assert shop.revoke(tokens[kind]).status_code == 200
    assert operations(calls) == ["BatchGetItem", write]


def test_consent_page_takes_two_reads(john: Browser, shop: ClientApp, store: StoreProxy) -> None:
    with store.count() as calls:
        page = john.open(shop.authorize_path())
    assert page.status == 200
    assert operations(calls) == ["BatchGetItem", "BatchGetItem"]


def test_allowing_takes_one_read_one_transaction_and_one_history_entry(
    john: Browser, shop: ClientApp, store: StoreProxy
) -> None:
    page = john.open(shop.authorize_path())
    with store.count() as calls:
        assert john.allow(page, "Big Events LLC").code
    assert operations(calls) == ["BatchGetItem", "TransactWriteItems", "PutItem"]
    assert calls[2].tables == ("test-security_events",)


def test_remembered_consent_takes_one_read_and_one_transaction(
    john: Browser, shop: ClientApp, tokens: dict[str, Any], store: StoreProxy
) -> None:
    with store.count() as calls:
        assert john.open(shop.authorize_path()).code
    assert operations(calls) == ["BatchGetItem", "TransactWriteItems"]


def test_authorization_request_of_a_visitor_takes_one_read(base_url: str, shop: ClientApp, store: StoreProxy) -> None:
    with store.count() as calls:
        assert Browser(base_url).open(shop.authorize_path()).path == "/login"
    assert operations(calls) == ["GetItem"]


@pytest.fixture
def visitor(base_url: str, a_person: Callable[..., Person]) -> Browser:
    return Browser(base_url, a_person())


def test_sign_in_from_an_unknown_browser_is_counted_by_address_and_account(visitor: Browser, store: StoreProxy) -> None:
    page = visitor.open("/login")
    with store.count() as calls:
        visitor.press(page, "Sign in", email=visitor.user.email, password="a guess")
    reads, counts, failed = ["GetItem", "BatchGetItem"], ["UpdateItem"] * 3, ["UpdateItem"]
    assert operations(calls) == [*reads, *counts, *failed]
    with store.count() as calls:
        visitor.send(page, "", {**page.fields("Sign in"), "email": visitor.user.email, "password": PASSWORD})
    session, settled, history = ["PutItem", "Query"], ["UpdateItem", "UpdateItem", "BatchWriteItem"], ["PutItem"]
    home = ["BatchGetItem"]
    assert operations(calls) == [*reads, *counts, *session, *settled, *history, *home]


def test_sign_in_from_a_known_browser_takes_eight_round_trips(visitor: Browser, store: StoreProxy) -> None:
    visitor.sign_in()
    visitor.sign_out()
    page = visitor.open("/login")
    with store.count() as calls:
        visitor.send(page, "", {**page.fields("Sign in"), "email": visitor.user.email, "password": PASSWORD})
    reads, counts, session = ["GetItem", "BatchGetItem"], ["UpdateItem"] * 2, ["PutItem", "Query"]
    assert operations(calls) == [*reads, *counts, *session, "BatchWriteItem", "PutItem", "BatchGetItem"]


def connect_users(client_id: str, number: int) -> None:
    """Give this many users a grant for the application."""
    for user_id in (credentials.new_id() for _ in range(number)):
        ids: Any = {"user_id": user_id, "grant_id": grant.new_id(user_id, client_id), "client_id": client_id}
        allowed: Any = {"consent_id": "c", "scope": "read", "refresh_digest": "d"}
        storage.write(storage.Put(Grant(**ids, **allowed, created_at=1, last_used_at=1)))


@pytest.mark.parametrize("page", ["", "/secret", "/delete"])
def test_application_page_takes_three_reads_however_many_users_are_connected(
    a_browser: Callable[..., Browser], store: StoreProxy, page: str
) -> None:
    owner = a_browser()
    app = owner.register_application("Popular")
    for users in (1, 101):
        connect_users(app.client_id, users)
        with store.count() as calls:
            assert owner.open(f"/settings/applications/{app.client_id}{page}").status == 200
        signed_in, application, connected = "BatchGetItem", "GetItem", "Query"
        assert operations(calls) == [signed_in, application, connected]
        assert calls[-1].tables == (COUNTS_CONNECTIONS,)


def test_connected_users_are_counted_only_up_to_the_limit(
    a_browser: Callable[..., Browser], store: StoreProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CONNECTED_COUNT_LIMIT", 2)
    owner = a_browser()
    app = owner.register_application("Popular")
    connect_users(app.client_id, 3)
    with store.count() as calls:
        page = owner.open(f"/settings/applications/{app.client_id}")
    assert "About 2 people or more" in page.text
    assert operations(calls) == ["BatchGetItem", "GetItem", "Query"]
