"""/settings/password: changing the password requires the current one and ends every other session."""

from __future__ import annotations

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from chalicelib import limits
from chalicelib.models import session, user
from tests.account.test_events import events
from tests.account.test_sessions import another_browser, is_signed_in
from tests.actors import PASSWORD, Browser, ClientApp, Page
from tests.mailbox import Mailbox
from tests.store_proxy import StoreProxy

PATH = "/settings/password"
NEW = "a new and better one"

pytestmark = pytest.mark.spec("docs/pages.md")


def change(browser: Browser, present: str = PASSWORD, password: str = NEW) -> Page:
    return browser.press(browser.open(PATH), "Change password", present=present, password=password)


def test_new_password_works_and_the_old_one_does_not(john: Browser) -> None:
    page = change(john)
    assert page.title == "Security"
    assert events(page)[0].startswith("Password changed")
    assert Browser(john.base_url, john.person).sign_in().status == 401
    assert Browser(john.base_url, john.person).sign_in(password=NEW).status == 200


def test_password_change_ends_every_other_session_and_keeps_this_one(john: Browser) -> None:
    stolen = another_browser(john)
    change(john)
    assert not is_signed_in(stolen)
    assert is_signed_in(john)


@pytest.mark.spec("docs/security.md")
def test_password_change_gives_this_browser_a_new_session_id(john: Browser) -> None:
    before = john.http.cookies["lanyard-session"]
    change(john)
    after = john.http.cookies["lanyard-session"]
    assert after != before
    thief = Browser(john.base_url)
    thief.http.cookies.set("lanyard-session", before)
    assert not is_signed_in(thief)


def test_password_change_leaves_applications_their_access(john: Browser, shop: ClientApp) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    change(john)
    assert shop.me(tokens["access_token"]).status_code == 200


def test_owner_is_emailed_after_a_password_change(john: Browser, mailbox: Mailbox) -> None:
    assert john.person is not None
    change(john, present="not the present one")
    assert mailbox.of(john.person.email) == []
    change(john)
    (mail,) = mailbox.of(john.person.email)
    assert mail["Subject"] == "Your password for Lanyard was changed"
    assert mailbox.link(john.person.email) == f"{john.base_url}/password/reset"


def test_wrong_current_password_changes_nothing(john: Browser) -> None:
    other = another_browser(john)
    page = change(john, present="not the present one")
    assert page.status == 400
    assert "That is not your current password." in page.text
    assert is_signed_in(other)
    assert Browser(john.base_url, john.person).sign_in().status == 200


@pytest.mark.parametrize("password", ["", "short", "x" * 1025])
def test_invalid_new_password_is_explained_beside_its_field(john: Browser, password: str) -> None:
    page = change(john, password=password)
    assert page.status == 400
    assert "The new password must have between 8 and 1024 characters." in page.text
    assert page.html.find(id="password")["aria-describedby"] == "hint problem"  # type: ignore[index]


def test_guesses_at_the_current_password_are_throttled(john: Browser) -> None:
    for _ in range(limits.SIGN_IN_TRIES_PER_ACCOUNT):
        assert change(john, present="a guess").status == 400
    assert change(john, present="a guess").status == 429
    page = change(john)
    assert page.status == 429
    assert "Wait 15 minutes" in page.text


@pytest.mark.spec("RFC 6749 §10.12")
def test_password_form_requires_its_own_csrf_token(john: Browser, eve: Browser) -> None:
    fields = {"present": PASSWORD, "password": NEW}
    page = john.open(PATH)
    assert john.send(page, PATH, fields).status == 403
    assert john.send(page, PATH, {**fields, "csrf_token": eve.open(PATH).field("csrf_token")}).status == 403
    assert john.send(page, PATH, {**fields, "csrf_token": john.open("/logout").field("csrf_token")}).status == 403
    assert Browser(john.base_url, john.person).sign_in().status == 200


def test_of_several_changes_at_once_exactly_one_succeeds(a_browser: Callable[..., Browser]) -> None:
    for _ in range(3):
        john = a_browser()
        passwords = [f"race number {number}" for number in range(3)]
        csrf_tokens = [john.open(PATH).field("csrf_token") for _ in passwords]
        with ThreadPoolExecutor(3) as pool:
            answers = list(pool.map(functools.partial(_post, john), csrf_tokens, passwords))
        assert sorted(answers)[0] == 303
        won = [password for status, password in zip(answers, passwords, strict=True) if status == 303]
        assert len(won) == 1
        good = [p for p in [PASSWORD, *passwords] if _can_sign_in(john, p)]
        assert good == won


def test_second_click_after_the_change_does_not_claim_that_nothing_changed(john: Browser) -> None:
    """The second click arrives with the session that the first one ended."""
    page = john.open(PATH)
    hasty = at_the_same_browser(john)
    change(john)
    page = hasty.press(page, "Change password", present=PASSWORD, password=NEW)
    assert (page.status, page.path) == (200, "/login")
    assert "nothing has been changed" not in page.text
    assert "Sign in to continue, with the new password if you have just changed it." in page.text
    page = hasty.press(page, "Sign in", email=john.user.email, password=NEW)
    assert (page.status, page.path) == (200, PATH)


def test_second_click_in_a_browser_that_has_its_new_session_says_that_the_password_counts(john: Browser) -> None:
    """The browser may store the first response's cookies and still show the second response's page."""
    page = john.open(PATH)
    hasty = at_the_same_browser(john)
    change(john)
    answer = hasty.http.post(
        john.base_url + PATH,
        data=page.fields("Change password") | {"present": PASSWORD, "password": NEW},
        headers={"Sec-Fetch-Site": "same-origin"},
        allow_redirects=False,
    )
    john.http.cookies.update(answer.cookies)
    page = john.open(answer.headers["Location"])
    assert (page.status, page.path) == (200, PATH)
    assert "If you have just changed your password, the new one counts." in page.text
    assert "session has ended" not in page.text


def test_two_clicks_at_once_change_the_password_once_and_both_succeed(
    john: Browser, store: StoreProxy, mailbox: Mailbox
) -> None:
    page = john.open(PATH)
    hasty = at_the_same_browser(john)
    first: list[Page] = []
    with store.before("TransactWriteItems", lambda: first.append(change(john))):
        second = hasty.press(page, "Change password", present=PASSWORD, password=NEW)
    for page in (*first, second):
        assert (page.status, page.title) == (200, "Security")
        assert "Your password has been changed" in page.text
    assert [event.split(",")[0].startswith("Password changed") for event in events(second)].count(True) == 1
    assert len(mailbox.of(john.user.email)) == 1
    assert is_signed_in(john)
    assert is_signed_in(hasty)
    assert not _can_sign_in(john, PASSWORD)
    assert _can_sign_in(john, NEW)


def test_session_of_a_second_click_survives_the_cleanup_of_the_first(john: Browser, store: StoreProxy) -> None:
    """The first change cleans up old sessions, which must not include the one the second click started."""
    page = john.open(PATH)
    hasty = at_the_same_browser(john)
    second: list[Page] = []
    with store.before("TransactWriteItems", lambda: second.append(change(hasty))):
        assert john.press(page, "Change password", present=PASSWORD, password=NEW).title == "Security"
    found = user.find_by_email(john.user.email)
    assert found is not None
    session.clear_away(found)
    assert is_signed_in(john)
    assert is_signed_in(hasty)


def test_different_new_password_at_the_same_moment_is_a_conflict(john: Browser, store: StoreProxy) -> None:
    page = john.open(PATH)
    hasty = at_the_same_browser(john)
    with store.before("TransactWriteItems", lambda: change(john)):
        second = hasty.press(page, "Change password", present=PASSWORD, password="quite another one")
    assert second.status == 409
    assert _can_sign_in(john, NEW)


def at_the_same_browser(browser: Browser) -> Browser:
    """The same browser before it receives the response to its next request."""
    other = Browser(browser.base_url, browser.person)
    other.http.cookies.update(browser.http.cookies)
    return other


def _post(browser: Browser, csrf_token: str, password: str) -> int:
    other = Browser(browser.base_url)
    other.http.cookies.update(browser.http.cookies)
    fields: dict[str, Any] = {"csrf_token": csrf_token, "present": PASSWORD, "password": password}
    response = other.http.post(browser.base_url + PATH, data=fields, allow_redirects=False)
    location = response.headers.get("Location", "")
    return 401 if location.startswith("/login") else response.status_code


def _can_sign_in(browser: Browser, password: str) -> bool:
    assert browser.person is not None
    return Browser(browser.base_url, replace(browser.person, password=password)).sign_in().status == 200
