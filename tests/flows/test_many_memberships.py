"""A user with more organizers than fit on their item connects applications like anybody else, for one read more."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib import credentials, limits
from chalicelib.endpoints.api.lambda_authorizer import authorizer
from chalicelib.models import membership, membership_shards, organizer, user, user_erasure
from chalicelib.models import store as storage
from chalicelib.models.membership import Membership
from tests.actors import Browser, ClientApp
from tests.deploying.test_organizer_deletion import delete
from tests.flows.test_introspection import introspect
from tests.request_calls import RequestCalls
from tests.store_proxy import Call, Fault, StoreProxy

pytestmark = pytest.mark.spec("docs/architecture.md", "docs/operations.md")
API = "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/GET/tickets"


@pytest.fixture
def further(john: Browser, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The slugs of three more organizers than fit on john's item, each in a shard of its own."""
    monkeypatch.setattr(limits, "MEMBERSHIPS_ON_USER_LIMIT", len(john.user.organizers))
    mark = credentials.new_serial().lower()
    by_shard = {membership_shards.key(john.user.user_id, f"{mark}-{number}"): number for number in range(100)}
    slugs = [f"{mark}-{number}" for number in sorted(by_shard.values())[:3]]
    for number, slug in enumerate(slugs):
        organizer.create(slug, f"Further {number}")
        user.add_member(john.user.user_id, slug)
    return slugs


@pytest.fixture
def tokens(john: Browser, shop: ClientApp, further: list[str]) -> dict[str, Any]:
    """For an organizer on the user, and two of those in shards."""
    return shop.connect(john, "Big Events LLC", "Further 0", "Further 1")


def slugs_at_api(shop: ClientApp, token: str) -> set[str]:
    return {one["slug"] for one in shop.organizers(token).json()["results"]}


def tables_read(calls: list[Call]) -> list[tuple[str, set[str]]]:
    return [(call.operation, {table.removeprefix("test-") for table in call.tables}) for call in calls]


def test_token_covers_organizers_in_shards_and_what_the_user_leaves_ends_at_once(
    john: Browser, shop: ClientApp, further: list[str], tokens: dict[str, Any], request_calls: RequestCalls
) -> None:
    (big,) = (slug for slug, name in john.user.organizers.items() if name == "Big Events LLC")
    token = tokens["access_token"]
    path = f"/api/v1/organizers/{further[0]}/"

    def is_told(token: str, expected: set[str]) -> bool:
        with request_calls.answering("authorizer"):
            told = authorizer({"type": "TOKEN", "authorizationToken": f"Bearer {token}", "methodArn": API}, {})
        described = [introspect(shop, token=one).json() for one in (token, tokens["refresh_token"])]
        named = [set(told["context"]["organizers"].split()), *(set(one["organizers"]) for one in described)]
        return [slugs_at_api(shop, token), *named] == [expected] * 4

    assert is_told(token, {big, *further[:2]})
    assert shop.call(path, token).status_code == 200
    assert shop.call(f"/api/v1/organizers/{further[2]}/", token).status_code == 403, "it was not ticked"
    user.remove_member(john.user.user_id, further[0])
    assert shop.call(path, token).status_code == 403
    assert is_told(token, {big, further[1]})
    token = shop.refresh(tokens["refresh_token"]).json()["access_token"]
    assert is_told(token, {big, further[1]})
    user.add_member(john.user.user_id, further[0])
    assert is_told(token, {big, *further[:2]})
    remembered = john.open(shop.authorize_path())
    again = shop.exchange(remembered.code).json()["access_token"]
    assert slugs_at_api(shop, again) == {big, *further[:2]}
    assert delete(further[1]).exit_code == 0
    assert is_told(token, {big, further[0]})


def test_consent_is_remembered_for_an_organizer_in_a_shard_until_the_user_leaves_it(
    john: Browser, shop: ClientApp, further: list[str]
) -> None:
    assert slugs_at_api(shop, shop.connect(john, "Further 0")["access_token"]) == set(further[:1])
    assert john.open(shop.authorize_path()).code
    user.remove_member(john.user.user_id, further[0])
    assert john.open(shop.authorize_path()).left_to is None, "john is asked again"


def test_bearer_token_of_a_user_with_shards_is_validated_in_two_reads(
    shop: ClientApp, tokens: dict[str, Any], store: StoreProxy, request_calls: RequestCalls
) -> None:
    everything = {"access_tokens", "applications", "consents", "grants", "users"}
    event = {"type": "TOKEN", "authorizationToken": f"Bearer {tokens['access_token']}", "methodArn": API}
    with store.count() as calls, request_calls.answering("authorizer"):
        authorizer(event, {})
    assert tables_read(calls) == [("BatchGetItem", everything), ("BatchGetItem", {"memberships"})]
    (keys,) = (asked["Keys"] for asked in calls[1].body["RequestItems"].values())
    assert len(keys) == 2, "only the shards of the token's organizers"


@pytest.mark.usefixtures("further")
def test_token_for_organizers_on_the_user_costs_a_user_with_shards_no_more(
    john: Browser, shop: ClientApp, store: StoreProxy
) -> None:
    token = shop.connect(john, "Big Events LLC")["access_token"]
    with store.count() as calls:
        assert shop.me(token).status_code == 200
    assert [call.operation for call in calls] == ["BatchGetItem"]


@pytest.mark.usefixtures("further")
def test_token_for_one_organizer_in_a_shard_reads_that_shard(
    john: Browser, shop: ClientApp, store: StoreProxy, request_calls: RequestCalls
) -> None:
    token = shop.connect(john, "Further 0")["access_token"]
    with store.count() as calls, request_calls.answering("authorizer"):
        authorizer({"type": "TOKEN", "authorizationToken": f"Bearer {token}", "methodArn": API}, {})
    assert [call.operation for call in calls] == ["BatchGetItem", "GetItem"]
    assert calls[1].tables == (Membership.table(),)


def test_user_who_belongs_only_to_organizers_in_shards_can_allow_them(
    john: Browser, shop: ClientApp, further: list[str]
) -> None:
    for slug in (*john.user.organizers, *further[1:]):
        user.remove_member(john.user.user_id, slug)
    found = user.find_by_email(john.user.email)
    assert found is not None
    assert not found.memberships
    assert slugs_at_api(shop, shop.connect(john, "Further 0")["access_token"]) == set(further[:1])


@pytest.mark.spec("docs/reliability.md")
@pytest.mark.usefixtures("impatient_client")
def test_erasure_that_is_interrupted_between_shards_goes_on_when_it_is_repeated(
    john: Browser, further: list[str], store: StoreProxy
) -> None:
    found = user.find_by_email(john.user.email)
    assert found is not None
    with store.fault(Fault.INTERNAL_ERROR, "BatchWriteItem", passed=2), pytest.raises(storage.StoreUnavailable):
        user_erasure.erase(found)
    assert 0 < len(membership_shards.all_of(john.user.user_id)) < len(further), "the first of them is done"
    again = user.find_by_email(john.user.email)
    assert again is not None, "the account goes last"
    user_erasure.erase(again)
    assert user.find_by_email(john.user.email) is None
    assert membership_shards.all_of(john.user.user_id) == frozenset()
    assert not any(list(membership.members(slug)) for slug in (*john.user.organizers, *further))
