"""Lists of users and groups: by index, by cursor, and what they cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chalicelib import limits
from chalicelib.models import organizer
from tests.actors import Person
from tests.people import create_organizer
from tests.scim.platform_server import PlatformServer
from tests.scim.test_users import refused
from tests.store_proxy import StoreProxy

SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"


def by_index(platform: PlatformServer, path: str, count: int) -> Iterator[dict[str, Any]]:
    """Every page, as a client reads them that knows nothing of cursors."""
    start = 1
    while True:
        page = platform.get(path, startIndex=start, count=count, excludedAttributes="members").json()
        assert page["startIndex"] == start
        assert page["itemsPerPage"] == len(page["Resources"])
        yield page
        start += page["itemsPerPage"]
        if start > page["totalResults"]:
            return


def by_cursor(platform: PlatformServer, path: str, count: int) -> Iterator[dict[str, Any]]:
    cursor: str | None = ""
    while cursor is not None:
        page = platform.get(path, cursor=cursor, count=count).json()
        assert "totalResults" not in page
        yield page
        cursor = page.get("nextCursor")


def size(platform: PlatformServer, path: str) -> int:
    """A size of pages that makes several of them, and not hundreds of what all tests together have stored."""
    total: int = platform.get(path, count=0).json()["totalResults"]
    return max(2, min(97, total // 5))


def ids(pages: Iterator[dict[str, Any]]) -> list[str]:
    return [one["id"] for page in pages for one in page["Resources"]]


@pytest.mark.spec("RFC 7644 §3.4.2.4", "RFC 9865 §2")
@pytest.mark.parametrize("walk", [by_index, by_cursor])
def test_every_page_together_is_everything_once(
    platform: PlatformServer, a_person: Callable[..., Person], walk: Callable[..., Iterator[dict[str, Any]]]
) -> None:
    people = {a_person(f"Hall {number}").user_id for number in range(3)}
    deleted = create_organizer("Deleted")[0]
    organizer.delete(deleted)
    everybody, every_group = (ids(walk(platform, path, size(platform, path))) for path in ("/Users", "/Groups"))
    assert people <= set(everybody)
    assert len(everybody) == len(set(everybody))
    assert len(every_group) == len(set(every_group)) >= 3
    assert deleted not in every_group


@pytest.mark.spec("RFC 7644 §3.4.2")
def test_total_is_exact_until_there_are_too_many_to_count(
    platform: PlatformServer, a_person: Callable[..., Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        a_person()
    everybody = len(ids(by_cursor(platform, "/Users", 100)))
    for start, count, shown in (
        (1, 2, 2),
        (everybody, 5, 1),
        (everybody + 1, 5, 0),
        (everybody + 100, 5, 0),
        (1, 0, 0),
    ):
        page = platform.get("/Users", startIndex=start, count=count).json()
        assert (page["totalResults"], page["itemsPerPage"]) == (everybody, shown), start
    in_one_page = size(platform, "/Users")
    monkeypatch.setattr(limits, "SCIM_COUNT_LIMIT", 1)
    page = platform.get("/Users", startIndex=1, count=2).json()
    assert page["totalResults"] == 3, "at least: so a client asks for the next page"
    assert set(ids(by_index(platform, "/Users", in_one_page))) == set(ids(by_cursor(platform, "/Users", in_one_page)))


@pytest.mark.spec("RFC 7644 §3.4.2.4")
@pytest.mark.parametrize(
    ("query", "first", "size"),
    [
        ({}, 1, 100),
        ({"startIndex": "0"}, 1, 100),
        ({"startIndex": "-3"}, 1, 100),
        ({"count": "-1"}, 1, 0),
        ({"count": "5000"}, 1, 100),
    ],
)
def test_numbers_out_of_range_mean_the_nearest_ones(
    platform: PlatformServer, a_person: Callable[..., Person], query: dict[str, str], first: int, size: int
) -> None:
    a_person()
    page = platform.get("/Users", **query).json()
    assert page["startIndex"] == first
    assert page["itemsPerPage"] == min(size, page["totalResults"])


@pytest.mark.spec("RFC 7644 §3.12", "RFC 9865 §2")
def test_page_that_cannot_be_is_refused(
    platform: PlatformServer, a_person: Callable[..., Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        a_person("A")
    cursor = platform.get("/Users", cursor="", count=1).json()["nextCursor"]
    forged = cursor[:-1] + ("A" if cursor[-1] != "A" else "B")
    for made_up in (forged, "made-up", "é", cursor[::-1]):
        assert refused(platform.get("/Users", cursor=made_up)) == (400, "invalidCursor"), made_up
    assert refused(platform.get("/Groups", cursor=cursor)) == (400, "invalidCursor"), "another list's"
    platform.token, first = _another(platform), platform.token
    assert refused(platform.get("/Users", cursor=cursor)) == (400, "invalidCursor"), "another token's"
    platform.token = first
    assert platform.get("/Users", cursor=cursor, count=1).json()["Resources"]
    for query in ({"count": "many"}, {"startIndex": "x"}):
        assert refused(platform.get("/Users", **query)) == (400, "invalidValue")
    twice = platform.http.get(
        platform.root + "/Users?count=1&count=2", headers={"Authorization": f"Bearer {platform.token}"}, timeout=30
    )
    assert refused(twice) == (400, "invalidValue")
    monkeypatch.setattr(limits, "SCIM_WALK_LIMIT", 2)
    assert refused(platform.get("/Users", startIndex=4)) == (400, "tooMany")


def _another(platform: PlatformServer) -> str:
    from tests.scim.platform_server import token_for

    return token_for(platform.app)


@pytest.mark.spec("docs/operations.md")
def test_search_without_a_key_stops_at_its_limit(
    platform: PlatformServer, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.make_user(f"{mark}@example.org", displayName=mark)
    asked = f'displayName eq "{mark}"'
    assert platform.get("/Users", filter=asked).json()["totalResults"] == 1
    monkeypatch.setattr(limits, "SCIM_WALK_LIMIT", 1)
    monkeypatch.setattr(limits, "SCIM_SEARCH_AT_ONCE", 1)
    assert refused(platform.get("/Users", filter=asked)) == (400, "tooMany")


@pytest.mark.spec("RFC 7644 §3.4.3")
def test_search_in_a_body_is_a_query(platform: PlatformServer, mark: str) -> None:
    made = platform.make_user(f"{mark}@example.org")
    body = {"schemas": [SEARCH], "filter": f'userName eq "{mark}@example.org"', "attributes": ["userName"]}
    found = platform.call("POST", "/Users/.search", body).json()
    assert found["Resources"] == [{"schemas": made["schemas"], "id": made["id"], "userName": made["userName"]}]
    body = {"schemas": [SEARCH], "excludedAttributes": ["members"], "count": 1}  # type: ignore[dict-item]
    platform.make_group(mark, members=[{"value": made["id"]}])
    assert platform.call("POST", "/Groups/.search", body).json()["itemsPerPage"] == 1
    assert refused(platform.call("POST", "/.search", body)) == (501, None)
    assert refused(platform.call("POST", f"/Users/{made['id']}", body))[0] == 405


@pytest.mark.spec("docs/operations.md")
def test_page_by_cursor_takes_one_scan_of_its_size(platform: PlatformServer, mark: str, store: StoreProxy) -> None:
    for number in range(3):
        platform.make_user(f"{mark}{number}@example.org")
    cursor = platform.get("/Users", cursor="", count=1).json()["nextCursor"]
    with store.count() as calls:
        assert platform.get("/Users", cursor=cursor, count=2).status_code == 200
    assert [call.operation for call in calls] == ["BatchGetItem", "Scan"]
    assert calls[1].body["Limit"] == 2
    with store.count() as calls:
        assert platform.get("/Users", startIndex=2, count=2).status_code == 200
    assert [call.operation for call in calls] == ["BatchGetItem", "Scan", "Scan", "Scan"], "walked, read, counted"
