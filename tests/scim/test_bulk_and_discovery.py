"""/scim/v2/Bulk, and what a client can find out about the server."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from chalicelib import limits
from chalicelib.models import organizer, user, user_organizers
from tests.scim.platform_server import BULK, GROUP, PATCH, USER, PlatformServer
from tests.scim.test_users import refused
from tests.store_proxy import Fault, StoreProxy


def bulk(platform: PlatformServer, *operations: Any, **more: Any) -> requests.Response:
    return platform.call("POST", "/Bulk", {"schemas": [BULK], "Operations": list(operations), **more})


def creation(user_name: str, bulk_id: str) -> dict[str, Any]:
    return {"method": "POST", "path": "/Users", "bulkId": bulk_id, "data": {"schemas": [USER], "userName": user_name}}


def statuses(answer: requests.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [one["status"] for one in answer.json()["Operations"]]


@pytest.mark.spec("RFC 7644 §3.7", "RFC 7644 §3.7.2")
def test_bulk_creates_people_and_the_group_that_they_belong_to(platform: PlatformServer, mark: str) -> None:
    members = [{"value": "bulkId:ann"}, {"value": "bulkId:bob"}]
    answer = bulk(
        platform,
        creation(f"ann-{mark}@example.org", "ann"),
        creation(f"bob-{mark}@example.org", "bob"),
        {
            "method": "POST",
            "path": "/Groups",
            "bulkId": "hall",
            "data": {"schemas": [GROUP], "displayName": mark, "members": members},
        },
        {
            "method": "patch",
            "path": "/Users/bulkId:bob",
            "data": {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "active", "value": False}]},
        },
    )
    assert statuses(answer) == ["201", "201", "201", "200"]
    first = answer.json()["Operations"][0]
    ann, bob = (user.find_by_email(f"{name}-{mark}@example.org") for name in ("ann", "bob"))
    assert ann is not None
    assert bob is not None
    assert first == {
        "method": "POST",
        "bulkId": "ann",
        "location": f"{platform.root}/Users/{ann.user_id}",
        "version": platform.get(f"/Users/{ann.user_id}").headers["ETag"],
        "status": "201",
    }
    assert (set(user_organizers.of(ann)), set(user_organizers.of(bob)), bob.active) == ({mark}, {mark}, False)


@pytest.mark.spec("RFC 7644 §3.7.3")
def test_operation_that_fails_says_so_and_the_others_are_carried_out(platform: PlatformServer, mark: str) -> None:
    there = platform.make_user(f"there-{mark}@example.org")
    operations = [
        creation(f"there-{mark}@example.org", "taken"),
        creation(f"new-{mark}@example.org", "new"),
        {"method": "PUT", "path": "/Users/nobody", "data": {"schemas": [USER], "userName": "x"}},
        {"method": "POST", "path": "/Users", "bulkId": "x", "data": "x"},
        {"method": "GET", "path": f"/Users/{there['id']}", "data": {}},
        {"method": "POST", "path": "/Nothing", "bulkId": "x", "data": {}},
        {"method": "DELETE", "path": "/Users/bulkId:later"},
        {
            "method": "PUT",
            "path": f"/Users/{there['id']}",
            "version": 'W/"old"',
            "data": {"schemas": [USER], "userName": "x"},
        },
        "nonsense",
        {"method": "DELETE", "path": f"/Users/{there['id']}", "version": there["meta"]["version"]},
    ]
    answer = bulk(platform, *operations)
    assert statuses(answer) == ["409", "201", "404", "400", "400", "400", "409", "412", "400", "204"]
    failed = answer.json()["Operations"][0]
    assert (failed["bulkId"], failed["response"]["scimType"], "location" in failed) == ("taken", "uniqueness", False)
    stopped = bulk(platform, *operations[2:], failOnErrors=2)
    assert statuses(stopped) == ["404", "400"]


@pytest.mark.spec("RFC 7644 §3.7.4")
def test_bulk_request_that_is_none_or_too_large_is_refused(
    platform: PlatformServer, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = {"method": "DELETE", "path": "/Users/nobody"}
    assert refused(bulk(platform, *[one] * 101)) == (413, None)
    assert refused(bulk(platform)) == (400, "invalidSyntax")
    assert refused(bulk(platform, one, failOnErrors=0)) == (400, "invalidValue")
    assert refused(platform.call("POST", "/Bulk", {"Operations": [one]})) == (400, "invalidSyntax")
    large = creation(f"{mark}@example.org" + "x" * limits.SCIM_BODY_LIMIT_BYTES, "x")
    assert refused(bulk(platform, large)) == (413, None)
    assert refused(platform.get("/Bulk")) == (405, None)


@pytest.mark.spec("docs/reliability.md")
@pytest.mark.usefixtures("impatient_client")
def test_operation_that_the_store_did_not_answer_can_be_sent_again(
    platform: PlatformServer, mark: str, store: StoreProxy
) -> None:
    operations = [creation(f"{mark}-{number}@example.org", str(number)) for number in range(3)]
    with store.fault(Fault.INTERNAL_ERROR, "TransactWriteItems", passed=1, times=1):
        assert statuses(bulk(platform, *operations)) == ["201", "503", "201"]
    assert statuses(bulk(platform, *operations)) == ["409", "201", "409"]


@pytest.mark.spec("RFC 7644 §4")
def test_anybody_can_read_what_the_server_supports_without_the_store(base_url: str, store: StoreProxy) -> None:
    root = base_url + "/scim/v2"
    with store.count() as calls:
        config = requests.get(root + "/ServiceProviderConfig", timeout=30)
        types = requests.get(root + "/ResourceTypes", timeout=30).json()
        schemas = requests.get(root + "/Schemas", timeout=30).json()
    assert calls == []
    assert config.headers["Content-Type"] == "application/scim+json"
    described = config.json()
    assert (described["bulk"]["maxOperations"], described["filter"]["maxResults"]) == (100, 100)
    assert described["pagination"]["cursor"] is True
    assert [one["endpoint"] for one in types["Resources"]] == ["/Users", "/Groups"]
    attributes = {one["name"]: one for one in schemas["Resources"][0]["attributes"]}
    assert "phoneNumbers" not in attributes, "only what is kept"
    assert (attributes["emails"]["required"], attributes["displayName"]["required"]) == (True, False)
    for resource in (*types["Resources"], *schemas["Resources"]):
        assert requests.get(resource["meta"]["location"], timeout=30).json() == resource
    for path, status in (
        ("/ResourceTypes/Cat", 404),
        ("/Schemas/urn:x", 404),
        ("/Schemas?filter=id+eq+%22x%22", 403),
        ("/Cats", 404),
    ):
        assert refused(requests.get(root + path, timeout=30)) == (status, None), path


def test_organizer_created_in_bulk_can_be_deleted_in_bulk(platform: PlatformServer, mark: str) -> None:
    made = platform.make_group(mark)
    assert statuses(bulk(platform, {"method": "DELETE", "path": f"/Groups/{made['id']}"})) == ["204"]
    assert organizer.get(mark) is None


@pytest.mark.spec("RFC 7644 §3.12")
def test_patch_with_more_operations_than_can_be_applied_in_time_is_refused(platform: PlatformServer, mark: str) -> None:
    made, group = platform.make_user(f"{mark}@example.org"), platform.make_group(mark)
    named = {"op": "replace", "path": "displayName", "value": "Ann"}
    for path, most in (
        (f"/Users/{made['id']}", limits.SCIM_USER_OPERATIONS_LIMIT),
        (f"/Groups/{group['id']}", limits.SCIM_GROUP_OPERATIONS_LIMIT),
    ):
        assert platform.patch(path, *[named] * most).status_code == 200
        assert refused(platform.patch(path, *[named] * (most + 1))) == (400, "tooMany")
    joined = {"op": "add", "path": "emails", "value": [{"value": f"{mark}@example.org"}]}
    operation = {
        "method": "PATCH",
        "path": f"/Users/{made['id']}",
        "data": {"schemas": [PATCH], "operations": [joined] * 5000},
    }
    assert statuses(bulk(platform, operation)) == ["400"]
