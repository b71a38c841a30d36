"""A user who forgot the password gets a link that works once, for a short time, and ends every session."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from chalicelib import credentials, limits
from chalicelib.models import session, user
from chalicelib.request_source import UNKNOWN
from tests.account.test_events import events
from tests.account.test_sessions import is_signed_in
from tests.actors import PASSWORD, Browser, ClientApp, Page, Person
from tests.conftest import Clock
from tests.mailbox import Mailbox
from tests.store_proxy import Fault, StoreProxy

ASK = "/password/reset"
CHOOSE = "/password/new"
NEW = "a new and better one"

pytestmark = pytest.mark.spec("docs/pages.md")


@pytest.fixture
def anyone(base_url: str) -> Browser:
    """A browser with nobody signed in."""
    return Browser(base_url)


def ask(browser: Browser, email: str) -> Page:
    return browser.press(browser.open(ASK), "Send the link", email=email)


def choose(browser: Browser, link: str, password: str = NEW) -> Page:
    return browser.press(browser.open(link), "Change password", password=password)


def can_sign_in(browser: Browser, person: Person, password: str) -> bool:
    return Browser(browser.base_url, replace(person, password=password)).sign_in().status == 200


def test_reset_link_in_the_email_leads_to_a_new_password(
    anyone: Browser, a_person: Callable[..., Person], mailbox: Mailbox
) -> None:
    person = a_person()
    assert anyone.open("/login").link("Forgot your password?") == ASK
    assert ask(anyone, person.email).title == "Check your email"
    page = choose(anyone, mailbox.link(person.email))
    assert page.title == "Your password has been changed"
    assert not can_sign_in(anyone, person, PASSWORD)
    assert can_sign_in(anyone, person, NEW)


def test_password_reset_ends_all_sessions_and_is_in_the_history(
    john: Browser, anyone: Browser, mailbox: Mailbox
) -> None:
    assert john.person is not None
    ask(anyone, john.person.email)
    choose(anyone, mailbox.link(john.person.email))
    assert not is_signed_in(john)
    john.sign_in(password=NEW)
    assert events(john.open("/settings/security"))[1].startswith("Password reset by email")


def test_password_reset_does_not_sign_anyone_in(
    anyone: Browser, a_person: Callable[..., Person], mailbox: Mailbox
) -> None:
    person = a_person()
    ask(anyone, person.email)
    choose(anyone, mailbox.link(person.email))
    assert not is_signed_in(anyone)


def test_user_can_continue_connecting_an_application_after_a_reset(
    anyone: Browser, a_person: Callable[..., Person], mailbox: Mailbox, shop: ClientApp
) -> None:
    person = a_person()
    page = anyone.open(shop.authorize_path(scope="profile"))
    page = anyone.open(str(page.link("Forgot your password?")))
    anyone.press(page, "Send the link", email=person.email)
    page = anyone.open(str(choose(anyone, mailbox.link(person.email)).link("Sign in")))
    page = anyone.press(page, "Sign in", email=person.email, password=NEW)
    assert page.title == "Authorize A shop?"


def test_password_reset_leaves_applications_their_access(
    john: Browser, anyone: Browser, shop: ClientApp, mailbox: Mailbox
) -> None:
    assert john.person is not None
    tokens = shop.connect(john, "Big Events LLC")
    ask(anyone, john.person.email)
    choose(anyone, mailbox.link(john.person.email))
    assert shop.me(tokens["access_token"]).status_code == 200


def test_throttled_user_can_sign_in_after_a_reset(
    anyone: Browser, a_person: Callable[..., Person], mailbox: Mailbox, clock: Clock
) -> None:
    clock.advance(limits.SIGN_IN_WINDOW_SECONDS - clock.now() % limits.SIGN_IN_WINDOW_SECONDS)  # all in one window
    person = a_person()
    guesser = Browser(anyone.base_url, replace(person, password="a guess"))
    for _ in range(limits.SIGN_IN_TRIES_PER_ACCOUNT + 1):
        page = guesser.sign_in()
    assert page.status == 429
    ask(anyone, person.email)
    choose(anyone, mailbox.link(person.email))
    assert can_sign_in(anyone, person, NEW)


# -- the link ---------------------------------------------------------------------------------------------------------


def test_reset_link_works_once(anyone: Browser, a_person: Callable[..., Person], mailbox: Mailbox) -> None:
    person = a_person()
    ask(anyone, person.email)
    link = mailbox.link(person.email)
    choose(anyone, link)
    page = anyone.open(link)
    assert (page.status, page.title) == (410, "This link has been used")
    assert page.link("Request a new link") == ASK


def test_reset_form_opened_before_its_link_was_used_does_nothing(
    anyone: Browser, a_person: Callable[..., Person], mailbox: Mailbox
) -> None:
    person = a_person()
    ask(anyone, person.email)
    open_form = anyone.open(mailbox.link(person.email))
    anyone.press(open_form, "Change password", password=NEW)
    page = anyone.press(open_form, "Change password", password="another one")
    assert (page.status, page.title) == (410, "This link has been used")
    assert can_sign_in(anyone, person, NEW)


def test_opening_a_reset_link_does_not_use_it_up(
    anyone: Browser, a_person: Callable[..., Person], mailbox: Mailbox
) -> None:
    person = a_person()
    ask(anyone, person.email)
    link = mailbox.link(person.email)
    scanner = Browser(anyone.base_url)
    for _ in range(3):
        scanner.open(link)
        scanner.http.head(link)
    assert choose(anyone, link).title == "Your password has been changed"


def test_reset_link_expires(anyone: Browser, a_person: Callable[..., Person], mailbox: Mailbox, clock: Clock) -> None:
    person = a_person()
    ask(anyone, person.email)
    link = mailbox.link(person.email)
    open_form = anyone.open(link)
    clock.advance(limits.MAIL_LINK_LIFETIME_SECONDS)
    for page in (anyone.open(link), anyone.press(open_form, "Change password", password=NEW)):
        assert (page.status, page.title) == (410, "This link has expired")
    assert can_sign_in(anyone, person, PASSWORD)


def test_made_up_reset_links_do_nothing_and_cost_no_read(anyone: Browser, store: StoreProxy) -> None:
    with store.count() as calls:
        for token in ("x", "lyml_" + "a" * 49, "\r\nSet-Cookie: a=b", "‮", "x; Path=/; Domain=example.org"):
            page = anyone.open(CHOOSE, token=token)
            assert (page.status, page.title) == (410, "This link does not work")
    assert calls == []
    page = anyone.open(CHOOSE, token=credentials.mint(credentials.Kind.MAIL_LINK))
    assert (page.status, page.title) == (410, "This link does not work")


def test_tokens_and_secrets_are_not_accepted_as_reset_links(john: Browser, anyone: Browser, shop: ClientApp) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    for token in (tokens["access_token"], tokens["refresh_token"], shop.secret, john.http.cookies["lanyard-session"]):
        assert anyone.open(CHOOSE, token=token).status == 410


def test_reset_link_changes_only_its_own_users_password(john: Browser, eve: Browser, mailbox: Mailbox) -> None:
    assert john.person is not None
    assert eve.person is not None
    ask(eve, eve.person.email)
    page = eve.open(mailbox.link(eve.person.email))
    fields = {name: page.field(name) for name in ("csrf_token", "token")}
    named = {"email": john.person.email, "username": john.person.email, "user_id": john.person.user_id}
    assert eve.send(page, CHOOSE, {**fields, **named, "password": NEW}).status == 200
    assert can_sign_in(john, john.person, PASSWORD)
    assert can_sign_in(eve, eve.person, NEW)


def test_choosing_a_password_voids_the_users_other_links(
    anyone: Browser, a_person: Callable[..., Person], mailbox: Mailbox
) -> None:
    person = a_person()
    ask(anyone, person.email)
    first = mailbox.link(person.email)
    ask(anyone, person.email)
    choose(anyone, mailbox.link(person.email))
    page = choose(anyone, first, "another one")
    assert (page.status, page.title) == (410, "This link is no longer valid")
    assert can_sign_in(anyone, person, NEW)


def test_changing_the_password_in_the_settings_voids_reset_links(
    john: Browser, anyone: Browser, mailbox: Mailbox
) -> None:
    assert john.person is not None
    ask(anyone, john.person.email)
    link = mailbox.link(john.person.email)
    john.press(john.open("/settings/password"), "Change password", present=PASSWORD, password=NEW)
    page = choose(anyone, link, "another one")
    assert (page.status, page.title) == (410, "This link is no longer valid")
    assert is_signed_in(john)


@pytest.mark.spec("docs/architecture.md")
def test_disabled_user_gets_no_link_and_cannot_use_an_older_one(
    anyone: Browser, a_person: Callable[..., Person], mailbox: Mailbox
) -> None:
    person = a_person()
    ask(anyone, person.email)
    link = mailbox.link(person.email)
    user.disable(person.user_id)
    assert choose(anyone, link).title == "This link is no longer valid"
    assert ask(anyone, person.email).title == "Check your email"
    assert len(mailbox.of(person.email)) == 1
    assert not can_sign_in(anyone, person, NEW)


def test_of_many_uses_of_a_reset_link_at_once_exactly_one_succeeds(
    anyone: Browser, a_person: Callable[..., Person], mailbox: Mailbox
) -> None:
    for _ in range(3):
        person = a_person()
        ask(anyone, person.email)
        link = mailbox.link(person.email)
        passwords = [f"race number {number}" for number in range(4)]
        forms = [(browser := Browser(anyone.base_url), browser.open(link)) for _ in passwords]

        def use(number: int) -> Page:
            browser, page = forms[number]  # noqa: B023
            return browser.press(page, "Change password", password=passwords[number])  # noqa: B023

        with ThreadPoolExecutor(4) as pool:
            pages = list(pool.map(use, range(4)))
        assert sorted(page.status for page in pages) == [200, 410, 410, 410]
        won = [password for password, page in zip(passwords, pages, strict=True) if page.status == 200]
        assert [password for password in passwords if can_sign_in(anyone, person, password)] == won


# -- what others can see and do ---------------------------------------------------------------------------------------


def test_reset_for_an_unknown_address_gets_the_same_answer_at_the_same_cost(
    anyone: Browser, a_person: Callable[..., Person], mailbox: Mailbox, store: StoreProxy
) -> None:
    known, unknown, disabled = a_person().email, "nobody-" + a_person().email, a_person()
    user.disable(disabled.user_id)
    told, done = [], []
    for email in (known, unknown, disabled.email):
        with store.count() as calls:
            page = ask(anyone, email)
        told.append((page.status, page.text.replace(email, "")))
        done.append([(call.operation, call.tables) for call in calls])
    assert told[0] == told[1] == told[2]
    assert done[0] == done[1] == done[2]
    assert len(mailbox.of(known)) == 1
    assert mailbox.of(unknown) == mailbox.of(disabled.email) == []


def test_reset_token_is_removed_from_the_address_bar_and_from_the_referrer(
    anyone: Browser, a_person: Callable[..., Person], mailbox: Mailbox
) -> None:
    person = a_person()
    ask(anyone, person.email)
    response = anyone.http.get(mailbox.link(person.email), allow_redirects=False)
    assert (response.status_code, response.headers["Location"]) == (303, CHOOSE)
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["Cache-Control"] == "no-store"
    assert "HttpOnly; SameSite=Lax" in response.headers["Set-Cookie"]
    page = anyone.open(CHOOSE)
    form = page.form_with("Change password")
    assert (form["method"], form["action"]) == ("post", CHOOSE)


def test_reset_token_is_never_logged_and_stored_only_as_a_digest(
    anyone: Browser,
    a_person: Callable[..., Person],
    mailbox: Mailbox,
    store: StoreProxy,
    caplog: pytest.LogCaptureFixture,
) -> None:
    person = a_person()
    with store.count() as calls, caplog.at_level("DEBUG"):
        ask(anyone, person.email)
        link = mailbox.link(person.email)
        choose(anyone, link)
    token = parse_qs(urlsplit(link).query)["token"][0]
    assert "Mail written to" in caplog.text
    assert token not in caplog.text
    assert token not in repr([call.body for call in calls])
    assert credentials.digest(token) in repr([call.body for call in calls])


def test_reset_link_uses_our_own_address_whatever_the_host_header_says(
    anyone: Browser, a_person: Callable[..., Person], mailbox: Mailbox
) -> None:
    person = a_person()
    anyone.http.headers.update({"Host": "evil.example.com", "X-Forwarded-Host": "evil.example.com"})
    ask(anyone, person.email)
    assert mailbox.link(person.email).startswith(f"{anyone.base_url}{CHOOSE}?token=lyml_")
    assert "evil" not in mailbox.of(person.email)[0].get_content()


@pytest.mark.spec("RFC 6749 §10.12")
def test_reset_forms_require_the_csrf_token_of_this_browser(
    anyone: Browser, a_person: Callable[..., Person], mailbox: Mailbox
) -> None:
    person, other = a_person(), Browser(anyone.base_url)
    page = anyone.open(ASK)
    for csrf_token in ("", "x", other.open(ASK).field("csrf_token"), anyone.open("/login").field("csrf_token")):
        assert anyone.send(page, ASK, {"email": person.email, "csrf_token": csrf_token}).status == 403
    assert mailbox.of(person.email) == []
    ask(anyone, person.email)
    page = anyone.open(mailbox.link(person.email))
    fields = {"token": page.field("token"), "password": NEW}
    for csrf_token in ("", other.open(ASK).field("csrf_token"), anyone.open(ASK).field("csrf_token")):
        assert anyone.send(page, CHOOSE, {**fields, "csrf_token": csrf_token}).status == 403
    assert can_sign_in(anyone, person, PASSWORD)


def test_reset_email_goes_to_the_stored_address_and_not_to_a_lookalike(
    anyone: Browser, a_person: Callable[..., Person], mailbox: Mailbox
) -> None:
    kelvin = "\N{KELVIN SIGN}"  # lower() makes it a k
    person = a_person()
    made = user.create(email=f"k{person.email}", password=PASSWORD, fullname="Kim", locale="en", timezone="UTC")
    assert ask(anyone, f"{kelvin}{person.email}").title == "Check your email"
    assert len(mailbox.of(made.email)) == 1
    assert mailbox.of(f"{kelvin}{person.email}") == []


@pytest.mark.parametrize("email", ["", "x", "a@b@c", "a b@example.org", "a@example.org,b@example.org", "a\r\nBcc: b@c"])
def test_invalid_email_address_is_explained_beside_the_field(anyone: Browser, email: str) -> None:
    page = ask(anyone, email)
    assert page.status == 400
    assert "The address is not an email address." in page.text
    assert page.html.find(id="email")["aria-describedby"] == "problem"  # type: ignore[index]


@pytest.mark.parametrize("password", ["", "short", "x" * 1025])
def test_invalid_password_leaves_the_reset_link_valid(
    anyone: Browser, a_person: Callable[..., Person], mailbox: Mailbox, password: str
) -> None:
    person = a_person()
    ask(anyone, person.email)
    page = choose(anyone, mailbox.link(person.email), password)
    assert page.status == 400
    assert "The password must have between 8 and 1024 characters." in page.text
    assert anyone.press(page, "Change password", password=NEW).status == 200


@pytest.mark.spec("RFC 7009 §2.2")
def test_store_failure_is_reported_and_the_reset_link_stays_valid(
    anyone: Browser, a_person: Callable[..., Person], mailbox: Mailbox, store: StoreProxy
) -> None:
    person = a_person()
    ask(anyone, person.email)
    page = anyone.open(mailbox.link(person.email))
    with store.fault(Fault.INTERNAL_ERROR, "TransactWriteItems"):
        assert anyone.press(page, "Change password", password=NEW).status == 503
    assert can_sign_in(anyone, person, PASSWORD)
    assert anyone.press(page, "Change password", password=NEW).status == 200


def test_reset_whose_write_is_not_confirmed_changes_the_password_once(
    anyone: Browser, a_person: Callable[..., Person], mailbox: Mailbox, store: StoreProxy
) -> None:
    person = a_person()
    ask(anyone, person.email)
    page = anyone.open(mailbox.link(person.email))
    with store.fault(Fault.LOSES_ANSWER, "TransactWriteItems", times=1):
        assert anyone.press(page, "Change password", password=NEW).status == 200
    assert can_sign_in(anyone, person, NEW)


def test_sign_in_running_with_the_old_password_gets_no_session(
    anyone: Browser, a_person: Callable[..., Person], mailbox: Mailbox
) -> None:
    """Its session starts after the reset, but with the password from before."""
    person = a_person()
    read_before = user.find_by_email(person.email)
    assert read_before is not None
    ask(anyone, person.email)
    choose(anyone, mailbox.link(person.email))
    late = Browser(anyone.base_url)
    late.http.cookies.set("lanyard-session", session.start(read_before, UNKNOWN))
    assert not is_signed_in(late)
