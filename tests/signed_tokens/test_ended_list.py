"""The list of signed tokens that ended early: who writes it, how it is read, and that it costs nothing elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests

from chalicelib import credentials, limits, settings
from chalicelib.models import application_access, ended_tokens, store, user
from chalicelib.models.ended_tokens import EndedTokens
from chalicelib.protocol.tokens import ended_list
from tests.actors import Browser, ClientApp
from tests.conftest import Clock
from tests.signed_tokens.conftest import connected, read
from tests.store_proxy import StoreProxy

pytestmark = pytest.mark.spec("docs/other-apis.md")


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    ended_list.forget()
    yield
    ended_list.forget()


def fetch(base_url: str, after: str = "", **headers: str) -> requests.Response:
    query = {"after": after} if after else {}
    return requests.get(f"{base_url}/.well-known/ended-tokens", params=query, headers=headers, timeout=10)


def ended(base_url: str) -> dict[str, int]:
    """The handles on all pages."""
    found, after = dict[str, int](), ""
    while True:
        claims = read(base_url, fetch(base_url, after).text).claims
        found.update(claims["ended"])
        if "next" not in claims:
            return found
        after = claims["next"]


@pytest.mark.usefixtures("signs")
def test_metadata_names_the_list_and_it_is_signed(base_url: str) -> None:
    metadata = requests.get(f"{base_url}/.well-known/oauth-authorization-server", timeout=10).json()
    answered = requests.get(metadata["ended_tokens_uri"], timeout=10)
    assert answered.headers["Content-Type"] == "application/ended-tokens+jwt"
    found = read(base_url, answered.text)
    assert found.header == {"alg": "RS256", "kid": "first", "typ": "ended-tokens+jwt"}
    assert set(found.claims) == {"iss", "iat", "ended"}
    assert found.claims["iss"] == base_url


def test_stage_that_signs_nothing_has_no_list(base_url: str) -> None:
    metadata = requests.get(f"{base_url}/.well-known/oauth-authorization-server", timeout=10).json()
    assert "ended_tokens_uri" not in metadata
    answered = fetch(base_url)
    assert (answered.status_code, answered.json()["error"]) == (404, "not_found")


@pytest.mark.usefixtures("signs")
def test_list_may_be_cached_for_seconds_and_is_not_sent_twice(base_url: str, clock: Clock) -> None:
    first = fetch(base_url)
    assert first.headers["Cache-Control"] == f"public, max-age={limits.ENDED_TOKENS_CACHED_SECONDS}"
    assert "Pragma" not in first.headers
    known = {"If-None-Match": first.headers["ETag"]}
    again = fetch(base_url, **known)
    assert (again.status_code, again.text) == (304, "")
    user_id = credentials.new_id()
    store.write(*ended_tokens.all_with(ended_tokens.handle_of_user(user_id)))
    assert fetch(base_url, **known).status_code == 304  # for as long as a process keeps what it signed
    clock.take(limits.ENDED_TOKENS_CACHED_SECONDS)
    changed = fetch(base_url, **known)
    assert changed.status_code == 200
    assert ended_tokens.handle_of_user(user_id) in ended(base_url)


@pytest.mark.usefixtures("signs")
def test_list_has_pages_and_each_entry_once(base_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    handles = [ended_tokens.handle_of_user(credentials.new_id()) for _ in range(7)]
    for handle in handles:
        store.write(*ended_tokens.all_with(handle))
    monkeypatch.setattr(limits, "ENDED_TOKENS_PER_PAGE", 3)
    assert set(handles) <= set(ended(base_url))
    seen, after = list[str](), None
    while True:
        page = ended_tokens.page(after)
        assert len(page.entries) <= 3
        seen += [str(entry.handle) for entry in page.entries]
        after = page.next_after
        if after is None:
            break
    assert len(seen) == len(set(seen))


@pytest.mark.usefixtures("signs")
@pytest.mark.parametrize(
    "after",
    [
        "x",
        "1" * 11,
        "9" * 11 + " " + "g" * 32,
        "1" * 11 + " " + "0" * 33,
        "1" * 11 + " " + "0" * 32,
        "1" * 11 + " " + "0" * 32 + " " + "0" * 32,
        "\n",
    ],
)
def test_made_up_cursor_is_refused_before_anything_is_read_or_signed(
    base_url: str, after: str, request: pytest.FixtureRequest
) -> None:
    proxy: StoreProxy = request.getfixturevalue("store")
    with proxy.count() as calls:
        answered = fetch(base_url, after)
    assert (answered.status_code, answered.json()["error"]) == (400, "invalid_request")
    assert calls == []


@pytest.mark.usefixtures("signs")
def test_stage_without_a_server_key_has_pages_too(base_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    handles = [ended_tokens.handle_of_user(credentials.new_id()) for _ in range(5)]
    for handle in handles:
        store.write(*ended_tokens.all_with(handle))
    monkeypatch.setattr(limits, "ENDED_TOKENS_PER_PAGE", 3)
    monkeypatch.setattr(settings, "SETTINGS", replace(settings.SETTINGS, server_key=None))
    assert set(handles) <= set(ended(base_url))


@pytest.mark.usefixtures("signs")
def test_entry_is_listed_until_the_token_has_expired(
    base_url: str, john: Browser, shop: ClientApp, clock: Clock
) -> None:
    tokens = connected(shop, john)
    claims = read(base_url, tokens["access_token"]).claims
    shop.revoke(tokens["access_token"])
    handle = ended_tokens.handle_of_token(claims["jti"])
    assert ended(base_url)[handle] == claims["exp"]
    clock.advance(900)
    ended_list.forget()
    assert handle not in ended(base_url)


@pytest.mark.usefixtures("signs")
def test_nothing_that_identifies_anybody_is_listed(base_url: str, john: Browser, shop: ClientApp) -> None:
    tokens = connected(shop, john)
    john.press(john.open("/settings/authorized"), "Revoke")
    claims = read(base_url, tokens["access_token"]).claims
    listed = ended(base_url)
    assert set(claims["ends_with"]) & set(listed)
    for known in (john.user.user_id, shop.client_id, claims["jti"]):
        assert known not in str(listed)
        assert known not in str([entry.attribute_values for entry in ended_tokens.page().entries])


@pytest.mark.usefixtures("signs")
def test_opaque_tokens_are_not_listed(base_url: str, john: Browser, shop: ClientApp, store: StoreProxy) -> None:
    tokens = connected(shop, john, resource=None, scope="list")
    with store.count() as calls:
        assert shop.refresh(tokens["refresh_token"]).status_code == 200
        assert shop.revoke(tokens["refresh_token"]).status_code == 200
    assert not any("ended_tokens" in table for call in calls for table in call.tables)


@pytest.mark.spec("docs/operations.md")
def test_stage_that_signs_nothing_writes_and_reads_what_it_did_before(
    john: Browser, shop: ClientApp, store: StoreProxy
) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    slug = next(iter(john.user.organizers))
    with store.count() as calls:
        assert shop.revoke(tokens["refresh_token"]).status_code == 200
        john.press(john.open("/settings/authorized"), "Revoke")
        application_access.allow(shop.client_id, ["read"], [slug])
        user.remove_member(john.user.user_id, slug)
        user.disable(john.user.user_id)
    assert not any("ended_tokens" in table for call in calls for table in call.tables)
    ends = [call.operation for call in calls if call.operation in ("DeleteItem", "TransactWriteItems")]
    assert ends.count("DeleteItem") == 1  # the consent


@pytest.mark.usefixtures("signs")
def test_restore_ends_every_token_that_was_issued_before(
    base_url: str, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    changed: Any = replace(settings.SETTINGS, not_before=clock.now())
    monkeypatch.setattr(settings, "SETTINGS", changed)
    assert ended(base_url)["*"] == changed.not_before - 1
    clock.advance(limits.ACCESS_TOKEN_LIFETIME_SECONDS)
    ended_list.forget()
    assert "*" not in ended(base_url)


@pytest.mark.usefixtures("signs")
def test_reading_the_list_is_no_scan(base_url: str, store: StoreProxy) -> None:
    with store.count() as calls:
        for _ in range(3):
            assert fetch(base_url).status_code == 200
    assert [call.operation for call in calls] == ["Query"] * limits.ENDED_TOKENS_SHARDS
    assert all(call.tables == (EndedTokens.table(),) for call in calls)
