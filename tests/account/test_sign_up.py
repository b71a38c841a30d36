"""Anyone who reads the email at an address can create an account, if the operator allows sign-up."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from chalicelib import credentials, limits, settings
from chalicelib.models import user
from tests.account.test_events import events
from tests.account.test_sessions import is_signed_in
from tests.actors import PASSWORD, Browser, ClientApp, Page, Person
from tests.conftest import Clock
from tests.mailbox import Mailbox
from tests.store_proxy import StoreProxy

ASK = "/sign-up"
FINISH = "/sign-up/finish"

pytestmark = pytest.mark.spec("docs/pages.md")


@pytest.fixture
def anyone(base_url: str) -> Browser:
    """A browser with nobody signed in."""
    return Browser(base_url)


@pytest.fixture
def newcomer() -> Person:
    """A person with an email address and no account."""
    return Person("", f"{credentials.new_serial().lower()}@example.net")


def ask(browser: Browser, email: str) -> Page:
    return browser.press(browser.open(ASK), "Send the link", email=email)


def finish(browser: Browser, link: str, *, fullname: str = "Nina New", password: str = PASSWORD) -> Page:
    return browser.press(browser.open(link), "Create account", fullname=fullname, password=password)


def can_sign_in(browser: Browser, person: Person, password: str = PASSWORD) -> bool:
    return Browser(browser.base_url, replace(person, password=password)).sign_in().status == 200


def test_newcomer_creates_an_account_and_connects_an_application(
    anyone: Browser, newcomer: Person, mailbox: Mailbox, shop: ClientApp
) -> None:
    assert anyone.open("/login").link("Sign up") == ASK
    assert ask(anyone, newcomer.email).title == "Check your email"
    page = finish(anyone, mailbox.link(newcomer.email))
    assert page.title == "Profile"
    assert is_signed_in(anyone)
    token = shop.connect(anyone, scope="profile")["access_token"]
    profile = shop.me(token).json()
    assert profile.pop("sub")
    assert profile == {
        "email": newcomer.email,
        "fullname": "Nina New",
        "locale": "en",
        "timezone": "UTC",
    }
    assert events(anyone.open("/settings/security"))[-1].startswith("Account created")
    assert can_sign_in(anyone, newcomer)


def test_newcomer_continues_connecting_an_application_after_signing_up(
    anyone: Browser, newcomer: Person, mailbox: Mailbox, shop: ClientApp
) -> None:
    page = anyone.open(shop.authorize_path(scope="profile"))
    page = anyone.open(str(page.link("Sign up")))
    anyone.press(page, "Send the link", email=newcomer.email)
    link = mailbox.link(newcomer.email)
    assert "authorize" not in mailbox.of(newcomer.email)[0].get_content()
    page = finish(anyone, link)
    assert page.title == "Authorize A shop?"
    assert anyone.press(page, "Authorize").answer["state"] == "xyz"


def test_sign_up_link_opened_in_another_browser_does_not_continue_to_a_page(
    anyone: Browser, newcomer: Person, mailbox: Mailbox, shop: ClientApp
) -> None:
    attacker = Browser(anyone.base_url)
    page = attacker.open(ASK, next=shop.authorize_path())
    attacker.press(page, "Send the link", email=newcomer.email)
    assert finish(anyone, mailbox.link(newcomer.email)).title == "Profile"


@pytest.mark.parametrize("next_path", ["https://evil.example.com/", "//evil.example.com", "/\\evil.example.com", "x"])
def test_sign_up_never_leads_to_another_site(
    anyone: Browser, newcomer: Person, mailbox: Mailbox, next_path: str
) -> None:
    page = anyone.open(ASK, next=next_path)
    anyone.send(page, ASK, {"csrf_token": page.field("csrf_token"), "next": next_path, "email": newcomer.email})
    assert finish(anyone, mailbox.link(newcomer.email)).title == "Profile"


def test_no_account_exists_before_the_link_is_used(anyone: Browser, newcomer: Person, mailbox: Mailbox) -> None:
    ask(anyone, newcomer.email)
    anyone.open(mailbox.link(newcomer.email))
    assert user.find_by_email(newcomer.email) is None


def test_attacker_cannot_take_or_block_another_persons_address(
    anyone: Browser, newcomer: Person, mailbox: Mailbox
) -> None:
    attacker = Browser(anyone.base_url)
    ask(attacker, newcomer.email)
    page = attacker.open(FINISH)
    assert page.title == "This link does not work"  # only the email contains the link
    ask(anyone, newcomer.email)
    assert finish(anyone, mailbox.link(newcomer.email)).title == "Profile"


def test_sign_up_link_works_once_and_does_not_change_the_account_afterwards(
    anyone: Browser, newcomer: Person, mailbox: Mailbox
) -> None:
    ask(anyone, newcomer.email)
    link = mailbox.link(newcomer.email)
    thief = Browser(anyone.base_url)
    open_form = thief.open(link)
    finish(anyone, link)
    for page in (thief.press(open_form, "Create account", fullname="Eve", password="another one"), thief.open(link)):
        assert (page.status, page.title) == (410, "This link has been used")
    assert not is_signed_in(thief)
    assert can_sign_in(anyone, newcomer)


def test_older_sign_up_link_does_not_create_the_account_again(
    anyone: Browser, newcomer: Person, mailbox: Mailbox
) -> None:
    ask(anyone, newcomer.email)
    first = mailbox.link(newcomer.email)
    ask(anyone, newcomer.email)
    finish(anyone, mailbox.link(newcomer.email))
    page = finish(Browser(anyone.base_url), first, password="another one")
    assert (page.status, page.title) == (410, "This link is no longer valid")
    assert can_sign_in(anyone, newcomer)


def test_sign_up_link_expires(anyone: Browser, newcomer: Person, mailbox: Mailbox, clock: Clock) -> None:
    ask(anyone, newcomer.email)
    link = mailbox.link(newcomer.email)
    open_form = anyone.open(link)
    clock.advance(limits.MAIL_LINK_LIFETIME_SECONDS)
    filled = {"fullname": "Nina New", "password": PASSWORD}
    for page in (anyone.open(link), anyone.press(open_form, "Create account", **filled)):
        assert (page.status, page.title) == (410, "This link has expired")
    assert user.find_by_email(newcomer.email) is None


def test_sign_up_link_resets_no_password_and_the_other_way_around(
    anyone: Browser, newcomer: Person, a_person: Callable[..., Person], mailbox: Mailbox
) -> None:
    person = a_person()
    ask(anyone, newcomer.email)
    anyone.press(anyone.open("/password/reset"), "Send the link", email=person.email)
    sign_up, reset = mailbox.link(newcomer.email), mailbox.link(person.email)
    assert anyone.open(sign_up.replace(FINISH, "/password/new")).title == "This link does not work"
    assert anyone.open(reset.replace("/password/new", FINISH)).title == "This link does not work"


def test_made_up_sign_up_links_do_nothing(anyone: Browser, store: StoreProxy) -> None:
    with store.count() as calls:
        for token in ("x", "\r\nSet-Cookie: a=b", "lyml_" + "a" * 49):
            assert anyone.open(FINISH, token=token).status == 410
    assert calls == []
    assert anyone.open(FINISH, token=credentials.mint(credentials.Kind.MAIL_LINK)).status == 410


def test_sign_up_form_creates_an_account_only_for_the_address_in_its_link(
    anyone: Browser, newcomer: Person, mailbox: Mailbox
) -> None:
    ask(anyone, newcomer.email)
    page = anyone.open(mailbox.link(newcomer.email))
    fields = {name: page.field(name) for name in ("csrf_token", "token")}
    other = f"other-{newcomer.email}"
    anyone.send(page, FINISH, {**fields, "fullname": "N", "password": PASSWORD, "email": other, "username": other})
    assert user.find_by_email(other) is None
    assert can_sign_in(anyone, newcomer)


def test_sign_up_with_a_known_address_gets_the_same_answer_at_the_same_cost(
    anyone: Browser, newcomer: Person, a_person: Callable[..., Person], mailbox: Mailbox, store: StoreProxy
) -> None:
    known, disabled = a_person(), a_person()
    user.disable(disabled.user_id)
    told, done = [], []
    for email in (newcomer.email, known.email, disabled.email):
        with store.count() as calls:
            page = ask(anyone, email)
        told.append((page.status, page.text.replace(email, "")))
        done.append([(call.operation, call.tables) for call in calls])
    assert told[0] == told[1] == told[2]
    assert done[0] == done[1] == done[2]
    (mail,) = mailbox.of(known.email)
    assert mail["Subject"] == "You already have an account at Lanyard"
    assert "token" not in mail.get_content()
    assert mailbox.of(disabled.email) == []


@pytest.mark.spec("docs/security.md")
def test_signing_up_starts_a_new_session(john: Browser, newcomer: Person, mailbox: Mailbox) -> None:
    before = john.http.cookies["lanyard-session"]
    ask(john, newcomer.email)
    finish(john, mailbox.link(newcomer.email))
    assert john.http.cookies["lanyard-session"] != before
    planted = Browser(john.base_url)
    planted.http.cookies.set("lanyard-session", before)
    assert not is_signed_in(planted)  # signing in as somebody else signs the current user out first


@pytest.mark.spec("RFC 6749 §10.12")
def test_sign_up_forms_require_the_csrf_token_of_this_browser(
    anyone: Browser, newcomer: Person, mailbox: Mailbox
) -> None:
    other = Browser(anyone.base_url)
    page = anyone.open(ASK)
    for csrf_token in ("", other.open(ASK).field("csrf_token"), anyone.open("/login").field("csrf_token")):
        assert anyone.send(page, ASK, {"email": newcomer.email, "csrf_token": csrf_token}).status == 403
    assert mailbox.of(newcomer.email) == []
    ask(anyone, newcomer.email)
    page = anyone.open(mailbox.link(newcomer.email))
    fields = {"token": page.field("token"), "fullname": "N", "password": PASSWORD}
    for csrf_token in ("", other.open(ASK).field("csrf_token"), anyone.open(ASK).field("csrf_token")):
        assert anyone.send(page, FINISH, {**fields, "csrf_token": csrf_token}).status == 403
    assert user.find_by_email(newcomer.email) is None


def test_of_many_uses_of_a_sign_up_link_at_once_exactly_one_creates_the_account(
    anyone: Browser, mailbox: Mailbox
) -> None:
    for _ in range(3):
        newcomer = Person("", f"{credentials.new_serial().lower()}@example.net")
        ask(anyone, newcomer.email)
        link = mailbox.link(newcomer.email)
        passwords = [f"race number {number}" for number in range(4)]
        forms = [(browser := Browser(anyone.base_url), browser.open(link)) for _ in passwords]

        def use(number: int) -> int:
            browser, page = forms[number]  # noqa: B023
            return browser.press(page, "Create account", fullname="N", password=passwords[number]).status  # noqa: B023

        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(use, range(4)))
        assert sorted(answers) == [200, 410, 410, 410]
        won = passwords[answers.index(200)]
        assert [password for password in passwords if can_sign_in(anyone, newcomer, password)] == [won]


@pytest.mark.parametrize(
    "email", ["", "x", "a@b@c", "a@example.net,b@example.net", '"a b"@example.net', "a@example.net\r\nBcc: b@c"]
)
def test_invalid_email_address_is_explained_beside_the_field(anyone: Browser, email: str) -> None:
    page = ask(anyone, email)
    assert page.status == 400
    assert "The address is not an email address." in page.text


@pytest.mark.parametrize("email", ["\N{KELVIN SIGN}im@example.net", "kim@ex\N{LATIN SMALL LETTER DOTLESS I}mple.net"])
def test_address_that_could_pass_for_someone_elses_is_refused(anyone: Browser, email: str, mailbox: Mailbox) -> None:
    page = ask(anyone, email)
    assert page.status == 400
    assert "contains characters that cannot be used in an address here" in page.text
    assert mailbox.of(email) == []


def test_invalid_input_is_explained_beside_its_field_and_leaves_the_link_valid(
    anyone: Browser, newcomer: Person, mailbox: Mailbox
) -> None:
    ask(anyone, newcomer.email)
    page = finish(anyone, mailbox.link(newcomer.email), fullname=" ", password="short")
    assert page.status == 400
    assert "The name must not be empty." in page.text
    assert "The password must have between 8 and 1024 characters." in page.text
    page = anyone.press(page, "Create account", fullname="Nina", password=PASSWORD)
    assert page.title == "Profile"


def test_closed_sign_up_page_says_so_and_older_links_stop_working(
    anyone: Browser, newcomer: Person, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(anyone, newcomer.email)
    page, form = anyone.open(mailbox.link(newcomer.email)), anyone.open(ASK)
    monkeypatch.setattr(settings, "SETTINGS", replace(settings.SETTINGS, sign_up_open=False))
    closed = [
        anyone.open(ASK),
        anyone.press(form, "Send the link", email=newcomer.email),
        anyone.open(mailbox.link(newcomer.email)),
        anyone.press(page, "Create account", fullname="N", password=PASSWORD),
    ]
    assert [found.status for found in closed] == [403] * 4
    assert all("Accounts here are created by an administrator." in found.text for found in closed)
    assert anyone.open("/login").link("Sign up") is None
    assert user.find_by_email(newcomer.email) is None
