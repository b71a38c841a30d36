"""/settings/security: users see where they are signed in, which session is this one, and end the others."""

from __future__ import annotations

import pytest

from tests.actors import Browser, Page
from tests.conftest import Clock

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Safari/604.1"
PATH = "/settings/security"

pytestmark = pytest.mark.spec("docs/storage.md")


def another_browser(of: Browser, user_agent: str = IPHONE) -> Browser:
    other = Browser(of.base_url, of.person)
    other.http.headers["User-Agent"] = user_agent
    other.sign_in()
    return other


def sessions(page: Page) -> list[str]:
    return page.listed("sessions")


def is_signed_in(browser: Browser) -> bool:
    return browser.open(PATH).path == PATH


def test_sessions_are_listed_with_device_time_and_address_and_this_one_is_marked(john: Browser) -> None:
    here = another_browser(john, FIREFOX)
    another_browser(john, IPHONE)
    listed = sessions(here.open(PATH))
    assert len(listed) == 3
    (this,) = [text for text in listed if "This browser" in text]
    assert "Firefox, Linux" in this
    assert "127.0.0.1" in this
    assert "Signed in " in this
    assert any("Safari, iPhone" in text for text in listed)


def test_one_other_session_can_be_ended_without_the_rest(john: Browser) -> None:
    stolen, kept = another_browser(john, IPHONE), another_browser(john, FIREFOX)
    page = john.open(PATH)
    page = john.press(page, "Sign out Safari, iPhone")
    assert len(sessions(page)) == 2
    assert not is_signed_in(stolen)
    assert is_signed_in(kept)
    assert is_signed_in(john)


def test_all_other_sessions_can_be_ended_at_once(john: Browser) -> None:
    others = [another_browser(john), another_browser(john)]
    page = john.press(john.open(PATH), "Sign out everywhere else")
    assert len(sessions(page)) == 1
    assert not any(is_signed_in(other) for other in others)
    assert is_signed_in(john)


def test_single_session_shows_no_sign_out_button(john: Browser) -> None:
    page = john.open(PATH)
    assert len(sessions(page)) == 1
    assert page.html.find("button") is None


def test_second_click_on_sign_out_is_harmless(john: Browser) -> None:
    another_browser(john)
    page = john.open(PATH)
    john.press(page, "Sign out Safari")
    again = john.press(page, "Sign out Safari")
    assert again.status == 200
    assert len(sessions(again)) == 1


def test_expired_session_is_not_listed(john: Browser, clock: Clock) -> None:
    another_browser(john)
    for _ in range(4):  # this browser stays in use while the other is idle
        clock.advance(3000)
        assert is_signed_in(john)
    assert len(sessions(john.open(PATH))) == 1


def test_nobody_sees_or_ends_another_users_sessions(john: Browser, eve: Browser) -> None:
    another_browser(john)
    page = john.open(PATH)
    assert len(sessions(eve.open(PATH))) == 1
    fields = {"session": page.field("session"), "csrf_token": page.field("csrf_token")}  # the first button's fields
    assert eve.send(eve.open(PATH), PATH, fields).status == 403
    assert len(sessions(john.open(PATH))) == 2


@pytest.mark.spec("RFC 6749 §10.12")
def test_ending_sessions_requires_the_forms_own_csrf_token(john: Browser) -> None:
    other = another_browser(john)
    assert john.send(john.open(PATH), PATH, {"session": "others"}).status == 403
    for_one = john.open(PATH).field("csrf_token")
    assert john.send(john.open(PATH), PATH, {"session": "others", "csrf_token": for_one}).status == 403
    assert is_signed_in(other)


def test_unusual_user_agent_is_shown_as_text(john: Browser) -> None:
    another_browser(john, "<script>alert(1)</script>" + "x" * 5000)
    page = john.open(PATH)
    assert page.html.find("script") is None
    assert any("<script>alert(1)</script>xxx" in text for text in sessions(page))
    assert len(page.response.content) < 30_000


def test_visitor_returns_to_the_security_page_after_signing_in(john: Browser) -> None:
    stranger = Browser(john.base_url, john.person)
    page = stranger.open(PATH)
    assert page.title == "Sign in"
    assert page.field("next") == PATH
