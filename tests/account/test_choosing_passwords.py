"""Guessable passwords are refused wherever one is chosen, used links cost no hash, and a reset can revoke access."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from argon2 import PasswordHasher

from chalicelib import credentials, limits
from tests.account.test_events import events
from tests.account.test_sessions import is_signed_in
from tests.actors import PASSWORD, Browser, ClientApp, Page, Person
from tests.mailbox import Mailbox
from tests.store_proxy import Fault, StoreProxy

NEW = "a new and better one"
REVOKE = "Also revoke the access of all applications"
GUESSABLE = {
    "password1234": "is too common, or too close to a common one.",
    "lanyard-2024": "is too close to your name, your email address or the name of this site.",
}


@pytest.fixture
def anyone(base_url: str, a_person: Callable[..., Person]) -> Browser:
    """A user's browser where nobody is signed in."""
    return Browser(base_url, a_person())


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The calls that argon2 has received."""
    made: list[str] = []
    for name in ("hash", "verify"):
        real: Callable[..., Any] = getattr(PasswordHasher, name)

        def noted(*arguments: Any, name: str = name, real: Callable[..., Any] = real, **more: Any) -> Any:
            made.append(name)
            return real(*arguments, **more)

        monkeypatch.setattr(PasswordHasher, name, noted)
    return made


def a_form(browser: Browser, mailbox: Mailbox, path: str = "/password/reset", email: str = "") -> Page:
    """The form behind a mailed link."""
    email = email or browser.user.email
    browser.press(browser.open(path), "Send the link", email=email)
    return browser.open(mailbox.link(email))


@pytest.mark.spec("docs/security.md")
@pytest.mark.parametrize("password", GUESSABLE)
def test_guessable_password_is_refused_when_changing_and_when_resetting(
    john: Browser, anyone: Browser, mailbox: Mailbox, password: str
) -> None:
    pages = [
        john.press(john.open("/settings/password"), "Change password", present=PASSWORD, password=password),
        anyone.press(a_form(anyone, mailbox), "Change password", password=password),
    ]
    assert [page.status for page in pages] == [400, 400]
    assert f"The new password {GUESSABLE[password]}" in pages[0].text
    assert f"The password {GUESSABLE[password]}" in pages[1].text
    assert anyone.sign_in().status == 200


@pytest.mark.spec("docs/security.md", "docs/pages.md")
def test_own_name_or_email_is_refused_as_a_password_at_sign_up(base_url: str, mailbox: Mailbox) -> None:
    browser, email = Browser(base_url), f"{credentials.new_serial().lower()}@example.net"
    page = a_form(browser, mailbox, "/sign-up", email)
    for password, problem in {**GUESSABLE, "nina_new_1": GUESSABLE["lanyard-2024"], email: "too close"}.items():
        page = browser.press(page, "Create account", fullname="Nina New", password=password)
        assert page.status == 400
        assert problem in page.text
    assert browser.press(page, "Create account", fullname="Nina New", password=NEW).title == "Profile"


@pytest.mark.spec("docs/security.md", "docs/pages.md")
def test_current_password_is_refused_as_the_new_one(john: Browser) -> None:
    page = john.press(john.open("/settings/password"), "Change password", present=PASSWORD, password=PASSWORD)
    assert page.status == 400
    assert "The new password is your current one." in page.text
    page = john.press(page, "Change password", present="not it", password="not it")
    assert "between 8 and" in page.text
    page = john.press(page, "Change password", present="not it at all", password="not it at all")
    assert "That is not your current password." in page.text
    assert "is your current one" not in page.text


@pytest.mark.spec("docs/security.md", "docs/pages.md")
def test_current_password_is_refused_by_a_reset_and_the_link_stays_valid(anyone: Browser, mailbox: Mailbox) -> None:
    page = anyone.press(a_form(anyone, mailbox), "Change password", password=PASSWORD, tick=[REVOKE])
    assert page.status == 400
    assert "The password is your current one." in page.text
    assert page.choices() == {REVOKE: True}, "the box stays ticked"
    assert anyone.press(page, "Change password", password=NEW).title == "Your password has been changed"


@pytest.mark.spec("docs/security.md")
def test_reset_link_gives_only_a_few_guesses_at_the_current_password(
    anyone: Browser, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAIL_LINK_TRIES", 2)
    page = a_form(anyone, mailbox)
    answers = [anyone.press(page, "Change password", password=PASSWORD).status for _ in range(3)]
    assert answers == [400, 400, 429]


@pytest.mark.spec("docs/security.md", "docs/pages.md")
def test_used_or_replaced_reset_link_costs_no_hash_and_lifts_no_throttle(
    anyone: Browser, mailbox: Mailbox, hashed: list[str]
) -> None:
    form, overtaken = a_form(anyone, mailbox), a_form(anyone, mailbox)
    anyone.press(overtaken, "Change password", password=NEW)
    guesser = Browser(anyone.base_url, anyone.user)
    for _ in range(limits.SIGN_IN_TRIES_PER_ACCOUNT + 1):
        throttled = guesser.sign_in(password="a guess")
    assert throttled.status == 429
    hashed.clear()
    for page in (form, overtaken):
        assert anyone.press(page, "Change password", password="another good one").status == 410
    assert hashed == []
    assert guesser.sign_in(password=NEW).status == 429


@pytest.mark.spec("docs/security.md", "docs/pages.md")
def test_used_or_replaced_sign_up_link_costs_no_hash(base_url: str, mailbox: Mailbox, hashed: list[str]) -> None:
    email, filled = f"{credentials.new_serial().lower()}@example.net", {"fullname": "Nina New", "password": NEW}
    first, second, third = Browser(base_url), Browser(base_url), Browser(base_url)
    overtaken, used = a_form(first, mailbox, "/sign-up", email), a_form(second, mailbox, "/sign-up", email)
    used_too = third.open(mailbox.link(email))
    assert second.press(used, "Create account", **filled).title == "Profile"
    hashed.clear()
    assert first.press(overtaken, "Create account", **filled).title == "This link is no longer valid"
    assert third.press(used_too, "Create account", **filled).title == "This link has been used"
    assert hashed == []


# -- access of applications --------------------------------------------------------------------------------------------


@pytest.mark.spec("docs/pages.md", "docs/architecture.md")
def test_password_reset_can_revoke_the_access_of_all_applications(
    john: Browser, anyone: Browser, shop: ClientApp, other_shop: ClientApp, mailbox: Mailbox
) -> None:
    tokens = [app.connect(john, "Big Events LLC") for app in (shop, other_shop)]
    code = john.open(shop.authorize_path()).code
    anyone.person = john.person
    page = a_form(anyone, mailbox)
    assert page.choices() == {REVOKE: False}
    page = anyone.press(page, "Change password", password=NEW, tick=[REVOKE])
    assert "No application has access to your account any more." in page.text
    for app, token in zip((shop, other_shop), tokens, strict=True):
        assert app.me(token["access_token"]).status_code == 401
        assert app.refresh(token["refresh_token"]).json()["error"] == "invalid_grant"
    assert shop.exchange(code).json()["error"] == "invalid_grant"
    assert not is_signed_in(john)
    john.sign_in(password=NEW)
    revoked = [event for event in events(john.open("/settings/security")) if "access revoked" in event]
    assert sorted(event.split()[3] for event in revoked) == ["A", "Another"]


@pytest.mark.spec("docs/pages.md")
def test_reset_that_cannot_revoke_everything_says_so_and_still_changes_the_password(
    john: Browser, anyone: Browser, shop: ClientApp, mailbox: Mailbox, store: StoreProxy
) -> None:
    shop.connect(john, "Big Events LLC")
    anyone.person = john.person
    page = a_form(anyone, mailbox)
    with store.fault(Fault.INTERNAL_ERROR, "Query"):
        page = anyone.press(page, "Change password", password=NEW, tick=[REVOKE])
    assert (page.status, page.title) == (200, "Your password has been changed")
    assert "Not all applications could be revoked." in page.text
    assert anyone.sign_in(password=NEW).status == 200
    assert anyone.press(anyone.open("/settings/authorized/all"), "Revoke all").status == 200


@pytest.mark.spec("docs/pages.md", "docs/security.md")
def test_password_changes_per_account_are_limited(
    john: Browser, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PASSWORD_CHANGES_PER_ACCOUNT", 2)
    chosen = [PASSWORD, *(f"{NEW}, number {number}" for number in range(3))]
    answers = [
        john.press(john.open("/settings/password"), "Change password", present=present, password=password).status
        for present, password in itertools.pairwise(chosen)
    ]
    assert answers == [200, 200, 429]
    assert len(mailbox.of(john.user.email)) == 2


@pytest.mark.parametrize("tick", [[REVOKE], []])
def test_reset_form_shown_again_keeps_the_revoke_choice(
    john: Browser, shop: ClientApp, mailbox: Mailbox, tick: list[str]
) -> None:
    tokens, wanted = shop.connect(john, "Small Shows"), {REVOKE: bool(tick)}
    page = a_form(john, mailbox)
    assert page.choices() == {REVOKE: False}
    page = john.press(page, "Change password", tick=tick, password="short")
    assert (page.status, page.choices()) == (400, wanted)
    john.http.cookies.clear()
    for _ in range(2):
        page = john.press(page, "Change password", password=NEW)
        john.http.cookies.clear()
        assert (page.status, page.title, page.choices()) == (403, "Choose a new password", wanted)
    assert shop.me(tokens["access_token"]).status_code == 200
    page = john.send(page, "/password/new", page.fields("Change password"))
    page = john.press(page, "Change password", password="short")
    assert (page.status, page.choices()) == (400, wanted)
    page = john.press(page, "Change password", password=NEW)
    assert page.title == "Your password has been changed"
    assert shop.me(tokens["access_token"]).status_code == (401 if tick else 200)
