"""/settings/applications/{id}/owners: several people manage an application, and one of them is its main owner."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from chalicelib import limits, settings
from chalicelib.models import application, application_deletion, ownership, store, user
from chalicelib.models.application import Application
from chalicelib.models.ownership import Invitation
from chalicelib.models.user import User
from infra.commands import erasure
from tests import people
from tests.actors import Browser, ClientApp, Page
from tests.conftest import Clock
from tests.mailbox import Mailbox
from tests.store_proxy import Fault, StoreProxy

pytestmark = pytest.mark.spec("docs/architecture.md")
SETTINGS = "/settings/applications"


@pytest.fixture
def mine(john: Browser) -> ClientApp:
    return john.register_application("Mine")


def owners_path(app: ClientApp) -> str:
    return f"{SETTINGS}/{app.client_id}/owners"


def invitation_path(app: ClientApp) -> str:
    return f"{SETTINGS}/{app.client_id}/invitation"


def invite(main: Browser, app: ClientApp, email: str) -> Page:
    return main.press(main.open(owners_path(app)), "Invite", email=email)


def accept(browser: Browser, app: ClientApp) -> Page:
    return browser.press(browser.open(invitation_path(app)), "Accept")


def share(main: Browser, app: ClientApp, *others: Browser) -> None:
    for other in others:
        invite(main, app, other.user.email)
        assert "You are an owner of this application now." in accept(other, app).text


def about(browser: Browser, app: ClientApp, of: Browser) -> Page:
    return browser.open(f"{owners_path(app)}/{of.user.user_id}")


def stored(app: ClientApp) -> Application:
    found = application.get(app.client_id)
    assert found is not None
    return found


def account(browser: Browser) -> User:
    found = store.read(User.key(browser.user.user_id))[0]
    assert found is not None
    return found


def can_manage(browser: Browser, app: ClientApp) -> bool:
    return browser.open(f"{SETTINGS}/{app.client_id}").status == 200


def test_an_invited_owner_manages_the_application_like_its_first(
    john: Browser, eve: Browser, mine: ClientApp, mailbox: Mailbox
) -> None:
    assert not can_manage(eve, mine)
    page = invite(john, mine, eve.user.email)
    assert page.path == owners_path(mine)
    assert eve.user.email in page.text
    page = eve.open(mailbox.link(eve.user.email))
    assert page.title == "Become an owner of Mine?"
    assert john.user.email in page.text
    page = eve.press(page, "Accept")
    assert page.path == f"{SETTINGS}/{mine.client_id}"
    assert "You are an owner of this application now." in page.text
    page = eve.open(SETTINGS)
    assert "Mine" in page.text
    assert "shared with you" in page.text
    page = eve.press(eve.open(f"{SETTINGS}/{mine.client_id}"), "Save", name="Ours")
    assert stored(mine).name == "Ours"
    page = eve.press(eve.open(f"{SETTINGS}/{mine.client_id}/secret"), "Regenerate secret")
    assert page.html.find(id="client-secret") is not None
    for browser in (john, eve):
        history = browser.open("/settings/security").text
        assert "Application got another owner" in history
        assert "Application secret regenerated" in history


def test_the_mail_quotes_no_words_that_its_sender_chose(john: Browser, mailbox: Mailbox) -> None:
    app = john.register_application("Your account is locked, go to evil.example")
    invite(john, app, "stranger@example.org")
    (mail,) = mailbox.of("stranger@example.org")
    text = f"{mail['Subject']} {mail.get_content()}"
    assert "evil" not in text
    assert "John Doe" not in text
    assert john.user.email in text


@pytest.mark.spec("docs/security.md")
def test_only_the_account_with_the_invited_address_can_accept(john: Browser, eve: Browser, mine: ClientApp) -> None:
    invite(john, mine, "somebody@example.org")
    page = eve.open(invitation_path(mine))
    assert page.status == 404
    assert f"There is no invitation for {eve.user.email}." in page.text
    assert eve.open(f"{SETTINGS}/nothing/invitation").text == page.text, "whether there is such an application"


def test_address_counts_in_any_case_and_spacing(john: Browser, eve: Browser, mine: ClientApp) -> None:
    invite(john, mine, f"  {eve.user.email.upper()} ")
    accept(eve, mine)
    assert can_manage(eve, mine)


def test_person_without_an_account_finds_the_invitation_after_signing_up(
    john: Browser, mine: ClientApp, base_url: str
) -> None:
    invite(john, mine, "new@example.org")
    page = Browser(base_url).open(invitation_path(mine))
    assert page.path == "/login"
    assert page.field("next") == invitation_path(mine)


def test_an_invitation_can_be_declined_and_withdrawn(
    john: Browser, eve: Browser, a_browser: Callable[..., Browser], mine: ClientApp
) -> None:
    other = a_browser()
    for browser in (eve, other):
        invite(john, mine, browser.user.email)
    page = eve.press(eve.open(invitation_path(mine)), "Decline")
    assert "You have declined the invitation." in page.text
    form = other.open(invitation_path(mine))
    page = john.open(owners_path(mine))
    assert eve.user.email not in page.text
    page = john.press(page, "Withdraw")
    assert "The invitation has been withdrawn." in page.text
    assert other.press(form, "Accept").status == 404
    for browser in (eve, other):
        assert browser.open(invitation_path(mine)).status == 404
        assert not can_manage(browser, mine)


def test_an_invitation_ends_after_a_week(john: Browser, eve: Browser, mine: ClientApp, clock: Clock) -> None:
    invite(john, mine, eve.user.email)
    (invitation,) = store.read(Invitation.key(mine.client_id, eve.user.email))
    assert invitation is not None
    clock.advance(limits.INVITATION_LIFETIME_SECONDS)
    for browser in (john, eve):
        people.sign_in(browser)
    assert eve.open(invitation_path(mine)).status == 404
    assert eve.user.email not in john.open(owners_path(mine)).text
    with pytest.raises(ownership.NotOpen):
        ownership.accept(invitation, account(eve))
    assert not can_manage(eve, mine)


def test_second_clicks_change_nothing_and_lead_on(john: Browser, eve: Browser, mine: ClientApp) -> None:
    invite(john, mine, eve.user.email)
    page = invite(john, mine, eve.user.email)
    assert page.text.count(eve.user.email) == 2, "the address, and what screen readers say of its button"
    form = eve.open(invitation_path(mine))
    for _ in range(2):
        assert eve.press(form, "Accept").path == f"{SETTINGS}/{mine.client_id}"
    assert eve.open(invitation_path(mine)).path == f"{SETTINGS}/{mine.client_id}"
    assert stored(mine).owner_ids == {john.user.user_id, eve.user.user_id}
    form = about(john, mine, eve)
    for _ in range(2):
        assert john.press(form, "Remove").path == owners_path(mine)
    assert stored(mine).owner_ids == {john.user.user_id}


def test_only_the_main_owner_invites_removes_and_deletes(
    john: Browser, eve: Browser, a_browser: Callable[..., Browser], mine: ClientApp
) -> None:
    third = a_browser()
    share(john, mine, eve, third)
    page = eve.open(owners_path(mine))
    assert "Invite" not in [button.get_text() for button in page.html.find_all("button")]
    form = john.open(owners_path(mine)).fields("Invite")
    assert eve.send(page, owners_path(mine), {**form, "email": "friend@example.org"}).status == 403
    own = f"{SETTINGS}/{mine.client_id}"
    assert "Only the main owner can delete it." in eve.open(own).text
    for path in (f"{own}/delete", f"{owners_path(mine)}/{third.user.user_id}", f"{owners_path(mine)}/nobody"):
        page = eve.open(path)
        assert page.status == 403
        assert "Only the main owner of this application can do that." in page.text
    form = john.open(f"{own}/delete").fields("Delete application")
    assert eve.send(eve.open(own), f"{own}/delete", form).status == 403
    form = about(john, mine, third).fields("Remove")
    assert (
        eve.send(eve.open(own), f"{owners_path(mine)}/{third.user.user_id}", {**form, "action": "remove"}).status == 403
    )
    assert stored(mine).owner_ids == {browser.user.user_id for browser in (john, eve, third)}


def test_an_owner_can_be_removed_and_can_leave(
    john: Browser, eve: Browser, a_browser: Callable[..., Browser], mine: ClientApp
) -> None:
    third = a_browser()
    share(john, mine, eve, third)
    page = john.press(about(john, mine, eve), "Remove")
    assert "They are no longer an owner of this application." in page.text
    page = third.press(third.open(f"{owners_path(mine)}/{third.user.user_id}"), "Leave")
    assert "You are no longer an owner of that application." in page.text
    for browser in (eve, third):
        assert not can_manage(browser, mine)
        assert "Mine" not in browser.open(SETTINGS).text
        assert not account(browser).shared
    assert stored(mine).owner_ids == {john.user.user_id}
    page = john.open(f"{owners_path(mine)}/{john.user.user_id}")
    assert "To leave, first make another owner the main owner." in page.text
    hidden = {str(field["name"]): str(field["value"]) for field in page.html.select("main input[type=hidden]")}
    assert john.send(page, page.path, {**hidden, "action": "remove"}).status == 400
    assert stored(mine).owner_id == john.user.user_id


def test_the_main_owner_makes_another_the_main_owner(john: Browser, eve: Browser, mine: ClientApp) -> None:
    share(john, mine, eve)
    form = about(john, mine, eve)
    page = john.press(form, "Make main owner")
    assert "The application has another main owner now." in page.text
    assert john.press(form, "Make main owner").path == owners_path(mine), "a second click"
    found = stored(mine)
    assert (found.owner_id, set(found.owner_ids)) == (eve.user.user_id, {john.user.user_id, eve.user.user_id})
    assert (account(john).application_count, account(eve).application_count) == (0, 1)
    assert (set(account(john).shared), set(account(eve).shared)) == ({mine.client_id}, set())
    assert can_manage(john, mine)
    assert john.open(f"{SETTINGS}/{mine.client_id}/delete").status == 403
    assert "Mine" in eve.open(SETTINGS).text
    assert eve.open(f"{SETTINGS}/{mine.client_id}/delete").status == 200


def test_transfer_ends_the_invitations_of_the_one_before(
    john: Browser, eve: Browser, a_browser: Callable[..., Browser], mine: ClientApp
) -> None:
    invited = a_browser()
    share(john, mine, eve)
    invite(john, mine, invited.user.email)
    form = invited.open(invitation_path(mine))
    john.press(about(john, mine, eve), "Make main owner")
    assert invited.press(form, "Accept").status == 404
    assert invited.user.email not in eve.open(owners_path(mine)).text


def test_transfer_to_somebody_without_room_is_refused(
    john: Browser, eve: Browser, mine: ClientApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    share(john, mine, eve)
    monkeypatch.setattr(limits, "APPLICATIONS_PER_OWNER_LIMIT", 0)
    page = john.press(about(john, mine, eve), "Make main owner")
    assert page.status == 409
    assert "They have as many applications of their own as they may have." in page.text
    assert stored(mine).owner_id == john.user.user_id


def test_transfer_to_a_disabled_user_is_refused(john: Browser, eve: Browser, mine: ClientApp) -> None:
    share(john, mine, eve)
    form = about(john, mine, eve)
    user.disable(eve.user.user_id)
    page = john.press(form, "Make main owner")
    assert page.status == 409
    assert "this one is disabled" in page.text
    assert stored(mine).owner_id == john.user.user_id


def test_bad_addresses_and_owners_get_clear_errors(john: Browser, mine: ClientApp) -> None:
    for typed, problem in (("nonsense", "The address"), (john.user.email, "belongs to an owner already")):
        page = invite(john, mine, typed)
        assert page.status == 400
        assert problem in page.text
        assert page.field("email") == typed
    assert stored(mine).owner_ids == {john.user.user_id}


def test_owners_and_invitations_have_a_limit(
    john: Browser, eve: Browser, a_browser: Callable[..., Browser], mine: ClientApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = a_browser()
    for browser in (eve, other):
        invite(john, mine, browser.user.email)
    monkeypatch.setattr(limits, "OWNERS_LIMIT", 2)
    page = invite(john, mine, "more@example.org")
    assert page.status == 409
    assert "at most 2 owners and open invitations" in page.text
    accept(eve, mine)
    page = accept(other, mine)
    assert page.status == 409
    assert stored(mine).owner_ids == {john.user.user_id, eve.user.user_id}
    monkeypatch.setattr(limits, "OWNERS_LIMIT", 3)
    monkeypatch.setattr(limits, "SHARED_APPLICATIONS_LIMIT", 0)
    assert accept(other, mine).status == 409


def test_invitations_are_throttled(john: Browser, mine: ClientApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "INVITATIONS_PER_OWNER", 1)
    assert invite(john, mine, "one@example.org").status == 200
    page = invite(john, mine, "two@example.org")
    assert page.status == 429
    assert "Try again tomorrow." in page.text
    assert page.html.select("#email[value='two@example.org']")


@pytest.mark.usefixtures("patient_client")
def test_of_two_who_accept_at_once_for_the_last_place_one_becomes_an_owner(
    john: Browser, a_browser: Callable[..., Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        app = john.register_application("Mine")
        invited = [a_browser(), a_browser()]
        for browser in invited:
            invite(john, app, browser.user.email)
        forms = [browser.open(invitation_path(app)) for browser in invited]
        with monkeypatch.context() as patched, ThreadPoolExecutor(2) as pool:
            patched.setattr(limits, "OWNERS_LIMIT", 2)
            pages = pool.map(lambda pair: pair[0].press(pair[1], "Accept"), zip(invited, forms, strict=True))
            assert sorted(page.status for page in pages) == [200, 409]
        assert len(stored(app).owner_ids) == 2
        assert sorted(len(account(browser).shared) for browser in invited) == [0, 1]


def test_acceptance_loses_to_a_transfer_that_came_first(
    john: Browser, eve: Browser, a_browser: Callable[..., Browser], mine: ClientApp, store: StoreProxy
) -> None:
    invited = a_browser()
    share(john, mine, eve)
    invite(john, mine, invited.user.email)
    form = invited.open(invitation_path(mine))
    with store.before("TransactWriteItems", lambda: ownership.transfer(stored(mine), account(eve), keeps=True)):
        page = invited.press(form, "Accept")
    assert page.status == 404
    assert not can_manage(invited, mine)
    assert not account(invited).shared


def test_deletion_takes_it_off_the_others_lists(
    john: Browser, eve: Browser, mine: ClientApp, store: StoreProxy
) -> None:
    share(john, mine, eve)
    application_deletion.delete(mine.client_id)
    assert not account(eve).shared
    assert "Mine" not in eve.open(SETTINGS).text
    again = john.register_application("Again")
    share(john, again, eve)
    with store.fault(Fault.UNAVAILABLE, "TransactWriteItems", table="users", passed=1):
        application_deletion.delete(again.client_id)
    assert "Again" not in eve.open(SETTINGS).text


@pytest.mark.spec("docs/operations.md")
def test_erasure_of_an_owner_leaves_the_application_to_the_others(
    john: Browser, eve: Browser, a_browser: Callable[..., Browser], mine: ClientApp
) -> None:
    customer = a_browser("Big Events LLC")
    share(john, mine, eve)
    alone = john.register_application("Alone")
    tokens = mine.connect(customer, "Big Events LLC")
    for _, step in erasure.steps(account(john)):
        step()
    found = stored(mine)
    assert (found.owner_id, set(found.owner_ids)) == (eve.user.user_id, {eve.user.user_id})
    assert account(eve).application_count == 1
    assert mine.me(tokens["access_token"]).status_code == 200
    assert application.get(alone.client_id) is None


def test_erasure_says_which_applications_stay(john: Browser, eve: Browser, mine: ClientApp) -> None:
    share(john, mine, eve)
    john.register_application("Alone")
    counted = erasure.counts(erasure.steps(account(john)))
    assert (counted["applications"], counted["applications that another owner keeps"]) == (1, 1)
    assert "applications" not in erasure.counts(erasure.steps(account(eve)))


def test_an_application_that_changed_hands_just_now_is_listed_once(
    john: Browser, eve: Browser, mine: ClientApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    share(john, mine, eve)
    found = stored(mine)
    ownership.transfer(found, account(eve), keeps=True)
    monkeypatch.setattr(application, "owned_by", lambda _: [found])  # as the index may still say
    assert [one.client_id for one in ownership.owned_by(account(john))] == [mine.client_id]


def test_the_mail_is_in_the_language_of_whoever_asks_for_it(john: Browser, mine: ClientApp, mailbox: Mailbox) -> None:
    john.http.headers["Accept-Language"] = "de"
    invite(john, mine, "jemand@example.org")
    (mail,) = mailbox.of("jemand@example.org")
    assert mail["Subject"] == "Einladung, eine Anwendung bei Lanyard mit zu verwalten"


def test_erasure_of_another_owner_leaves_no_trace_of_them(john: Browser, eve: Browser, mine: ClientApp) -> None:
    share(john, mine, eve)
    for _, step in erasure.steps(account(eve)):
        step()
    assert stored(mine).owner_ids == {john.user.user_id}
    assert eve.user.user_id not in str(stored(mine).attribute_values)


def test_with_open_sign_up_an_error_returns_to_the_application_for_each_of_its_owners(
    john: Browser, eve: Browser, mine: ClientApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "SETTINGS", replace(settings.SETTINGS, sign_up_open=True))
    path = mine.authorize_path(scope="nonsense")
    assert eve.open(path).left_to is None
    share(john, mine, eve)
    assert eve.open(path).answer["error"] == "invalid_scope"
