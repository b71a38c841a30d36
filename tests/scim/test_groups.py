"""/scim/v2/Groups: the platform's server creates, changes and deletes organizers, and says who belongs to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib import limits
from chalicelib.models import membership, organizer, user, user_organizers
from chalicelib.models import store as storage
from chalicelib.models.user import User
from tests.actors import Browser, ClientApp, Person
from tests.flows.test_introspection import introspect
from tests.people import create_organizer
from tests.scim.platform_server import GROUP, PlatformServer
from tests.scim.test_users import refused
from tests.store_proxy import Fault, StoreProxy


@pytest.fixture
def ids(a_person: Callable[..., Person]) -> list[str]:
    """Three users, in the order of their ids."""
    return sorted(a_person().user_id for _ in range(3))


def belongs(user_id: str, slug: str) -> bool:
    found = storage.read(User.key(user_id))[0]
    assert found is not None
    listed = user_id in set(membership.members(slug))
    assert (slug in user_organizers.of(found)) is listed, "the user's set and the organizer's list agree"
    return listed


def shown(group: dict[str, Any]) -> list[str]:
    return [member["value"] for member in group.get("members", [])]


@pytest.mark.spec("RFC 7644 §3.3", "RFC 7643 §4.2")
def test_group_becomes_an_organizer_with_its_members(platform: PlatformServer, mark: str, ids: list[str]) -> None:
    members = [{"value": ids[0], "$ref": f"{platform.root}/Users/{ids[0]}", "type": "User"}, {"value": ids[1]}]
    made = platform.make_group(f"Große Bühne {mark}!", members=members)
    assert made["id"] == f"grosse-buhne-{mark}"
    assert made["meta"]["location"] == f"{platform.root}/Groups/{made['id']}"
    assert shown(made) == ids[:2]
    assert platform.get(f"/Groups/{made['id']}").json() == made
    assert [belongs(one, made["id"]) for one in ids] == [True, True, False]
    found = organizer.get(made["id"])
    assert found is not None
    assert found.name == f"Große Bühne {mark}!"


@pytest.mark.parametrize(
    ("external_id", "name", "slug"),
    [
        ("{mark}.hall-2", "Hall 2", "{mark}.hall-2"),
        ("{MARK}", "Hall {mark}", "hall-{mark}"),
        (None, "  Café  {mark} & more ", "cafe-{mark}-more"),
        (None, "{mark} " + "x" * 60, "{mark}-" + "x" * 60),
    ],
)
def test_slug_is_the_external_id_or_made_from_the_name(
    platform: PlatformServer, mark: str, external_id: str | None, name: str, slug: str
) -> None:
    words = {"mark": mark, "MARK": mark.upper()}
    given = external_id.format(**words) if external_id else None
    made = platform.make_group(name.format(**words), externalId=given)
    assert made["id"] == slug.format(**words)[:50]
    assert made.get("externalId") == given


def test_group_whose_name_has_no_latin_letter_gets_the_same_slug_for_the_same_name(
    platform: PlatformServer, mark: str
) -> None:
    name = "Театр " + "".join(chr(0x430 + int(one, 36) % 32) for one in mark)
    made = platform.make_group(name)
    assert made["id"].startswith("group-")
    assert refused(platform.call("POST", "/Groups", {"schemas": [GROUP], "displayName": name})) == (409, "uniqueness")


@pytest.mark.spec("RFC 7644 §3.12")
def test_group_that_cannot_be_is_refused_and_nothing_is_stored(
    platform: PlatformServer, mark: str, ids: list[str]
) -> None:
    platform.make_group("First", externalId=mark)
    for body, expected in (
        ({"displayName": "Second", "externalId": mark}, (409, "uniqueness")),
        ({"displayName": ""}, (400, "invalidValue")),
        ({"displayName": f"{mark} new", "members": [{"value": ids[0]}, {"value": "nobody"}]}, (400, "invalidValue")),
        ({"displayName": f"{mark} new", "members": [{"display": "x"}]}, (400, "invalidValue")),
    ):
        assert refused(platform.call("POST", "/Groups", {"schemas": [GROUP], **body})) == expected, body
    assert not organizer.is_taken(f"{mark}-new")
    assert not belongs(ids[0], f"{mark}-new")


@pytest.mark.spec("docs/security.md")
def test_slug_of_a_deleted_group_is_never_used_again(platform: PlatformServer, mark: str) -> None:
    for expected in (mark, f"{mark}-2", f"{mark}-3"):
        made = platform.make_group("Hall", externalId=mark)
        assert made["id"] == expected
        assert platform.call("DELETE", f"/Groups/{expected}").status_code == 204
    assert refused(platform.get(f"/Groups/{mark}")) == (404, None)
    assert refused(platform.call("DELETE", f"/Groups/{mark}")) == (404, None)


@pytest.mark.spec("RFC 7644 §3.6", "docs/security.md")
def test_deleted_group_has_no_members_at_any_api(
    platform: PlatformServer, shop: ClientApp, john: Browser, eve: Browser
) -> None:
    slug = next(slug for slug, name in john.user.organizers.items() if name == "Big Events LLC")
    user.add_member(eve.user.user_id, slug)
    tokens = [shop.connect(one, "Big Events LLC")["access_token"] for one in (john, eve)]
    assert platform.call("DELETE", f"/Groups/{slug}").status_code == 204
    for token in tokens:
        assert introspect(shop, token=token).json()["organizers"] == []
    assert list(membership.members(slug)) == []


@pytest.mark.spec("docs/reliability.md")
def test_deletion_of_a_group_that_the_store_interrupts_is_finished_by_its_repetition(
    platform: PlatformServer, mark: str, ids: list[str], store: StoreProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SCIM_MEMBERS_AT_ONCE", 1)
    made = platform.make_group(mark, members=[{"value": one} for one in ids])
    with store.fault(Fault.INTERNAL_ERROR, "TransactWriteItems", passed=2):
        assert refused(platform.call("DELETE", f"/Groups/{made['id']}")) == (503, None)
    assert platform.get(f"/Groups/{made['id']}").status_code == 404, "closed first"
    assert len(list(membership.members(made["id"]))) == 2
    assert platform.call("DELETE", f"/Groups/{made['id']}").status_code == 204
    assert [belongs(one, made["id"]) for one in ids] == [False] * 3
    assert platform.call("DELETE", f"/Groups/{made['id']}").status_code == 404


@pytest.mark.spec("RFC 7644 §3.5.2")
@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ({"op": "add", "path": "members", "value": [{"value": "2"}]}, "012"),
        ({"op": "Add", "path": "members", "value": {"value": "2"}}, "012"),
        ({"op": "add", "value": {"members": [{"value": "2"}]}}, "012"),
        (
            {"op": "add", "path": "urn:ietf:params:scim:schemas:core:2.0:Group:members", "value": [{"value": "2"}]},
            "012",
        ),
        ({"op": "remove", "path": 'members[value eq "0"]'}, "1"),
        ({"op": "remove", "path": 'members[value eq "0" or value eq "1"]'}, ""),
        ({"op": "Remove", "path": "members", "value": [{"value": "0"}]}, "1"),
        ({"op": "remove", "path": "members", "value": [{"value": "2"}]}, "01"),
        ({"op": "remove", "path": "members"}, ""),
        ({"op": "replace", "path": "members", "value": [{"value": "2"}, {"value": "0"}]}, "02"),
        ({"op": "replace", "value": {"members": [{"value": "2"}]}}, "2"),
        ({"op": "replace", "path": "members", "value": []}, ""),
    ],
)
def test_members_are_changed_in_every_spelling(
    platform: PlatformServer, mark: str, ids: list[str], operation: dict[str, Any], expected: str
) -> None:
    def named(value: Any) -> Any:
        """The value with users' ids in place of their numbers."""
        match value:
            case str() if value in ("0", "1", "2"):
                return ids[int(value)]
            case str():
                for number, one in enumerate(ids):
                    value = value.replace(f'"{number}"', f'"{one}"')
                return value
            case list():
                return [named(one) for one in value]
            case dict():
                return {name: named(one) for name, one in value.items()}
        return value

    made = platform.make_group(mark, members=[{"value": ids[0]}, {"value": ids[1]}])
    for _ in range(2):
        answer = platform.patch(f"/Groups/{made['id']}", named(operation))
        assert answer.status_code == 200, answer.text
        assert shown(answer.json()) == [ids[int(one)] for one in expected]
        assert [belongs(one, made["id"]) for one in ids] == [str(number) in expected for number in range(3)]


@pytest.mark.spec("RFC 7644 §3.5.2", "RFC 7644 §3.12")
@pytest.mark.parametrize(
    ("operation", "scim_type"),
    [
        ({"op": "add", "path": "members", "value": [{"value": "nobody"}]}, "invalidValue"),
        ({"op": "add", "path": "members", "value": [{}]}, "invalidValue"),
        ({"op": "add", "path": "members", "value": 7}, "invalidValue"),
        ({"op": "remove", "path": 'members[type eq "User"]'}, "invalidFilter"),
        ({"op": "replace", "path": "displayName", "value": "\u202e"}, "invalidValue"),
        ({"op": "remove", "path": "displayName"}, "mutability"),
        ({"op": "remove"}, "noTarget"),
        ({"op": "frobnicate", "path": "members"}, "invalidValue"),
    ],
)
def test_change_that_cannot_be_made_is_refused_and_nothing_is_changed(
    platform: PlatformServer, mark: str, ids: list[str], operation: dict[str, Any], scim_type: str
) -> None:
    made = platform.make_group(mark, members=[{"value": ids[0]}])
    rename = {"op": "replace", "path": "displayName", "value": "Renamed"}
    joins = {"op": "add", "path": "members", "value": [{"value": ids[1]}]}
    answer = platform.patch(f"/Groups/{made['id']}", rename, joins, operation)
    assert refused(answer) == (400, scim_type)
    assert platform.get(f"/Groups/{made['id']}").json() == made


@pytest.mark.spec("RFC 7644 §3.5.1")
def test_put_replaces_name_and_members(platform: PlatformServer, mark: str, ids: list[str]) -> None:
    made = platform.make_group(mark, externalId=mark, members=[{"value": one} for one in ids[:2]])
    path = f"/Groups/{made['id']}"
    body = {"schemas": [GROUP], "displayName": "Renamed", "members": [{"value": one} for one in ids[1:]]}
    answer = platform.call("PUT", path, body)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["displayName"], answer.json()["externalId"], shown(answer.json())) == (
        "Renamed",
        mark,
        ids[1:],
    )
    without = platform.call("PUT", path, {"schemas": [GROUP], "displayName": "Again"}).json()
    assert (without["displayName"], shown(without)) == ("Again", ids[1:]), "members that are not mentioned stay"


@pytest.mark.spec("RFC 7644 §3.14")
def test_group_of_another_version_is_not_changed(platform: PlatformServer, mark: str, ids: list[str]) -> None:
    made = platform.make_group(mark)
    path, version = f"/Groups/{made['id']}", made["meta"]["version"]
    assert platform.call("GET", path, If_None_Match=version).status_code == 304
    joins = {"op": "add", "path": "members", "value": [{"value": ids[0]}]}
    answer = platform.patch(path, joins, If_Match=version)
    assert answer.status_code == 200
    assert shown(platform.call("GET", path, If_None_Match=version).json()) == ids[:1]
    rename = {"op": "replace", "path": "displayName", "value": "Renamed"}
    assert refused(platform.patch(path, rename, If_Match=version)) == (412, None), "its members have changed"
    version = answer.headers["ETag"]
    assert version == platform.get(path).headers["ETag"]
    assert platform.patch(path, joins, If_Match=version).headers["ETag"] == version, "who belongs to it already"
    assert platform.patch(path, rename, If_Match=version).status_code == 200
    assert refused(platform.patch(path, joins, If_Match=version)) == (412, None)
    assert refused(platform.call("DELETE", path, If_Match=version)) == (412, None)


@pytest.mark.spec("RFC 7644 §3.14")
def test_version_of_a_group_changes_with_everybody_who_joins_or_leaves(
    platform: PlatformServer, mark: str, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SCIM_MEMBERS_AT_ONCE", 1)
    made = platform.make_group(mark, members=[{"value": one} for one in ids[:2]])
    path = f"/Groups/{made['id']}"
    versions = [made["meta"]["version"]]
    assert platform.get(path).headers["ETag"] == versions[0]
    leaves = {"op": "remove", "path": f'members[value eq "{ids[0]}"]'}
    for change in (
        lambda: platform.patch(path, leaves),
        lambda: user.add_member(ids[2], made["id"]),
        lambda: user.remove_member(ids[2], made["id"]),
        lambda: platform.call("DELETE", f"/Users/{ids[1]}"),
    ):
        change()
        versions.append(platform.get(path).headers["ETag"])
    platform.patch(path, leaves)
    assert platform.get(path).headers["ETag"] == versions[-1], "who has left already"
    assert len(set(versions)) == len(versions)


@pytest.mark.spec("RFC 7644 §3.4.2.2")
def test_filter_finds_a_group_by_each_of_its_names(platform: PlatformServer, mark: str, ids: list[str]) -> None:
    made = platform.make_group(f"Hall {mark}", externalId=f"X{mark}", members=[{"value": ids[0]}])
    for asked, expected in (
        (f'displayName eq "Hall {mark}"', [made["id"]]),
        (f'externalId eq "X{mark}"', [made["id"]]),
        (f'id eq "{made["id"]}"', [made["id"]]),
        (f'members.value eq "{ids[0]}"', [made["id"]]),
        (f'members eq "{ids[0]}" and displayName eq "Hall {mark}"', [made["id"]]),
        (f'displayName eq "Hall {mark}" and externalId eq "other"', []),
        (f'members.value eq "{ids[1]}"', []),
        (f'displayName eq "Nothing {mark}"', []),
    ):
        found = platform.get("/Groups", filter=asked, excludedAttributes="members").json()
        assert [one["id"] for one in found["Resources"]] == expected, asked
        assert found["totalResults"] == len(expected)
    assert refused(platform.get("/Groups", filter='displayName co "x"')) == (400, "invalidFilter")


def test_group_that_was_renamed_here_shows_and_is_found_by_its_new_name(platform: PlatformServer, mark: str) -> None:
    made = platform.make_group(f"Old {mark}", externalId=mark)
    organizer.rename(made["id"], f"New {mark}")
    (found,) = platform.get("/Groups", filter=f'displayName eq "New {mark}"').json()["Resources"]
    assert (found["id"], found["displayName"]) == (made["id"], f"New {mark}")


def test_members_of_a_group_with_too_many_are_left_out(
    platform: PlatformServer, mark: str, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SCIM_PARTS_LIMIT", 2)
    monkeypatch.setattr(limits, "SCIM_PART_OF_PAGE_LIMIT", 1)
    made = platform.make_group(mark, members=[{"value": one} for one in ids])
    path = f"/Groups/{made['id']}"
    assert "members" not in made
    assert "members" not in platform.get(path).json()
    assert platform.patch(path, {"op": "remove", "path": f'members[value eq "{ids[0]}"]'}).json()["members"]
    asked = {"filter": f'id eq "{made["id"]}"'}
    assert "members" not in platform.get("/Groups", **asked).json()["Resources"][0]
    platform.patch(path, {"op": "remove", "path": f'members[value eq "{ids[1]}"]'})
    assert shown(platform.get("/Groups", **asked).json()["Resources"][0]) == ids[2:]
    assert "members" not in platform.get("/Groups", **asked, excludedAttributes="members").json()["Resources"][0]


@pytest.mark.spec("docs/operations.md")
def test_limits_of_memberships_are_clear_errors(
    platform: PlatformServer, mark: str, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = platform.make_group(mark), platform.make_group(f"{mark} two")
    joins = {"op": "add", "path": "members", "value": [{"value": ids[0]}]}
    monkeypatch.setattr(limits, "MEMBERSHIPS_ON_USER_LIMIT", 1)
    monkeypatch.setattr(limits, "MEMBERSHIPS_PER_SHARD_LIMIT", 0)
    assert platform.patch(f"/Groups/{first['id']}", joins).status_code == 200
    assert refused(platform.patch(f"/Groups/{second['id']}", joins)) == (400, "tooMany")
    assert platform.patch(f"/Groups/{first['id']}", joins).status_code == 200, "who belongs to it already"
    monkeypatch.setattr(limits, "SCIM_MEMBER_CHANGES_LIMIT", 2)
    many = {"op": "add", "path": "members", "value": [{"value": one} for one in ids]}
    assert refused(platform.patch(f"/Groups/{second['id']}", many)) == (400, "tooMany")
    assert not belongs(ids[1], second["id"])


@pytest.mark.spec("docs/operations.md")
def test_many_members_take_a_transaction_for_each_batch(
    platform: PlatformServer, mark: str, ids: list[str], store: StoreProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SCIM_MEMBERS_AT_ONCE", 2)
    made = platform.make_group(mark)
    path = f"/Groups/{made['id']}"
    joins = {"op": "add", "path": "members", "value": [{"value": one} for one in ids]}
    with store.count() as calls:
        assert platform.patch(path + "?excludedAttributes=members", joins).status_code == 200
    token, group, users, batches = ["BatchGetItem"], ["GetItem"], ["BatchGetItem"], ["TransactWriteItems"] * 2
    assert [call.operation for call in calls] == token + group + users + batches + group
    with store.count() as calls:
        assert shown(platform.get(path).json()) == ids
    assert [call.operation for call in calls] == ["BatchGetItem", "GetItem", "Query"]
    with store.count() as calls:
        platform.get(path, excludedAttributes="members")
    assert [call.operation for call in calls] == ["BatchGetItem", "GetItem"]


@pytest.mark.spec("docs/reliability.md")
@pytest.mark.parametrize("fault", [Fault.LOSES_ANSWER, Fault.INTERNAL_ERROR])
def test_change_that_the_store_interrupts_is_finished_by_its_repetition(
    platform: PlatformServer,
    mark: str,
    ids: list[str],
    store: StoreProxy,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
) -> None:
    monkeypatch.setattr(limits, "SCIM_MEMBERS_AT_ONCE", 1)
    monkeypatch.setattr(limits, "STORE_TRIES", 1)
    made = platform.make_group(mark, members=[{"value": ids[0]}])
    replace = {"op": "replace", "path": "members", "value": [{"value": one} for one in ids[1:]]}
    with store.fault(fault, "TransactWriteItems", passed=1, times=1):
        assert refused(platform.patch(f"/Groups/{made['id']}", replace)) == (503, None)
    answer = platform.patch(f"/Groups/{made['id']}", replace)
    assert (answer.status_code, shown(answer.json())) == (200, ids[1:])
    assert [belongs(one, made["id"]) for one in ids] == [False, True, True]


def test_organizer_that_an_operator_created_is_a_group_too(platform: PlatformServer, mark: str) -> None:
    slug, name = create_organizer(f"By hand {mark}")
    assert platform.get(f"/Groups/{slug}").json()["displayName"] == name
    answer = platform.patch(f"/Groups/{slug}", {"op": "add", "path": "externalId", "value": mark})
    assert answer.json()["externalId"] == mark
    (found,) = platform.get("/Groups", filter=f'externalId eq "{mark}"').json()["Resources"]
    assert found["id"] == slug
    platform.patch(f"/Groups/{slug}", {"op": "replace", "path": "externalId", "value": mark + "x"})
    assert platform.get("/Groups", filter=f'externalId eq "{mark}"').json()["totalResults"] == 0


@pytest.mark.spec("RFC 7644 §3.5.2")
@pytest.mark.parametrize("path", ["members.value", "members.display", 'members[value eq "{}"].display'])
@pytest.mark.parametrize("op", ["add", "replace", "remove"])
def test_part_of_a_member_cannot_be_changed_and_takes_nobody_out(
    platform: PlatformServer, mark: str, ids: list[str], path: str, op: str
) -> None:
    made = platform.make_group(mark, members=[{"value": one} for one in ids[:2]])
    answer = platform.patch(f"/Groups/{mark}", {"op": op, "path": path.format(ids[0]), "value": ids[0]})
    assert refused(answer)[0] == 400
    assert platform.get(f"/Groups/{mark}").json() == made


@pytest.mark.spec("RFC 7644 §3.5.2", "RFC 7643 §3.1")
@pytest.mark.parametrize("name", ["MEMBERS", f"{GROUP}:members", f"{GROUP.lower()}:Members"])
def test_members_are_found_under_their_full_name(
    platform: PlatformServer, mark: str, ids: list[str], name: str
) -> None:
    platform.make_group(mark, members=[{"value": ids[0]}])
    answer = platform.patch(f"/Groups/{mark}", {"op": "add", "value": {name: [{"value": ids[1]}]}})
    assert (answer.status_code, shown(answer.json())) == (200, ids[:2])


@pytest.mark.spec("RFC 7644 §3.12")
def test_error_about_a_wrong_type_says_which_attribute_and_nothing_of_the_program(
    platform: PlatformServer, mark: str
) -> None:
    made = platform.make_user(f"{mark}@example.org")
    for path, value in (("name.formatted", {"x": 1}), ("name", "x"), ("externalId", 5), ("password", 5)):
        answer = platform.patch(f"/Users/{made['id']}", {"op": "replace", "path": path, "value": value})
        assert refused(answer) == (400, "invalidValue")
        detail = answer.json()["detail"]
        assert path.rpartition(".")[2] in detail
        assert not any(word in detail for word in ("pydantic", "\n", "validation error", "external_id"))
