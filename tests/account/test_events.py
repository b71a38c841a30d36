"""/settings/security shows an account's owner its history, newest first."""

from __future__ import annotations

import pytest

from chalicelib import limits
from tests.actors import Browser, ClientApp, Page
from tests.conftest import Clock
from tests.mailbox import Mailbox
from tests.store_proxy import Fault, StoreProxy

PATH = "/settings/security"

pytestmark = pytest.mark.spec("docs/storage.md")


def events(page: Page) -> list[str]:
    return page.listed("events")


def test_history_lists_a_sign_in_with_its_address_and_browser(john: Browser) -> None:
    (event,) = events(john.open(PATH))
    assert event.startswith("Signed in")
    assert "127.0.0.1" in event
    assert "python-requests" in event


def test_sign_in_entry_says_how_many_tries_failed_before_it(john: Browser) -> None:
    for _ in range(3):
        john.sign_out()
        john.sign_in(password="wrong")
        john.sign_in(password="wrong")
        john.sign_in()
    newest = events(john.open(PATH))[0]
    assert newest.startswith("Signed in after 2 failed tries")


@pytest.mark.spec("docs/security.md")
def test_failed_tries_are_reported_once_at_the_next_sign_in_however_late(john: Browser, clock: Clock) -> None:
    john.sign_out()
    john.sign_in(password="wrong")
    clock.advance(3 * 86_400)
    john.sign_in(password="wrong")
    clock.advance(20 * 86_400)
    john.sign_in()
    john.sign_out()
    john.sign_in()
    newest = events(john.open(PATH))
    assert newest[1].startswith("Signed in after 2 failed tries")
    assert "failed" not in newest[0]


@pytest.mark.spec("docs/security.md")
def test_failed_tries_are_reported_even_if_the_password_was_reset_in_between(john: Browser, mailbox: Mailbox) -> None:
    john.sign_out()
    john.sign_in(password="wrong")
    john.press(john.open("/password/reset"), "Send the link", email=john.user.email)
    john.press(john.open(mailbox.link(john.user.email)), "Change password", password="a new and better one")
    john.sign_in(password="a new and better one")
    assert events(john.open(PATH))[0].startswith("Signed in after one failed try")


def test_failed_tries_are_forgotten_after_a_month_without_new_ones(john: Browser, clock: Clock) -> None:
    john.sign_out()
    john.sign_in(password="wrong")
    clock.advance(limits.FAILED_SIGN_INS_KEPT_SECONDS + 60)
    john.sign_in()
    assert "failed" not in events(john.open(PATH))[0]


def test_history_lists_consent_revocation_and_a_new_secret(john: Browser, shop: ClientApp) -> None:
    shop.connect(john, "Big Events LLC")
    john.press(john.open("/settings/authorized"), "Revoke")
    own = john.register_application("My own")
    page = john.open(f"/settings/applications/{own.client_id}/secret")
    john.press(page, "Regenerate secret")
    newest = events(john.open(PATH))
    assert newest[0].startswith("Application secret regenerated My own")
    assert newest[1].startswith("Application access revoked A shop")
    assert newest[2].startswith("Application authorized A shop")


def test_remembered_consent_adds_nothing_to_the_history(john: Browser, shop: ClientApp) -> None:
    shop.connect(john, "Big Events LLC")
    before = events(john.open(PATH))
    shop.connect(john)
    assert events(john.open(PATH)) == before


def test_denying_adds_nothing_to_the_history(john: Browser, shop: ClientApp) -> None:
    before = events(john.open(PATH))
    john.press(john.open(shop.authorize_path()), "Deny")
    assert events(john.open(PATH)) == before


@pytest.mark.spec("RFC 6749 §4.1.2")
def test_replayed_code_appears_in_its_users_history_once(john: Browser, shop: ClientApp) -> None:
    code = john.allow(john.open(shop.authorize_path()), "Big Events LLC").code
    assert shop.exchange(code).status_code == 200
    for _ in range(3):
        assert shop.exchange(code).json()["error"] == "invalid_grant"
    newest = events(john.open(PATH))
    assert newest[0].startswith("A code or a refresh token was used twice; that connection was ended A shop")
    assert newest[1].startswith("Application authorized A shop")


@pytest.mark.spec("RFC 6749 §4.1.2")
def test_replay_by_another_client_or_of_a_forged_code_adds_nothing_to_the_history(
    john: Browser, shop: ClientApp, other_shop: ClientApp
) -> None:
    code = john.allow(john.open(shop.authorize_path()), "Big Events LLC").code
    shop.exchange(code)
    before = events(john.open(PATH))
    other_shop.exchange(code)
    shop.exchange(code[:-1] + ("a" if code[-1] != "a" else "b"))
    assert events(john.open(PATH)) == before


def test_history_is_shown_page_by_page(john: Browser) -> None:
    for _ in range(limits.SECURITY_EVENTS_PER_PAGE):
        john.press(john.open("/settings/profile"), "Save")
    first = john.open(PATH)
    assert len(events(first)) == limits.SECURITY_EVENTS_PER_PAGE
    older = first.link("Older events")
    assert older is not None
    second = john.open(older)
    assert [event.startswith("Signed in") for event in events(second)] == [True]
    assert second.link("Older events") is None
    assert john.open(PATH, before="x" * 5000).status == 200
    assert john.open(PATH, before="\u202e").status == 200


def test_history_is_deleted_after_a_year(john: Browser, clock: Clock) -> None:
    clock.advance(limits.SECURITY_EVENT_KEPT_SECONDS + 60)
    john.sign_in()
    assert len(events(john.open(PATH))) == 1


def test_nobody_sees_another_users_history(john: Browser, eve: Browser, shop: ClientApp) -> None:
    shop.connect(john, "Big Events LLC")
    assert not any("A shop" in event for event in events(eve.open(PATH)))


def test_request_continues_if_its_history_entry_cannot_be_written(
    john: Browser, shop: ClientApp, store: StoreProxy
) -> None:
    page = john.open(shop.authorize_path())
    with store.fault(Fault.THROTTLED, "PutItem"):
        page = john.allow(page, "Big Events LLC")
    assert shop.exchange(page.code).status_code == 200


def test_script_in_an_application_name_is_text_in_the_history(john: Browser, eve: Browser) -> None:
    app = eve.register_application("<script>alert(1)</script>")
    app.connect(john, "Big Events LLC")
    page = john.open(PATH)
    assert page.html.find("script") is None
    assert "<script>alert(1)</script>" in events(page)[0]


def test_history_costs_the_consent_form_one_write_and_the_token_endpoint_none(
    john: Browser, shop: ClientApp, store: StoreProxy
) -> None:
    page = john.open(shop.authorize_path())
    with store.count() as consent:
        page = john.allow(page, "Big Events LLC")
    with store.count() as token:
        shop.exchange(page.code)
    assert len([call for call in consent if call.tables == ("test-security_events",)]) == 1
    assert len(consent) <= 4
    assert len(token) == 2
