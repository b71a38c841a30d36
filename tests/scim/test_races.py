"""What changes while a request is on its way is neither lost nor half done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.models import membership, organizer, user, user_erasure, user_organizers
from chalicelib.models.linked_identity import PLATFORM, Identity
from tests.actors import Person
from tests.people import create_organizer
from tests.scim.platform_server import GROUP, PATCH, PlatformServer
from tests.scim.test_users import account, refused
from tests.store_proxy import StoreProxy

WRITE = "TransactWriteItems"


@pytest.mark.spec("RFC 7644 §3.14", "RFC 9110 §13.1.1")
def test_user_who_changes_during_a_deletion_of_another_version_is_not_deleted(
    platform: PlatformServer, mark: str, store: StoreProxy
) -> None:
    made = platform.make_user(f"{mark}@example.org", displayName="Ann")
    path, version = f"/Users/{made['id']}", made["meta"]["version"]
    with store.before(WRITE, lambda: user.edit(made["id"], fullname="Bob", locale="en", timezone="UTC")):
        answer = platform.call("DELETE", path, If_Match=version)
    assert refused(answer) == (412, None)
    assert (account(made["id"]).fullname, account(made["id"]).active) == ("Bob", True)
    with store.before(WRITE, lambda: user.edit(made["id"], fullname="Eve", locale="en", timezone="UTC")):
        assert platform.call("DELETE", path).status_code == 204, "which asks for no version"


@pytest.mark.spec("RFC 7644 §3.14", "RFC 9110 §13.1.1")
def test_group_that_changes_during_a_deletion_of_another_version_is_not_deleted(
    platform: PlatformServer, mark: str, store: StoreProxy
) -> None:
    made = platform.make_group(mark)
    with store.before(WRITE, lambda: organizer.rename(made["id"], "Renamed")):
        answer = platform.call("DELETE", f"/Groups/{made['id']}", If_Match=made["meta"]["version"])
    assert refused(answer) == (412, None)
    assert platform.get(f"/Groups/{made['id']}").json()["displayName"] == "Renamed"
    with store.before(WRITE, lambda: organizer.rename(made["id"], "Again")):
        assert platform.call("DELETE", f"/Groups/{made['id']}").status_code == 204, "which asks for no version"


@pytest.mark.spec("RFC 7643 §3.1")
@pytest.mark.parametrize("is_by_command", [False, True])
def test_external_id_that_a_group_gets_during_its_deletion_is_free_again(
    platform: PlatformServer, mark: str, store: StoreProxy, is_by_command: bool
) -> None:
    made = platform.make_group(f"Hall {mark}", externalId=f"{mark}-old")
    late = {"op": "replace", "path": "externalId", "value": f"{mark}-new"}
    with store.before(WRITE, lambda: platform.patch(f"/Groups/{made['id']}", late)):
        if is_by_command:
            organizer.delete(made["id"])
        else:
            assert platform.call("DELETE", f"/Groups/{made['id']}").status_code == 204
    assert organizer.get(made["id"]) is None
    for external_id in (f"{mark}-old", f"{mark}-new"):
        again = platform.call("POST", "/Groups", {"schemas": [GROUP], "displayName": "x", "externalId": external_id})
        assert again.status_code == 201, again.text


@pytest.mark.spec("docs/security.md")
def test_what_a_user_gets_during_their_erasure_goes_with_them(
    platform: PlatformServer, a_person: Callable[..., Person], mark: str, store: StoreProxy
) -> None:
    there = a_person()
    slug, _ = create_organizer("A Group")
    new = f"new-{mark}@example.org"

    def change() -> None:
        emails = [{"op": "replace", "path": "emails", "value": [{"value": new}]}]
        named = [{"op": "add", "path": "externalId", "value": mark}]
        assert platform.patch(f"/Users/{there.user_id}", *emails, *named).status_code == 200
        user.add_member(there.user_id, slug)
        platform.make_user(f"other-{mark}", emails=[{"value": there.email}])

    with store.before(WRITE, change):
        user_erasure.erase(account(there.user_id))
    assert platform.get(f"/Users/{there.user_id}").status_code == 404
    assert list(membership.members(slug)) == []
    kept = user.find_by_email(there.email)
    assert kept is not None, "the address of somebody else stays"
    assert kept.user_id != there.user_id
    assert user.find_by_identity(Identity(PLATFORM, mark)) is None
    made = platform.make_user(f"x-{mark}", externalId=mark, emails=[{"value": new}])
    assert made["id"] != there.user_id


def test_erasure_can_be_repeated_when_the_address_is_somebody_elses(
    platform: PlatformServer, a_person: Callable[..., Person]
) -> None:
    gone = account(a_person().user_id)
    user_erasure.erase(gone)
    made = platform.make_user(gone.email)
    user_erasure.erase(gone)
    assert platform.get("/Users", filter=f'userName eq "{gone.email}"').json()["Resources"][0]["id"] == made["id"]


@pytest.mark.spec("RFC 7644 §3.5.2")
def test_group_that_is_deleted_while_members_join_keeps_none_of_them(
    platform: PlatformServer, a_person: Callable[..., Person], mark: str, store: StoreProxy
) -> None:
    ann = a_person().user_id
    made = platform.make_group(mark)
    joins = {"op": "add", "path": "members", "value": [{"value": ann}]}
    with store.before(WRITE, lambda: organizer.delete(made["id"])):
        answer = platform.patch(f"/Groups/{made['id']}", joins)
    assert refused(answer) == (409, None)
    assert user_organizers.of(account(ann)) == frozenset()
    assert list(membership.members(made["id"])) == []


@pytest.mark.spec("RFC 7644 §3.14", "RFC 9110 §13.1.1")
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("renames", [False, True])
def test_members_that_change_during_a_change_of_another_version_stay(
    platform: PlatformServer, a_person: Callable[..., Person], mark: str, store: StoreProxy, method: str, renames: bool
) -> None:
    ann, bob, eve = (a_person().user_id for _ in range(3))
    made = platform.make_group(mark, members=[{"value": ann}])
    path, version, name = f"/Groups/{mark}", made["meta"]["version"], "Renamed" if renames else mark
    body: dict[str, Any] = {"schemas": [GROUP], "displayName": name, "members": [{"value": bob}]}
    if method == "PATCH":
        operation = {"op": "replace", "value": {"displayName": name, "members": body["members"]}}
        body = {"schemas": [PATCH], "Operations": [operation]}
    with store.before(WRITE, lambda: user.add_member(eve, mark)):
        answer = platform.call(method, path, body, If_Match=version)
    assert refused(answer) == (412, None)
    now = platform.get(path).json()
    assert (now["displayName"], {one["value"] for one in now["members"]}) == (mark, {ann, eve})
    with store.before(WRITE, lambda: user.remove_member(eve, mark)):
        answer = platform.call(method, path, body)
    assert answer.status_code == 200, "which asks for no version"
    assert list(membership.members(mark)) == [bob]


@pytest.mark.spec("RFC 7644 §3.14")
def test_of_removals_of_one_version_at_once_only_the_first_is_carried_out(
    platform: PlatformServer, a_person: Callable[..., Person], mark: str, store: StoreProxy
) -> None:
    ann, bob = (a_person().user_id for _ in range(2))
    made = platform.make_group(mark, members=[{"value": ann}, {"value": bob}])
    path, version = f"/Groups/{mark}", made["meta"]["version"]
    first, second = ({"op": "remove", "path": f'members[value eq "{one}"]'} for one in (ann, bob))
    with store.before(WRITE, lambda: platform.patch(path, first, If_Match=version)):
        assert refused(platform.patch(path, second, If_Match=version)) == (412, None)
    assert list(membership.members(mark)) == [bob]
