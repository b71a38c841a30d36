"""/scim/v2: a user who belongs to more groups than fit on their item, as agencies and support staff do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib import limits
from chalicelib.models import membership, membership_shards, organizer, user, user_organizers
from chalicelib.models import store as storage
from chalicelib.models.user import User
from tests.actors import Person
from tests.catalogues import use
from tests.scim.platform_server import PlatformServer
from tests.scim.test_groups import belongs
from tests.scim.test_users import refused
from tests.signed_tokens.conftest import catalogue
from tests.store_proxy import Call, StoreProxy

pytestmark = pytest.mark.spec("docs/platform/scim.md", "RFC 7644 §3.5.2")
ON_USER, FURTHER = 2, 4
ITEMS_OF_A_TRANSACTION = 100  # what DynamoDB takes


@pytest.fixture
def slugs(mark: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(limits, "MEMBERSHIPS_ON_USER_LIMIT", ON_USER)
    made = [f"{mark}-{number}" for number in range(ON_USER + FURTHER)]
    for number, slug in enumerate(made):
        organizer.create(slug, f"Hall {number}")
    return made


@pytest.fixture
def agent(a_person: Any, platform: PlatformServer, slugs: list[str]) -> Person:
    """Somebody whom the platform's server added to all of these groups."""
    person: Person = a_person()
    for slug in slugs:
        added = platform.patch(
            f"/Groups/{slug}", {"op": "add", "path": "members", "value": [{"value": person.user_id}]}
        )
        assert added.status_code == 200, added.text
    return person


def values(listed: list[dict[str, Any]] | None) -> list[str]:
    return [one["value"] for one in listed or ()]


def test_user_is_added_to_more_groups_than_fit_and_removed_again(
    platform: PlatformServer, agent: Person, slugs: list[str]
) -> None:
    found = storage.read(User.key(agent.user_id))[0]
    assert found is not None
    assert found.memberships == set(slugs[:ON_USER])
    assert user_organizers.of(found) == set(slugs)
    assert all(belongs(agent.user_id, slug) for slug in slugs)
    assert values(platform.get(f"/Users/{agent.user_id}").json()["groups"]) == slugs
    for slug, operation in (
        (slugs[-1], {"op": "remove", "path": f'members[value eq "{agent.user_id}"]'}),
        (slugs[-2], {"op": "replace", "path": "members", "value": []}),
        (slugs[0], {"op": "remove", "path": "members"}),
    ):
        assert platform.patch(f"/Groups/{slug}", operation).status_code == 200
        assert not belongs(agent.user_id, slug)
    assert values(platform.get(f"/Users/{agent.user_id}").json()["groups"]) == slugs[1:-2]
    assert platform.call("DELETE", f"/Groups/{slugs[2]}").status_code == 204
    assert values(platform.get(f"/Users/{agent.user_id}").json()["groups"]) == [slugs[1], slugs[3]]


def test_groups_of_a_user_with_very_many_are_listed_in_pages(
    platform: PlatformServer, agent: Person, slugs: list[str]
) -> None:
    asked = {"filter": f'members.value eq "{agent.user_id}"', "count": 4}
    first = platform.get("/Groups", **asked).json()
    assert ([one["id"] for one in first["Resources"]], first["totalResults"]) == (slugs[:4], len(slugs))
    second = platform.get("/Groups", **asked, startIndex=5).json()
    assert [one["id"] for one in second["Resources"]] == slugs[4:]
    by_cursor = platform.get("/Groups", **asked, cursor="").json()
    following = platform.get("/Groups", **asked, cursor=by_cursor["nextCursor"]).json()
    assert [one["id"] for page in (by_cursor, following) for one in page["Resources"]] == slugs
    assert "nextCursor" not in following
    both = platform.get("/Groups", filter=f'{asked["filter"]} and displayName eq "Hall 1"')
    assert refused(both) == (400, "tooMany")
    assert platform.get("/Groups", filter=f'displayName eq "Hall 1" and id eq "{slugs[1]}"').json()["totalResults"] == 1


def test_filter_sees_groups_in_shards_and_reads_them_only_if_it_names_groups(
    platform: PlatformServer, agent: Person, slugs: list[str], store: StoreProxy
) -> None:
    def found(text: str) -> int:
        return int(platform.get("/Users", filter=text).json()["totalResults"])

    assert found(f'groups.value eq "{slugs[-1]}"') == 1
    assert found(f'emails.value eq "{agent.email}" and groups.value eq "{slugs[-1]}"') == 1
    assert found(f'emails.value eq "{agent.email}" and not (groups.value eq "{slugs[-1]}")') == 0
    with store.count() as calls:
        platform.get("/Users", filter=f'emails.value eq "{agent.email}"', attributes="id")
    assert sum("test-memberships" in call.tables for call in calls) == 1, "to show the groups, and not to compare them"


def test_user_with_too_many_groups_for_a_shard_is_a_clear_error_before_anything_is_written(
    platform: PlatformServer, agent: Person, slugs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MEMBERSHIPS_PER_SHARD_LIMIT", 0)
    further = platform.make_group(f"{slugs[0]} further")["id"]
    names = (f"{further}-{number}" for number in range(10_000))
    shard = membership_shards.key(agent.user_id, slugs[-1])
    there = next(name for name in names if membership_shards.key(agent.user_id, name) == shard)
    organizer.create(there, "In the same shard")
    joins = {"op": "add", "path": "members", "value": [{"value": agent.user_id}]}
    assert refused(platform.patch(f"/Groups/{there}", joins)) == (400, "tooMany")
    assert platform.patch(f"/Groups/{slugs[-1]}", joins).status_code == 200, "who belongs to it already"


def test_deleted_user_leaves_no_shards(platform: PlatformServer, agent: Person, slugs: list[str]) -> None:
    assert platform.call("DELETE", f"/Users/{agent.user_id}").status_code == 204
    assert membership_shards.all_of(agent.user_id) == frozenset()
    assert [list(membership.members(slug)) for slug in slugs] == [[]] * len(slugs)
    with pytest.raises(storage.ConditionFailed):
        user.add_member(agent.user_id, slugs[0])


@pytest.mark.usefixtures("signing_key")
def test_as_many_members_as_change_at_once_fit_in_one_transaction(
    a_person: Callable[..., Person],
    platform: PlatformServer,
    slugs: list[str],
    store: StoreProxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The most that one takes: everybody has very many groups, and an API checks signed tokens by itself."""
    use(monkeypatch, catalogue())
    ids = sorted(a_person().user_id for _ in range(limits.SCIM_MEMBERS_AT_ONCE))
    for slug in slugs[: ON_USER + 1]:
        for one in ids:
            user.add_member(one, slug)
    last = slugs[-1]
    joins = {"op": "add", "path": "members", "value": [{"value": one} for one in ids]}
    with store.count() as calls:
        assert platform.patch(f"/Groups/{last}", joins).status_code == 200
    assert [len(items) for items in transactions(calls)] == [3 * len(ids) + 1]
    assert all(belongs(one, last) for one in ids)
    with store.count() as calls:
        assert platform.patch(f"/Groups/{last}", {"op": "remove", "path": "members"}).status_code == 200
    (items,) = transactions(calls)
    assert len(items) == 4 * len(ids) + 1 <= ITEMS_OF_A_TRANSACTION
    assert sum(item.get("Put", {}).get("TableName") == "test-ended_tokens" for item in items) == len(ids)
    assert not any(belongs(one, last) for one in ids)


def transactions(calls: list[Call]) -> list[list[dict[str, Any]]]:
    return [call.body["TransactItems"] for call in calls if call.operation == "TransactWriteItems"]
