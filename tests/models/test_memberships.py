"""An organizer's members are listed, and the list follows the users' own memberships."""

from __future__ import annotations

from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from chalicelib import credentials
from chalicelib.models import membership, organizer, store, user, user_erasure
from chalicelib.models.membership import Membership
from chalicelib.models.user import User
from infra.commands import Operator
from infra.commands.members import organizers_reindex
from tests.models.world import a_user

pytestmark = [pytest.mark.spec("docs/storage.md"), pytest.mark.usefixtures("engine")]


@pytest.fixture
def slug(engine: str) -> str:
    made = credentials.new_serial().lower()
    organizer.create(made, "Big Events LLC")
    return made


def reindex(*options: str) -> Result:
    command: Any = click.Group(commands={"reindex": organizers_reindex})
    return CliRunner().invoke(command, ["reindex", *options], obj=Operator())


def test_members_are_listed_page_by_page_as_they_join_and_leave(slug: str) -> None:
    joined = sorted(a_user().user_id for _ in range(3))
    for user_id in joined:
        user.add_member(user_id, slug)
        user.add_member(user_id, slug)
    assert list(membership.members(slug)) == joined
    assert list(membership.members(slug, most=2)) == joined[:2]
    assert list(membership.members(slug, after=joined[1])) == joined[2:]
    user.remove_member(joined[1], slug)
    assert list(membership.members(slug)) == [joined[0], joined[2]]


def test_user_who_is_created_with_organizers_is_among_their_members(slug: str) -> None:
    described: dict[str, Any] = {"fullname": "Ann", "locale": "en", "timezone": "UTC", "memberships": {slug}}
    made = user.made(f"{credentials.new_id()}@example.org", credentials.NO_PASSWORD, **described)
    user.add(made)
    assert list(membership.members(slug)) == [made.user_id]


def test_as_many_organizers_as_a_new_user_may_have_fit_into_one_transaction(slug: str) -> None:
    slugs = {f"{slug}-{number}" for number in range(user.MEMBERSHIPS_AT_ONCE)}
    for each in slugs:
        organizer.create(each, "One of many")
    described: dict[str, Any] = {"fullname": "Ann", "locale": "en", "timezone": "UTC", "memberships": slugs}
    identities = {f"https://idp.example.com {number}" + credentials.new_id() for number in range(10)}
    made = user.made(f"{credentials.new_id()}@example.org", "!", linked_identities=identities, **described)
    user.add(made, claim=store.Put(Membership(slug="a claim", user_id=made.user_id)))
    assert all(list(membership.members(each)) == [made.user_id] for each in slugs)


def test_erased_user_is_no_member_any_more(slug: str) -> None:
    made = a_user()
    user.add_member(made.user_id, slug)
    user_erasure.erase(made)
    assert list(membership.members(slug)) == []


@pytest.mark.spec("docs/deploy/upgrade.md")
def test_reindex_lists_the_members_that_an_older_version_stored_and_removes_ghosts(slug: str) -> None:
    older, ghost = a_user(), credentials.new_id()
    store.change(User.key(older.user_id), [User.memberships.add({slug})])
    stranger = a_user().user_id
    store.write(membership.listed(slug, ghost), membership.listed(slug, stranger))
    counted = reindex("--dry-run")
    assert counted.exit_code == 0, counted.output
    assert set(membership.members(slug)) == {ghost, stranger}, "a dry run changes nothing"
    ended = reindex()
    assert ended.exit_code == 0, ended.output
    assert list(membership.members(slug)) == [older.user_id]
    assert "Listed 0 members that were missing, and took 0 off that were none." in reindex().stdout
