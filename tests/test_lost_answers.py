"""If the store carries out a write and its response is lost, the retry does not mistake the effect for somebody
else's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from chalicelib import limits
from chalicelib.models import application, application_access, application_edit, organizer, user, user_organizers
from chalicelib.models.device_request import DeviceRequest
from chalicelib.models.store import ConditionFailed, read
from chalicelib.models.store import change as change_item
from chalicelib.protocol.authorization import device as device_rules
from tests.account.test_password_change import NEW, change
from tests.account.test_sessions import another_browser, is_signed_in, sessions
from tests.actors import Browser, ClientApp, Person
from tests.conftest import Clock
from tests.endpoints.test_authorize_pkce import VERIFIER, challenge_of, code_for
from tests.flows.test_device import Device, registered
from tests.store_proxy import Fault, StoreProxy

pytestmark = pytest.mark.spec("docs/reliability.md")


@contextmanager
def lost_answer(store: StoreProxy) -> Iterator[None]:
    """Lose the first response to a transaction, and check that it is sent again under the same request token."""
    with store.fault(Fault.LOSES_ANSWER, "TransactWriteItems", times=1), store.count() as calls:
        yield
    tried = [call.body for call in calls if call.operation == "TransactWriteItems"]
    assert tried[0]["ClientRequestToken"] == tried[1]["ClientRequestToken"]
    assert tried[0]["TransactItems"] == tried[1]["TransactItems"]


@pytest.fixture
def tv(a_browser: Callable[..., Browser]) -> Device:
    return registered(a_browser())


def device_item(started: dict[str, str]) -> DeviceRequest:
    key = device_rules.key_of(started["user_code"])
    assert key is not None
    (found,) = read(key)
    assert found is not None
    return found


@pytest.mark.parametrize("keep_old_seconds", ["0", "86400"])
def test_regenerated_secret_is_shown_and_works_even_if_a_response_is_lost(
    john: Browser, store: StoreProxy, keep_old_seconds: str
) -> None:
    mine = john.register_application("Mine")
    old = mine.secret
    page = john.open(f"/settings/applications/{mine.client_id}/secret")
    with lost_answer(store):
        page = john.press(page, "Regenerate secret", keep_old_seconds=keep_old_seconds)
    shown = page.html.find(id="client-secret")
    assert page.status == 200, page.text
    assert shown is not None
    mine.secret = shown.get_text()
    assert mine.exchange("x").json()["error"] == "invalid_grant", "the new secret works"
    mine.secret = old
    expected = "invalid_client" if keep_old_seconds == "0" else "invalid_grant"
    assert mine.exchange("x").json()["error"] == expected


def test_previous_secret_is_ended_even_if_a_response_is_lost(john: Browser, store: StoreProxy) -> None:
    mine = john.register_application("Mine")
    page = john.open(f"/settings/applications/{mine.client_id}/secret")
    john.press(page, "Regenerate secret", keep_old_seconds="86400")
    page = john.open(f"/settings/applications/{mine.client_id}")
    with lost_answer(store):
        assert john.press(page, "End").status == 200
    assert mine.exchange("x").json()["error"] == "invalid_client"


def test_application_is_edited_and_deleted_even_if_a_response_is_lost(john: Browser, store: StoreProxy) -> None:
    path = f"/settings/applications/{john.register_application('Mine').client_id}"
    with lost_answer(store):
        assert john.press(john.open(path), "Save", name="Ours").status == 200
    assert "Ours" in john.open("/settings/applications").text
    with lost_answer(store):
        assert john.press(john.open(path + "/delete"), "Delete application").path == "/settings/applications"
    assert john.open(path).status == 404


def test_password_change_is_not_refused_even_if_a_response_is_lost(john: Browser, store: StoreProxy) -> None:
    with lost_answer(store):
        page = change(john)
    assert page.title == "Security", page.text
    assert Browser(john.base_url, john.person).sign_in(password=NEW).status == 200


def test_profile_is_saved_even_if_a_response_is_lost(john: Browser, store: StoreProxy) -> None:
    page = john.open("/settings/profile")
    with lost_answer(store):
        assert john.press(page, "Save", fullname="Jane Doe").status == 200
    assert john.open("/settings/profile").field("fullname") == "Jane Doe"


@pytest.mark.parametrize("fault", [Fault.LOSES_ANSWER, Fault.BAD_CHECKSUM])
def test_session_is_ended_even_if_a_response_is_lost(john: Browser, store: StoreProxy, fault: Fault) -> None:
    other = another_browser(john)
    page = john.open("/settings/security")
    with store.fault(fault, "DeleteItem", times=1):
        page = john.press(page, "Sign out everywhere else")
    assert len(sessions(page)) == 1
    assert not is_signed_in(other)


@pytest.mark.spec("RFC 8628 §3.5")
def test_device_is_denied_rather_than_expired_even_if_a_response_is_lost(
    john: Browser, tv: Device, store: StoreProxy
) -> None:
    started = tv.start()
    page = john.open(started["verification_uri_complete"])
    with lost_answer(store):
        page = john.press(page, "Deny")
    assert page.status == 200, page.text
    assert tv.poll(started["device_code"]).json()["error"] == "access_denied"


def test_device_is_allowed_even_if_a_response_is_lost(john: Browser, tv: Device, store: StoreProxy) -> None:
    started = tv.start()
    page = john.open(started["verification_uri_complete"])
    with lost_answer(store):
        assert john.allow(page, "Big Events LLC").status == 200
    assert tv.poll(started["device_code"]).status_code == 200


@pytest.mark.spec("RFC 8628 §3.5")
def test_device_that_polls_on_time_is_not_slowed_down_even_if_a_response_is_lost(
    tv: Device, store: StoreProxy, clock: Clock
) -> None:
    started = tv.start()
    for _ in range(3):
        with lost_answer(store):
            assert tv.poll(started["device_code"]).json()["error"] == "authorization_pending"
        clock.advance(5)
    assert device_item(started).interval_seconds == 5


@pytest.mark.spec("RFC 8628 §3.5")
def test_device_that_polls_too_soon_is_slowed_down_once_even_if_a_response_is_lost(
    tv: Device, store: StoreProxy
) -> None:
    started = tv.start()
    tv.poll(started["device_code"])
    with lost_answer(store):  # the response to the write that is refused because it came too soon
        assert tv.poll(started["device_code"]).json()["error"] == "slow_down"
    assert device_item(started).interval_seconds == 10
    slower = [DeviceRequest.interval_seconds.add(5)]
    with lost_answer(store):  # the response to the write that slows the device down
        change_item(device_item(started).own_key, [*slower], DeviceRequest.request_id.exists())
    assert device_item(started).interval_seconds == 15


@pytest.mark.spec("RFC 7636 §4.2", "RFC 9700 §4.8.2")
def test_wrong_verifier_uses_up_the_code_even_if_a_response_is_lost(
    john: Browser, shop: ClientApp, store: StoreProxy
) -> None:
    code = code_for(john, shop, challenge_of(VERIFIER))
    with lost_answer(store):
        assert shop.exchange(code, code_verifier="x" * 43).json()["error"] == "invalid_grant"
    assert shop.exchange(code, code_verifier=VERIFIER).json()["error"] == "invalid_grant"


def test_operators_command_is_not_refused_even_if_a_response_is_lost(
    shop: ClientApp, a_person: Callable[..., Person], store: StoreProxy
) -> None:
    person, client_id = a_person("An organizer"), shop.client_id
    (slug,) = person.organizers
    acts: list[Callable[[], object]] = [
        lambda: application_edit.disable(client_id),
        lambda: application_edit.enable(client_id),
        lambda: application_edit.serve_resource(client_id, "https://api.example.com/"),
        lambda: application_access.allow(client_id, ["read"], [slug]),
        lambda: organizer.rename(slug, "Another name"),
        lambda: organizer.create(slug + "-2", "A second"),
        lambda: user.remove_member(person.user_id, slug),
        lambda: user.add_member(person.user_id, slug + "-2"),
        lambda: user.disable(person.user_id),
        lambda: user.enable(person.user_id),
        lambda: user.edit(person.user_id, fullname="Jane", locale="de", timezone="UTC"),
    ]
    for act in acts:
        with lost_answer(store):
            act()
    found, mine = user.find_by_email(person.email), application.get(client_id)
    assert found is not None
    assert mine is not None
    assert (found.active, found.fullname, set(user_organizers.of(found))) == (True, "Jane", {slug + "-2"})
    assert (mine.active, mine.resource, mine.own_scopes) == (True, "https://api.example.com/", {"read"})
    assert [made.name for made in organizer.get_all([slug, slug + "-2"])] == ["Another name", "A second"]


def test_membership_in_a_shard_begins_and_ends_once_even_if_a_response_is_lost(
    a_person: Callable[..., Person], store: StoreProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = a_person("An organizer")
    (slug,) = person.organizers
    monkeypatch.setattr(limits, "MEMBERSHIPS_ON_USER_LIMIT", 1)
    for further in ("-2", "-3"):
        organizer.create(slug + further, "Another")

    def belongs_to() -> set[str]:
        found = user.find_by_email(person.email)
        assert found is not None
        return set(user_organizers.of(found))

    for act, further, expected in (
        (user.add_member, "-2", {slug, slug + "-2"}),  # the first shard
        (user.add_member, "-3", {slug, slug + "-2", slug + "-3"}),
        (user.remove_member, "-2", {slug, slug + "-3"}),
        (user.remove_member, "", {slug + "-3"}),
    ):
        # Of the two transactions, the first is refused: the set is full, or there are shards.
        with store.fault(Fault.LOSES_ANSWER, "TransactWriteItems", times=1, passed=1), store.count() as calls:
            act(person.user_id, slug + further)
        sent = [call.body for call in calls if call.operation == "TransactWriteItems"]
        assert [one["ClientRequestToken"] == sent[1]["ClientRequestToken"] for one in sent] == [False, True, True]
        assert belongs_to() == expected


def test_failed_condition_is_still_refused_even_if_a_response_is_lost(store: StoreProxy) -> None:
    with store.fault(Fault.LOSES_ANSWER, "TransactWriteItems", times=1), pytest.raises(ConditionFailed):
        user.disable("nobody")
