"""The store exchanges a code once, refreshes a grant, and ends it for good."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib import limits
from chalicelib.models import (
    access_token,
    application,
    application_deletion,
    application_edit,
    authorization_code,
    grant,
    grant_ending,
    store,
    user,
)
from chalicelib.models.access_token import AccessToken
from chalicelib.models.authorization_code import AlreadyUsed, AuthorizationCode, NoLongerAllowed
from chalicelib.models.grant import Grant
from tests.conftest import Clock
from tests.models.world import a_code, a_grant, a_user, an_access_token, its_application

AT_ONCE = 16


def stored(made: Grant) -> tuple[Grant | None, AccessToken | None]:
    return store.read(Grant.key(made.grant_id), AccessToken.key(made.grant_id))


@pytest.fixture
def held(engine: str) -> tuple[Grant, AccessToken]:
    code, _ = a_code(a_user())
    made, token = a_grant(code)
    authorization_code.exchange(code, made, token, its_application(code))
    return made, token


@pytest.mark.spec("RFC 6749 §10.5", "RFC 6749 §4.1.2")
@pytest.mark.usefixtures("engine")
def test_exchange_marks_the_code_and_stores_the_grant_with_its_access_token() -> None:
    code, _ = a_code(a_user())
    made, token = a_grant(code)
    authorization_code.exchange(code, made, token, its_application(code))
    kept, live = stored(made)
    assert kept
    assert live
    assert (kept.refresh_digest, live.token_digest) == (made.refresh_digest, token.token_digest)
    assert kept.organizers == live.organizers == {"big-events"}
    used = store.read(AuthorizationCode.key(code.code_digest))[0]
    assert used
    assert used.is_used
    assert used.grant_id == made.grant_id


@pytest.mark.spec("RFC 6749 §4.1.2", "RFC 6749 §10.5")
@pytest.mark.usefixtures("engine")
def test_second_exchange_stores_nothing_and_names_the_grant_of_the_first() -> None:
    code, _ = a_code(a_user())
    first, second = a_grant(code), a_grant(code)
    authorization_code.exchange(code, *first, its_application(code))
    with pytest.raises(AlreadyUsed) as raised:
        authorization_code.exchange(code, *second, its_application(code))
    assert raised.value.grant_id == first[0].grant_id
    assert stored(second[0]) == (None, None)
    assert None not in stored(first[0])


@pytest.mark.spec("RFC 9700 §4.8.2")
@pytest.mark.usefixtures("engine")
def test_used_up_code_makes_no_grant() -> None:
    code, _ = a_code(a_user())
    for _ in range(2):
        authorization_code.spend(code)
    with pytest.raises(AlreadyUsed) as raised:
        authorization_code.exchange(code, *a_grant(code), its_application(code))
    assert raised.value.grant_id is None


@pytest.mark.spec("docs/architecture.md")
@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize(
    "take_back",
    [lambda code: grant.take_back(code.user_id, code.client_id), lambda code: user.disable(code.user_id)],
    ids=["consent ended", "user disabled"],
)
def test_code_is_void_once_the_user_is_disabled_or_revokes_the_consent(
    take_back: Callable[[AuthorizationCode], None],
) -> None:
    code, _ = a_code(a_user())
    take_back(code)
    made = a_grant(code)
    with pytest.raises(NoLongerAllowed):
        authorization_code.exchange(code, *made, its_application(code))
    assert stored(made[0]) == (None, None)


@pytest.mark.spec("docs/architecture.md")
@pytest.mark.usefixtures("engine")
def test_code_is_void_once_the_operator_ended_the_consents_of_its_application() -> None:
    code, given = a_code(a_user())
    made, of = a_grant(code), its_application(code)
    of.void_before = given.created_at
    with pytest.raises(NoLongerAllowed):
        authorization_code.exchange(code, *made, of)
    assert stored(made[0]) == (None, None)
    of.void_before = given.created_at - 1
    authorization_code.exchange(code, *made, of)
    assert None not in stored(made[0])


@pytest.mark.spec("docs/architecture.md", "RFC 6749 §4.1")
@pytest.mark.usefixtures("engine")
def test_two_tabs_that_allow_at_once_do_not_overwrite_each_other() -> None:
    person = a_user()
    code, _ = a_code(person)
    with pytest.raises(store.ConditionFailed):
        a_code(person, code.client_id)
    authorization_code.give_again(code, its_application(code))
    grant.take_back(person.user_id, code.client_id)
    with pytest.raises(store.ConditionFailed):
        authorization_code.give_again(code, its_application(code))


@pytest.mark.spec("docs/architecture.md", "RFC 6749 §6")
def test_refresh_replaces_the_access_token(held: tuple[Grant, AccessToken]) -> None:
    made, first = held
    second = an_access_token(made)
    grant.refresh(made, second)
    live = stored(made)[1]
    assert live
    assert live.token_digest == second.token_digest != first.token_digest


@pytest.mark.spec("docs/architecture.md", "RFC 7009 §2.2", "RFC 6749 §6")
def test_ended_grant_cannot_be_refreshed(held: tuple[Grant, AccessToken]) -> None:
    made, _ = held
    for _ in range(2):
        grant_ending.end(made)
    assert stored(made) == (None, None)
    with pytest.raises(store.ConditionFailed):
        grant.refresh(made, an_access_token(made))
    grant.touch(made)
    assert stored(made) == (None, None)


@pytest.mark.spec("RFC 7009 §2.2")
def test_revoking_a_replaced_token_leaves_its_successor(held: tuple[Grant, AccessToken]) -> None:
    made, first = held
    second = an_access_token(made)
    grant.refresh(made, second)
    access_token.revoke(first)
    assert stored(made)[1]
    access_token.revoke(second)
    kept, live = stored(made)
    assert kept
    assert live is None


@pytest.mark.spec("docs/architecture.md", "RFC 6749 §4.1")
def test_revoking_a_consent_ends_the_users_grants_for_one_application_only(held: tuple[Grant, AccessToken]) -> None:
    made, _ = held
    person = store.read(user.User.key(made.user_id))[0]
    assert person
    elsewhere, _ = a_code(person)
    other = a_grant(elsewhere)
    authorization_code.exchange(elsewhere, *other, its_application(elsewhere))
    assert len(list(grant.held_by(made.user_id))) == 2
    grant.take_back(made.user_id, made.client_id)
    assert stored(made) == (None, None)
    assert [kept.grant_id for kept in grant.held_by(made.user_id)] == [other[0].grant_id]


@pytest.mark.spec("docs/architecture.md", "RFC 6749 §4.1")
def test_use_of_a_grant_is_recorded_once_an_hour(held: tuple[Grant, AccessToken], clock: Clock) -> None:
    made, _ = held
    seen = []
    for seconds in (0, limits.GRANT_TOUCH_SECONDS - 10, 20, 20):
        clock.advance(seconds)
        kept = stored(made)[0]
        assert kept
        grant.touch(kept)
        kept = stored(made)[0]
        assert kept
        seen.append(kept.last_used_at)
    assert seen[0] == seen[1] == made.last_used_at
    assert seen[2] == seen[3]
    assert seen[2] >= made.last_used_at + limits.GRANT_TOUCH_SECONDS


@pytest.mark.spec("docs/architecture.md")
def test_grant_is_valid_only_while_its_user_and_application_are_active(held: tuple[Grant, AccessToken]) -> None:
    made, token = held
    assert grant.standing(made.grant_id) is None, "the application does not exist yet"
    application.create(made.client_id, owner_id="x", name="A shop", redirect_uris=["https://shop.example.com/"])
    found = grant.standing(made.grant_id)
    assert found
    assert found.is_good
    assert found.access_token
    assert found.access_token.token_digest == token.token_digest
    application_edit.disable(made.client_id)
    found = grant.standing(made.grant_id)
    assert found
    assert not found.is_good
    application_deletion.delete(made.client_id)
    found = grant.standing(made.grant_id)
    assert found
    assert found.application.is_deleted
    assert not found.is_good


@pytest.mark.spec("RFC 6749 §10.5", "RFC 6749 §4.1.2")
def test_of_many_exchanges_at_once_exactly_one_succeeds() -> None:
    for _ in range(5):
        code, _ = a_code(a_user())
        gate = threading.Barrier(AT_ONCE)
        made = [a_grant(code) for _ in range(AT_ONCE)]

        def exchange(
            one: tuple[Grant, AccessToken], code: AuthorizationCode = code, gate: threading.Barrier = gate
        ) -> str | None:
            gate.wait()
            try:
                authorization_code.exchange(code, *one, its_application(code))
            except AlreadyUsed as error:
                return error.grant_id
            return None

        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = list(pool.map(exchange, made))
        assert answers.count(None) == 1
        winner = made[answers.index(None)][0]
        assert {answer for answer in answers if answer} == {winner.grant_id}
        assert [kept.grant_id for kept in grant.held_by(code.user_id)] == [winner.grant_id]
