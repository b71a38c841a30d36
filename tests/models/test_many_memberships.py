"""A user with more organizers than fit on their item belongs to all of them, and leaves each of them at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from click.testing import CliRunner, Result

from chalicelib import credentials, limits
from chalicelib.models import (
    membership,
    membership_shards,
    organizer,
    organizer_members,
    store,
    user,
    user_erasure,
    user_organizers,
)
from chalicelib.models.membership import Membership
from chalicelib.models.user import User
from infra.commands import Operator, erasure
from infra.commands.organizers import organizers as organizers_group
from infra.commands.users import users
from tests.models.test_memberships import reindex
from tests.models.world import a_user

pytestmark = [pytest.mark.spec("docs/storage.md", "docs/architecture.md"), pytest.mark.usefixtures("engine")]
ON_USER = 2
Organizers = Callable[[int], list[str]]


@pytest.fixture(autouse=True)
def _only_two_fit_on_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MEMBERSHIPS_ON_USER_LIMIT", ON_USER)


@pytest.fixture
def organizers(engine: str) -> Organizers:
    def made(count: int) -> list[str]:
        mark = credentials.new_serial().lower()
        for number in range(count):
            organizer.create(f"{mark}-{number}", f"Hall {number}")
        return [f"{mark}-{number}" for number in range(count)]

    return made


def stored(user_id: str) -> User:
    found = store.read(User.key(user_id))[0]
    assert found is not None
    return found


def belongs_to(user_id: str) -> frozenset[str]:
    return user_organizers.of(stored(user_id))


def listed(user_id: str, slugs: list[str]) -> set[str]:
    """Those of these organizers that list the user."""
    return {slug for slug in slugs if user_id in set(membership.members(slug))}


def shards(user_id: str) -> list[Membership]:
    return [one for one in membership.all_memberships() if membership_shards.user_of(one) == user_id]


def with_shards(organizers: Organizers, count: int = 5) -> tuple[str, list[str]]:
    user_id, slugs = a_user().user_id, organizers(count)
    for slug in slugs:
        user.add_member(user_id, slug)
    return user_id, slugs


def test_user_joins_more_organizers_than_fit_on_the_user(organizers: Organizers) -> None:
    user_id, slugs = with_shards(organizers)
    found = stored(user_id)
    assert (found.memberships, found.has_more_memberships) == (set(slugs[:ON_USER]), True)
    assert user_organizers.of(found) == set(slugs)
    assert user_organizers.among(found, [slugs[0], slugs[4], "another"]) == {slugs[0], slugs[4]}
    assert listed(user_id, slugs) == set(slugs)
    for slug in slugs:  # once more changes nothing
        user.add_member(user_id, slug)
    assert belongs_to(user_id) == set(slugs)


def test_user_whose_organizers_fit_gets_no_shards(organizers: Organizers) -> None:
    user_id, _ = with_shards(organizers, ON_USER)
    assert stored(user_id).has_more_memberships is None
    assert shards(user_id) == []


def test_user_leaves_organizers_on_the_user_and_in_shards(organizers: Organizers) -> None:
    user_id, slugs = with_shards(organizers)
    user.remove_member(user_id, slugs[0])
    user.remove_member(user_id, slugs[3])
    user.remove_member(user_id, slugs[3])
    assert belongs_to(user_id) == {slugs[1], slugs[2], slugs[4]}
    assert listed(user_id, slugs) == {slugs[1], slugs[2], slugs[4]}
    user.add_member(user_id, slugs[3])  # where there is room again
    user.add_member(user_id, slugs[2])
    for slug in slugs:
        user.remove_member(user_id, slug)
    assert belongs_to(user_id) == frozenset()
    assert not user_organizers.has_any(stored(user_id))
    user.add_member(user_id, slugs[3])
    assert belongs_to(user_id) == {slugs[3]}


def test_organizer_that_is_in_the_set_and_in_a_shard_is_left_altogether(organizers: Organizers) -> None:
    user_id, slugs = with_shards(organizers)
    user.remove_member(user_id, slugs[0])
    user.add_member(user_id, slugs[4])  # finds room in the set, and stands in a shard already
    assert slugs[4] in (stored(user_id).memberships or ())
    user.remove_member(user_id, slugs[4])
    assert belongs_to(user_id) == {slugs[1], slugs[2], slugs[3]}


def test_who_knows_no_shards_yet_cannot_leave_a_membership_behind(organizers: Organizers) -> None:
    user_id, slugs = with_shards(organizers, ON_USER)
    before, (further,) = stored(user_id), organizers(1)
    user.add_member(user_id, further)
    with pytest.raises(store.ConditionFailed):
        store.write(*user.leaving(before, further))
    organizer_members.remove(further, [user_id])
    assert belongs_to(user_id) == set(slugs)
    assert listed(user_id, [further]) == set()


def test_members_are_added_and_removed_many_at_once(organizers: Organizers) -> None:
    user_id, slugs = with_shards(organizers)
    others = [a_user().user_id for _ in range(limits.SCIM_MEMBERS_AT_ONCE)]
    (further,) = organizers(1)
    organizer_members.add(further, [stored(one) for one in (user_id, *others)])
    assert set(membership.members(further)) == {user_id, *others}
    assert belongs_to(user_id) == {*slugs, further}
    organizer_members.remove(further, [user_id, *others])
    assert set(membership.members(further)) == set()
    assert belongs_to(user_id) == set(slugs)


def test_full_shard_takes_no_further_organizer(organizers: Organizers, monkeypatch: pytest.MonkeyPatch) -> None:
    user_id, slugs = with_shards(organizers, ON_USER + 1)
    monkeypatch.setattr(limits, "MEMBERSHIPS_PER_SHARD_LIMIT", 1)
    shard = membership_shards.key(user_id, slugs[-1])
    names = (f"{slugs[-1]}-{number}" for number in range(10_000))
    further = next(name for name in names if membership_shards.key(user_id, name) == shard)
    organizer.create(further, "In the same shard")
    assert user_organizers.is_full(stored(user_id), further)
    assert not user_organizers.is_full(stored(user_id), slugs[-1]), "who belongs to it already"
    with pytest.raises(store.ConditionFailed):
        user.add_member(user_id, further)
    assert listed(user_id, [further]) == set()
    user.add_member(user_id, slugs[-1])
    user.remove_member(user_id, slugs[-1])
    user.add_member(user_id, further)
    assert belongs_to(user_id) == {*slugs[:-1], further}


def test_organizer_that_does_not_exist_is_not_joined_in_a_shard(organizers: Organizers) -> None:
    user_id, slugs = with_shards(organizers)
    (deleted,) = organizers(1)
    organizer.delete(deleted)
    for slug in (deleted, deleted + "-made-up"):
        with pytest.raises(store.ConditionFailed):
            user.add_member(user_id, slug)
    for change in (user.add_member, user.remove_member):
        with pytest.raises(store.ConditionFailed):
            change("nobody", slugs[0])
    assert belongs_to(user_id) == set(slugs)


def test_erased_user_leaves_no_shard_and_is_on_no_list(organizers: Organizers) -> None:
    user_id, slugs = with_shards(organizers)
    found = stored(user_id)
    assert erasure.export(found)["users"][0]["memberships"] == sorted(slugs), "an export has all"
    user_erasure.erase(found)
    user_erasure.erase(found)
    assert shards(user_id) == []
    assert listed(user_id, slugs) == set()


def test_reindex_lists_members_in_shards_and_removes_shards_of_nobody(organizers: Organizers) -> None:
    user_id, slugs = with_shards(organizers)
    (other,) = organizers(1)
    nobody = credentials.new_id()
    membership.forget(user_id, slugs)
    store.write(membership.listed(other, user_id), membership_shards.joined(nobody, other))
    counted = reindex("--dry-run")
    assert (counted.exit_code, "delete 1 shards of users who do not exist" in counted.output) == (0, True)
    assert shards(nobody)
    assert listed(user_id, [*slugs, other]) == {other}
    ended = reindex()
    assert ended.exit_code == 0, ended.output
    assert listed(user_id, [*slugs, other]) == set(slugs)
    assert shards(nobody) == []
    assert belongs_to(user_id) == set(slugs)
    assert "Listed 0 members that were missing, and took 0 off that were none." in reindex().stdout


@pytest.mark.parametrize("engine", ["ministack"], indirect=True)
def test_simultaneous_joins_and_leaves_each_count(organizers: Organizers) -> None:
    for _ in range(3):
        user_id, slugs = a_user().user_id, organizers(16)
        for slug in slugs[:4]:
            user.add_member(user_id, slug)
        joining, leaving = slugs[4:12], slugs[:4]
        with ThreadPoolExecutor(12) as pool:
            acts = [pool.submit(user.add_member, user_id, slug) for slug in joining]
            acts += [pool.submit(user.remove_member, user_id, slug) for slug in leaving]
        assert [act.exception() for act in acts] == [None] * len(acts)
        assert belongs_to(user_id) == set(joining)
        assert listed(user_id, slugs) == set(joining)


@pytest.mark.parametrize("engine", ["ministack"], indirect=True)
def test_same_organizer_joined_and_left_at_once_is_a_membership_or_none(organizers: Organizers) -> None:
    user_id, slugs = with_shards(organizers, ON_USER)
    (further,) = organizers(1)
    for _ in range(10):  # the first time, the first shard is written at this moment
        with ThreadPoolExecutor(4) as pool:
            acts = [user.add_member, user.remove_member, user.add_member, user.remove_member]
            list(pool.map(lambda act: act(user_id, further), acts))
        is_member = further in belongs_to(user_id)
        assert (user_id in set(membership.members(further))) is is_member, "the list says what decides"
        user.remove_member(user_id, further)
        assert belongs_to(user_id) == set(slugs)


def test_commands_know_the_organizers_in_shards(organizers: Organizers) -> None:
    user_id, slugs = with_shards(organizers)
    email = stored(user_id).email

    def run(group: Any, *words: str) -> Result:
        return CliRunner().invoke(group, list(words), obj=Operator())

    listed_ = run(users, "list", "--organizer", slugs[-1])
    assert (listed_.exit_code, email in listed_.output) == (0, True), listed_.output
    assert run(organizers_group, "remove-member", slugs[-1], email).exit_code == 0
    again = run(organizers_group, "remove-member", slugs[-1], email)
    assert (again.exit_code, f"{email} does not belong to {slugs[-1]}." in again.output) == (2, True)
    assert run(organizers_group, "add-member", slugs[-1], email).exit_code == 0
    assert belongs_to(user_id) == set(slugs)
    deleted = run(organizers_group, "delete", slugs[3], "--yes")
    assert (deleted.exit_code, "which had 1 members" in deleted.output) == (0, True), deleted.output
    assert belongs_to(user_id) == set(slugs) - {slugs[3]}
    shown = run(users, "export", email)
    assert shown.exit_code == 0, repr(shown.exception)
    exported = json.loads(shown.output)
    assert exported["users"][0]["memberships"] == sorted(set(slugs) - {slugs[3]})
