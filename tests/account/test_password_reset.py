"""A forgotten password: a link is mailed, works once and for a short time, and ends every session."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from chalicelib import credentials, settings
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


def test_the_link_in_the_mail_leads_to_a_new_password(
    anyone: Browser, a_person: Callable[..., Person], mailbox: Mailbox
) -> None:
    person = a_person()
    assert anyone.open("/login").link("Forgot your password?") == ASK
    assert ask(anyone, person.email).title == "Check your email"
    page = choose(anyone, mailbox.link(person.email))
    assert page.title == "Your password has been changed"
    assert not can_sign_in(anyone, person, PASSWORD)
    assert can_sign_in(anyone, person, NEW)


def test_it_ends_all_sessions_and_is_in_the_history(john: Browser, anyone: Browser, mailbox: Mailbox) -> None:
    assert john.person is not None
    ask(anyone, john.person.email)
    choose(anyone, mailbox.link(john.person.email))
    assert not is_signed_in(john)
    john.sign_in(password=NEW)
    assert events(john.open("/settings/security"))[1].startswith("Password reset by email")


def test_it_signs_nobody_in(anyone: Browser, a_person: Callable[..., Person], mailbox: Mailbox) -> None:
    person = a_person()
    ask(anyone, person.email)
    choose(anyone, mailbox.link(person.email))
    assert not is_signed_in(anyone)


def test_who_came_to_connect_an_application_can_go_on_with_it(
    anyone: Browser, a_person: Callable[..., Person], mailbox: Mailbox, shop: ClientApp
) -> None:
    person = a_person()
    page = anyone.open(shop.authorize_path(scope="profile"))
    page = anyone.open(str(page.link("Forgot your password?")))
    anyone.press(page, "Send the link", email=person.email)
    page = anyone.open(str(choose(anyone, mailbox.link(person.email)).link("Sign in")))
    page = anyone.press(page, "Sign in", email=person.email, password=NEW)
    assert page.title == "Authorize A shop?"


def test_applications_keep_their_access(john: Browser, anyone: Browser, shop: ClientApp, mailbox: Mailbox) -> None:
    assert john.person is not None
    tokens = shop.connect(john, "Big Events LLC")
    ask(anyone, john.person.email)
    choose(anyone, mailbox.link(john.person.email))
    assert shop.me(tokens["access_token"]).status_code == 200


def test_who_was_throttled_can_sign_in_after_it(
    anyone: Browser, a_person: Callable[..., Person], mailbox: Mailbox
) -> None:
    person = a_person()
    guesser = Browser(anyone.base_url, replace(person, password="a guess"))
    for _ in range(settings.SIGN_IN_TRIES_PER_ACCOUNT + 1):
        page = guesser.sign_in()
    assert page.status == 429
    ask(anyone, person.email)
    choose(anyone, mailbox.link(person.email))
    assert can_sign_in(anyone, person, NEW)


# -- the link ---------------------------------------------------------------------------------------------------------


def test_a_link_works_once(anyone: Browser, a_person: Callable[..., Person], mailbox: Mailbox) -> None:
    person = a_person()
    ask(anyone, person.email)
    link = mailbox.link(person.email)
    choose(anyone, link)
    page = anyone.open(link)
    assert (page.status, page.title) == (410, "This link has been used")
    assert page.link("Request a new link") == ASK


def test_a_form_that_was_open_when_the_link_was_used_does_nothing(
    anyone: Browser, a_person: Callable[..., Person], mailbox: Mailbox
) -> None:
    person = a_person()
    ask(anyone, person.email)
    open_form = anyone.open(mailbox.link(person.email))
    anyone.press(open_form, "Change password", password=NEW)
    page = anyone.press(open_form, "Change password", password="another one")
    assert (page.status, page.title) == (410, "This link has been used")
    assert can_sign_in(anyone, person, NEW)


def test_looking_at_the_link_uses_nothing_up(
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


def test_a_link_expires(anyone: Browser, a_person: Callable[..., Person], mailbox: Mailbox, clock: Clock) -> None:
    person = a_person()
    ask(anyone, person.email)
    link = mailbox.link(person.email)
    open_form = anyone.open(link)
    clock.advance(settings.MAIL_LINK_LIFETIME_SECONDS)
    for page in (anyone.open(link), anyone.press(open_form, "Change password", password=NEW)):
        assert (page.status, page.title) == (410, "This link has expired")
    assert can_sign_in(anyone, person, PASSWORD)


def test_made_up_links_do_nothing_and_cost_no_read(anyone: Browser, store: StoreProxy) -> None:
    with store.count() as calls:
        for token in ("x", "lyml_" + "a" * 49, "\r\nSet-Cookie: a=b", "‮", "x; Path=/; Domain=example.org"):
            page = anyone.open(CHOOSE, token=token)
            assert (page.status, page.title) == (410, "This link does not work")
    assert calls == []
    page = anyone.open(CHOOSE, token=credentials.mint(credentials.Kind.MAIL_LINK))
    assert (page.status, page.title) == (410, "This link does not work")


def test_other_credentials_are_no_links(john: Browser, anyone: Browser, shop: ClientApp) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    for token in (tokens["access_token"], tokens["refresh_token"], shop.secret, john.http.cookies["lanyard-session"]):
        assert anyone.open(CHOOSE, token=token).status == 410


def test_a_link_changes_the_password_of_its_own_user_alone(john: Browser, eve: Browser, mailbox: Mailbox) -> None:
    assert john.person is not None
    assert eve.person is not None
    ask(eve, eve.person.email)
    page = eve.open(mailbox.link(eve.person.email))
    fields = {name: page.field(name) for name in ("csrf_token", "token")}
    named = {"email": john.person.email, "username": john.person.email, "user_id": john.person.user_id}
    assert eve.send(page, CHOOSE, {**fields, **named, "password": NEW}).status == 200
    assert can_sign_in(john, john.person, PASSWORD)
    assert can_sign_in(eve, eve.person, NEW)


def test_choosing_a_password_ends_the_other_links_of_the_user(
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


def test_a_password_changed_in_the_settings_ends_the_links(john: Browser, anyone: Browser, mailbox: Mailbox) -> None:
    assert john.person is not None
    ask(anyone, john.person.email)
    link = mailbox.link(john.person.email)
    john.press(john.open("/settings/password"), "Change password", present=PASSWORD, password=NEW)
    page = choose(anyone, link, "another one")
    assert (page.status, page.title) == (410, "This link is no longer valid")
    assert is_signed_in(john)


@pytest.mark.spec("docs/architecture.md")
def test_a_disabled_user_gets_no_mail_and_no_use_of_an_older_link(
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


def test_of_many_uses_at_once_one_counts(anyone: Browser, a_person: Callable[..., Person], mailbox: Mailbox) -> None:
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


def test_the_answer_and_the_work_are_the_same_for_an_unknown_address(
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


def test_the_token_leaves_the_address_and_is_no_referrer(
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


def test_the_token_is_in_no_log_and_only_its_digest_in_the_store(
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


def test_the_link_names_our_own_address_whatever_the_host_header_says(
    anyone: Browser, a_person: Callable[..., Person], mailbox: Mailbox
) -> None:
    person = a_person()
    anyone.http.headers.update({"Host": "evil.example.com", "X-Forwarded-Host": "evil.example.com"})
    ask(anyone, person.email)
    assert mailbox.link(person.email).startswith(f"{anyone.base_url}{CHOOSE}?token=lyml_")
    assert "evil" not in mailbox.of(person.email)[0].get_content()


@pytest.mark.spec("RFC 6749 §10.12")
def test_both_forms_need_this_browsers_own_token(
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


def test_the_mail_goes_to_the_stored_address_and_not_to_one_that_looks_like_it(
    anyone: Browser, a_person: Callable[..., Person], mailbox: Mailbox
) -> None:
    kelvin = "\N{KELVIN SIGN}"  # lower() makes it a k
    person = a_person()
    made = user.create(email=f"k{person.email}", password=PASSWORD, fullname="Kim", locale="en", timezone="UTC")
    assert ask(anyone, f"{kelvin}{person.email}").title == "Check your email"
    assert len(mailbox.of(made.email)) == 1
    assert mailbox.of(f"{kelvin}{person.email}") == []


@pytest.mark.parametrize("email", ["", "x", "a@b@c", "a b@example.org", "a@example.org,b@example.org", "a\r\nBcc: b@c"])
def test_what_is_no_address_is_told_beside_the_field(anyone: Browser, email: str) -> None:
    page = ask(anyone, email)
    assert page.status == 400
    assert "The address is not an email address." in page.text
    assert page.html.find(id="email")["aria-describedby"] == "problem"  # type: ignore[index]


@pytest.mark.parametrize("password", ["", "short", "x" * 1025])
def test_a_password_that_cannot_be_taken_leaves_the_link_good(
    anyone: Browser, a_person: Callable[..., Person], mailbox: Mailbox, password: str
) -> None:
    person = a_person()
    ask(anyone, person.email)
    page = choose(anyone, mailbox.link(person.email), password)
    assert page.status == 400
    assert "The password must have between 8 and 1024 characters." in page.text
    assert anyone.press(page, "Change password", password=NEW).status == 200


@pytest.mark.spec("RFC 7009 §2.2")
def test_a_store_that_fails_is_said_to_fail_and_the_link_stays_good(
    anyone: Browser, a_person: Callable[..., Person], mailbox: Mailbox, store: StoreProxy
) -> None:
    person = a_person()
    ask(anyone, person.email)
    page = anyone.open(mailbox.link(person.email))
    with store.fault(Fault.INTERNAL_ERROR, "TransactWriteItems"):
        assert anyone.press(page, "Change password", password=NEW).status == 503
    assert can_sign_in(anyone, person, PASSWORD)
    assert anyone.press(page, "Change password", password=NEW).status == 200


def test_an_answer_that_the_store_loses_changes_the_password_once(
    anyone: Browser, a_person: Callable[..., Person], mailbox: Mailbox, store: StoreProxy
) -> None:
    person = a_person()
    ask(anyone, person.email)
    page = anyone.open(mailbox.link(person.email))
    with store.fault(Fault.LOSES_ANSWER, "TransactWriteItems", times=1):
        assert anyone.press(page, "Change password", password=NEW).status == 200
    assert can_sign_in(anyone, person, NEW)


def test_a_sign_in_that_was_under_way_with_the_old_password_gets_no_session(
    anyone: Browser, a_person: Callable[..., Person], mailbox: Mailbox
) -> None:
    """Its session begins after the reset, but under the password before it."""
    person = a_person()
    read_before = user.find_by_email(person.email)
    assert read_before is not None
    ask(anyone, person.email)
    choose(anyone, mailbox.link(person.email))
    late = Browser(anyone.base_url)
    late.http.cookies.set("lanyard-session", session.start(read_before, UNKNOWN))
    assert not is_signed_in(late)
