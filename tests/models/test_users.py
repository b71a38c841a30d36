"""An email address belongs to one user, and users belong to organizers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from argon2 import PasswordHasher

from chalicelib import credentials
from chalicelib.models import linked_identity, organizer, store, user, user_erasure, user_organizers, user_password
from chalicelib.models.linked_identity import PER_USER_LIMIT, Identity
from chalicelib.models.user import User
from tests.models.world import a_user

pytestmark = pytest.mark.spec("docs/storage.md")


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("spelling", ["{0}@example.org", "{0}@EXAMPLE.org", " {0}@example.org "])
def test_email_address_belongs_to_one_user_however_it_is_spelled(spelling: str) -> None:
    name = credentials.new_serial().lower()
    made = a_user(f"{name}@Example.org")
    with pytest.raises(store.ConditionFailed):
        a_user(spelling.format(name))
    found = user.find_by_email(spelling.format(name))
    assert found
    assert found.user_id == made.user_id
    assert found.email == f"{name}@Example.org"


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("email", ["nobody@example.org", "", " ", "-", "x" * 500])
def test_unknown_email_address_finds_nobody(email: str) -> None:
    assert user.find_by_email(email) is None


def test_of_many_users_who_take_an_address_at_once_exactly_one_gets_it() -> None:
    for _ in range(3):
        email = f"{credentials.new_id()}@example.org"

        def take(_: int, email: str = email) -> User | None:
            try:
                return a_user(email)
            except store.ConditionFailed:
                return None

        with ThreadPoolExecutor(16) as pool:
            made = [one for one in pool.map(take, range(16)) if one]
        assert len(made) == 1
        found = user.find_by_email(email)
        assert found
        assert found.user_id == made[0].user_id


@pytest.mark.usefixtures("engine")
def test_user_joins_and_leaves_organizers_that_exist() -> None:
    made = a_user()
    slug = credentials.new_serial().lower()
    with pytest.raises(store.ConditionFailed):
        user.add_member(made.user_id, slug)
    organizer.create(slug, "Big Events LLC")
    with pytest.raises(store.ConditionFailed):
        organizer.create(slug, "Another")
    with pytest.raises(store.ConditionFailed):
        user.add_member("nobody", slug)
    for _ in range(2):
        user.add_member(made.user_id, slug)
    assert user_organizers.of(_read(made)) == {slug}
    user.remove_member(made.user_id, slug)
    assert user_organizers.of(_read(made)) == frozenset()
    assert store.read(User.key("nobody"))[0] is None


@pytest.mark.spec("docs/security.md")
@pytest.mark.usefixtures("engine")
def test_slug_names_one_organizer_permanently() -> None:
    made, slug = a_user(), credentials.new_serial().lower()
    organizer.create(slug, "Big Events LLC")
    organizer.delete(slug)
    assert organizer.get(slug) is None
    assert organizer.get_all([slug]) == []
    assert organizer.is_taken(slug)
    for change in (
        lambda: organizer.create(slug, "Others"),
        lambda: organizer.rename(slug, "Others"),
        lambda: organizer.delete(slug),
        lambda: user.add_member(made.user_id, slug),
    ):
        with pytest.raises(store.ConditionFailed):
            change()
    assert not organizer.is_taken(slug + "-2")
    organizer.forget(slug)
    assert not organizer.is_taken(slug)


@pytest.mark.usefixtures("engine")
def test_user_is_disabled_and_gets_another_password() -> None:
    made = a_user()
    serial, device_key = made.password_serial, made.device_key
    user_password.change_password(_read(made), "another horse")
    changed = _read(made)
    assert credentials.password_matches("another horse", changed.password_hash)
    assert changed.password_serial != serial
    assert changed.device_key not in (device_key, None)
    user.disable(made.user_id)
    assert not _read(made).active
    for change in (lambda: user.disable("nobody"), lambda: user_password.change_password(_read(made), "x" * 8)):
        with pytest.raises(store.ConditionFailed):
            change()


@pytest.mark.usefixtures("engine")
def test_update_made_by_a_sign_in_never_overwrites_a_new_password() -> None:
    made = a_user()
    weaker = PasswordHasher(time_cost=1, memory_cost=64).hash("correct horse")
    store.change(User.key(made.user_id), [User.password_hash.set(weaker), User.device_key.remove()])
    late, in_time = _read(made), _read(made)
    user_password.bring_up_to_date(in_time, "correct horse")
    first = _read(made)
    assert first.password_hash == in_time.password_hash != weaker
    assert first.device_key == in_time.device_key
    assert first.password_serial == made.password_serial
    assert credentials.password_matches("correct horse", first.password_hash)
    user_password.bring_up_to_date(late, "correct horse")  # at the same moment, in another browser
    assert _read(made).password_hash == first.password_hash
    assert _read(made).device_key == first.device_key
    assert late.device_key is None
    user_password.change_password(first, "another horse")
    user_password.bring_up_to_date(late, "correct horse")
    assert credentials.password_matches("another horse", _read(made).password_hash)


def _read(of: User) -> User:
    found = store.read(User.key(of.user_id))[0]
    assert found
    return found


@pytest.mark.usefixtures("engine")
def test_linked_identity_belongs_to_one_user_and_finds_them() -> None:
    identity = Identity("https://accounts.example.com", credentials.new_id())
    mine, other = a_user(), a_user()
    user.link(mine.user_id, identity)
    user.link(mine.user_id, identity)
    with pytest.raises(store.ConditionFailed):
        user.link(other.user_id, identity)
    with pytest.raises(store.ConditionFailed):
        user.unlink(other, identity)
    found = user.find_by_identity(identity)
    assert found
    assert (found.user_id, found.identities) == (mine.user_id, (identity,))
    user.unlink(_read(mine), identity)
    assert user.find_by_identity(identity) is None
    user.link(other.user_id, identity)


@pytest.mark.usefixtures("engine")
def test_identity_is_not_removed_if_another_was_removed_since_the_user_was_read() -> None:
    first, second = (Identity("https://accounts.example.com", credentials.new_id()) for _ in range(2))
    mine = a_user()
    for identity in (first, second):
        user.link(mine.user_id, identity)
    in_one_tab, in_another = _read(mine), _read(mine)
    user.unlink(in_one_tab, first)
    with pytest.raises(store.ConditionFailed):
        user.unlink(in_another, second)
    assert _read(mine).identities == (second,)


@pytest.mark.usefixtures("engine")
def test_user_has_only_so_many_linked_identities() -> None:
    made = a_user()
    identities = [Identity("platform", credentials.new_id()) for _ in range(PER_USER_LIMIT + 1)]
    for identity in identities[:-1]:
        user.link(made.user_id, identity)
    with pytest.raises(store.ConditionFailed):
        user.link(made.user_id, identities[-1])
    user.link(made.user_id, identities[0])
    assert user.find_by_identity(identities[-1]) is None


@pytest.mark.usefixtures("engine")
def test_new_user_is_not_stored_if_their_identity_is_taken_and_an_erased_users_is_free() -> None:
    identity, email = Identity("platform", credentials.new_id()), f"{credentials.new_id()}@example.org"
    first = a_user()
    user.link(first.user_id, identity)
    described: dict[str, Any] = {
        "fullname": "New",
        "locale": "en",
        "timezone": "UTC",
        "linked_identities": {str(identity)},
    }
    with pytest.raises(store.ConditionFailed):
        user.add(user.made(email, credentials.NO_PASSWORD, **described))
    assert user.find_by_email(email) is None
    user_erasure.erase(first)  # as it was read before the identity was linked
    user.add(user.made(email, credentials.NO_PASSWORD, **described))
    found = user.find_by_identity(identity)
    assert found
    assert found.email == email
    assert not found.has_password


@pytest.mark.parametrize("subject", ["", " 4711", "47\n11", "x" * 256])
def test_subject_that_cannot_be_one_is_refused(subject: str) -> None:
    with pytest.raises(ValueError, match="printable"):
        linked_identity.check_subject(subject)
