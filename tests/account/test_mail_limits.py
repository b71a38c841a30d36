"""Emails with a link are limited per account, per network and in total, and strangers cannot use up a user's own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chalicelib import credentials, limits
from chalicelib.models import throttle
from tests.actors import Browser, Page, Person
from tests.conftest import Clock
from tests.mailbox import Mailbox

RESET, SIGN_UP = "/password/reset", "/sign-up"
PATHS = pytest.mark.parametrize("path", [RESET, SIGN_UP])
pytestmark = [pytest.mark.spec("docs/pages.md"), pytest.mark.usefixtures("_one_window")]


@pytest.fixture
def _one_window(clock: Clock) -> None:
    """Begin a new time window, so that none ends in the middle of a test."""
    clock.stop()
    clock.advance(limits.MAIL_WINDOW_SECONDS - clock.now() % limits.MAIL_WINDOW_SECONDS)
    throttle.forget(throttle.named("mail address", "127.0.0.1"), window_seconds=limits.MAIL_WINDOW_SECONDS)


@pytest.fixture
def anyone(base_url: str) -> Browser:
    """A browser with nobody signed in."""
    return Browser(base_url)


@pytest.fixture
def emails(a_person: Callable[..., Person]) -> dict[str, str]:
    """For each path, an address that gets a link there: a user's for a reset, a newcomer's for a sign-up."""
    return {RESET: a_person().email, SIGN_UP: a_newcomers()}


def a_newcomers() -> str:
    return f"{credentials.new_serial().lower()}@example.net"


def ask(browser: Browser, path: str, email: str) -> Page:
    return browser.press(browser.open(path), "Send the link", email=email)


def fill(browser: Browser, path: str, email: str) -> None:
    """Request links until no more are sent."""
    answers = [ask(browser, path, email).status for _ in range(limits.MAILS_PER_ACCOUNT + 1)]
    assert answers == [200] * limits.MAILS_PER_ACCOUNT + [429]


@PATHS
def test_emails_are_limited_per_account(anyone: Browser, mailbox: Mailbox, emails: dict[str, str], path: str) -> None:
    fill(anyone, path, emails[path])
    assert len(mailbox.of(emails[path])) == limits.MAILS_PER_ACCOUNT


@PATHS
def test_same_limit_applies_to_addresses_that_get_no_link(anyone: Browser, emails: dict[str, str], path: str) -> None:
    fill(anyone, path, emails[SIGN_UP if path == RESET else RESET])


@pytest.mark.parametrize(("asked", "wanted"), [(SIGN_UP, RESET), (RESET, SIGN_UP)])
def test_stranger_who_uses_up_one_kind_of_link_does_not_block_the_other(
    anyone: Browser, mailbox: Mailbox, emails: dict[str, str], asked: str, wanted: str
) -> None:
    fill(anyone, asked, emails[wanted])
    assert ask(anyone, wanted, emails[wanted]).title == "Check your email"
    assert anyone.open(mailbox.link(emails[wanted])).status == 200


@PATHS
def test_user_who_has_to_wait_has_a_link_that_still_works(
    anyone: Browser, mailbox: Mailbox, clock: Clock, emails: dict[str, str], path: str
) -> None:
    fill(anyone, path, emails[path])
    clock.advance(limits.MAIL_WINDOW_SECONDS - 1)
    assert ask(anyone, path, emails[path]).status == 429
    assert anyone.open(mailbox.link(emails[path])).status == 200


@PATHS
def test_email_limit_ends_with_its_time_window(
    anyone: Browser, clock: Clock, emails: dict[str, str], path: str
) -> None:
    fill(anyone, path, emails[path])
    assert ask(anyone, path, emails[path]).response.headers["Retry-After"] == str(limits.MAIL_WINDOW_SECONDS)
    clock.advance(limits.MAIL_WINDOW_SECONDS)
    assert ask(anyone, path, emails[path]).status == 200


@PATHS
def test_emails_are_limited_per_requesting_address(anyone: Browser, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr(limits, "MAILS_PER_ADDRESS", 3)
    assert [ask(anyone, path, a_newcomers()).status for _ in range(4)] == [200, 200, 200, 429]


def test_total_sign_up_limit_does_not_affect_password_resets(
    anyone: Browser, mailbox: Mailbox, emails: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "THROTTLE_SHARDS", 1)
    monkeypatch.setattr(limits, "MAILS_IN_ALL", 3)
    for path in (RESET, SIGN_UP):
        in_all = throttle.named(f"mail {path}", "in all", "0")
        throttle.forget(in_all, window_seconds=limits.MAIL_WINDOW_SECONDS)
    newcomers = [a_newcomers() for _ in range(5)]
    assert [ask(anyone, SIGN_UP, email).status for email in newcomers] == [200, 200, 200, 429, 429]
    assert [len(mailbox.of(email)) for email in newcomers] == [1, 1, 1, 0, 0]
    assert ask(anyone, RESET, emails[RESET]).status == 200
