"""Whoever is erased leaves all their organizers: each of them gets another version of its members."""

from __future__ import annotations

import pytest

from chalicelib import credentials
from chalicelib.models import organizer
from chalicelib.models import store as storage
from chalicelib.models.organizer import Organizer
from tests.store_proxy import Call, StoreProxy

pytestmark = [pytest.mark.spec("docs/platform/scim.md"), pytest.mark.usefixtures("engine")]
AT_ONCE = 100  # what DynamoDB takes in a transaction


def created(count: int) -> list[str]:
    mark = credentials.new_serial().lower()
    slugs = [f"{mark}-{number:03}" for number in range(count)]
    for slug in slugs:
        organizer.create(slug, slug)
    return slugs


def versions(slugs: list[str]) -> list[int | None]:
    """How often the members of these organizers changed, deleted ones too; None for one that does not exist."""
    stored = [list(storage.query(Organizer, slug, ended_too=True)) for slug in slugs]
    return [found[0].members_version or 0 if found else None for found in stored]


def sizes(calls: list[Call]) -> list[int]:
    """Of each write: how many organizers it changes."""
    return [len(call.body.get("TransactItems", [call])) for call in calls]


@pytest.mark.parametrize("engine", ["ministack"], indirect=True)
def test_more_organizers_than_fit_in_a_transaction_are_left_in_several(store: StoreProxy) -> None:
    slugs = created(AT_ONCE + 2)
    with store.count() as calls:
        organizer.note_leaving(slugs)
    assert sizes(calls) == [AT_ONCE, 2]
    assert versions(slugs) == [1] * len(slugs)


@pytest.mark.parametrize("engine", ["ministack"], indirect=True)
def test_batch_with_an_organizer_that_does_not_exist_is_left_one_by_one(store: StoreProxy) -> None:
    slugs = created(AT_ONCE + 1)
    never = slugs[0] + "-never"  # in the first batch, whose last organizer moves to the second
    with store.count() as calls:
        organizer.note_leaving([*slugs, never])
    assert sizes(calls) == [AT_ONCE, *[1] * AT_ONCE, 2]
    assert versions(slugs) == [1] * len(slugs)
    assert versions([never]) == [None]


def test_deleted_organizer_is_left_too_and_one_that_does_not_exist_is_not_made() -> None:
    slugs = created(3)
    organizer.delete(slugs[-1])
    organizer.note_leaving([*slugs, slugs[1] + "-never"])
    assert versions([*slugs, slugs[1] + "-never"]) == [1, 1, 1, None]
    organizer.note_leaving([])
    assert versions(slugs) == [1, 1, 1]
