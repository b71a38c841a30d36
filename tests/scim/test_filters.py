"""Filters that ask about members and groups, and lists that a filter found."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chalicelib import limits
from chalicelib.models import user
from tests.actors import Person
from tests.people import create_organizer
from tests.scim.platform_server import PlatformServer
from tests.scim.test_users import refused

SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"


@pytest.mark.spec("RFC 7644 §3.4.2.2")
def test_filter_tells_whether_a_user_belongs_to_a_group(
    platform: PlatformServer, a_person: Callable[..., Person], mark: str
) -> None:
    ann, bob, eve = (a_person().user_id for _ in range(3))
    made = platform.make_group(mark, externalId=mark, members=[{"value": ann}, {"value": bob}])
    for asked, is_found in (
        (f'id eq "{mark}" and members eq "{ann}"', True),  # as Microsoft Entra asks
        (f'id eq "{mark}" and members eq "{eve}"', False),
        (f'externalId eq "{mark}" and members.value eq "{bob}"', True),
        (f'id eq "{mark}" and members[value eq "{ann}"]', True),
        (f'members.value eq "{ann}" and members.value eq "{bob}"', True),
        (f'members.value eq "{ann}" and members.value eq "{eve}"', False),
        (f'id eq "{mark}" and (members.value eq "{eve}" or members.value eq "{bob}")', True),
        (f'id eq "{mark}" and not (members.value eq "{ann}")', False),
        (f'id eq "{mark}" and not (members.value eq "nobody")', True),
    ):
        found = platform.get("/Groups", filter=asked, attributes="id").json()
        assert found["totalResults"] == is_found, asked
        assert [one["id"] for one in found["Resources"]] == [made["id"]] * is_found
    for asked in (
        f'id eq "{mark}" and members pr',
        f'id eq "{mark}" and members.value sw "a"',
        f'id eq "{mark}" and members[type eq "User"]',
    ):
        assert refused(platform.get("/Groups", filter=asked)) == (400, "invalidFilter"), asked


@pytest.mark.spec("RFC 7644 §3.4.2.2", "RFC 7644 §3.12")
def test_members_of_a_group_that_are_too_many_to_filter_are_not_cut_off(
    platform: PlatformServer, a_person: Callable[..., Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    slug, _ = create_organizer("A Group")
    for _ in range(3):
        user.add_member(a_person().user_id, slug)
    asked = f'groups.value eq "{slug}" and active eq true'
    assert platform.get("/Users", filter=asked).json()["totalResults"] == 3
    monkeypatch.setattr(limits, "SCIM_PARTS_LIMIT", 2)
    assert refused(platform.get("/Users", filter=asked)) == (400, "tooMany")
    assert platform.get("/Users", filter=f'groups.value eq "{slug}"').json()["totalResults"] == 3


@pytest.mark.spec("RFC 9865 §2")
def test_cursor_leads_through_everything_that_a_filter_found(platform: PlatformServer, mark: str) -> None:
    same = sorted(
        platform.make_user(f"{number}-{mark}@example.org", displayName=f"Ann {mark}")["id"] for number in range(5)
    )
    asked = {"filter": f'displayName eq "Ann {mark}"', "count": "2"}
    seen, cursor = [], ""
    while cursor is not None:
        page = platform.get("/Users", **asked, cursor=cursor).json()
        seen += [one["id"] for one in page["Resources"]]
        cursor = page.get("nextCursor")
    assert seen == same
    first = platform.get("/Users", **asked, cursor="").json()["nextCursor"]
    assert refused(platform.get("/Users", **asked, cursor="made-up")) == (400, "invalidCursor")
    assert refused(platform.get("/Users", cursor=first)) == (400, "invalidCursor"), "another list's"
    by_index = platform.get("/Users", **asked, startIndex="5").json()
    assert ([one["id"] for one in by_index["Resources"]], by_index["totalResults"]) == (same[4:], 5)


@pytest.mark.spec("RFC 7644 §3.12")
def test_filter_that_is_too_long_to_read_is_refused(platform: PlatformServer) -> None:
    long = " and ".join(['userName eq "ann"'] * 5000)
    for path in ("/Users", "/Groups"):
        answer = platform.call("POST", f"{path}/.search", {"schemas": [SEARCH], "filter": long})
        assert refused(answer) == (400, "invalidFilter")
