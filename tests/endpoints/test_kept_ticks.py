"""A consent form sent after its session ended is shown again, with its ticks, once the user signs in."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from chalicelib import limits
from tests.actors import PASSWORD, Browser, ClientApp, Fields, Page
from tests.conftest import Clock
from tests.flows.test_device import registered

PATH = "/api/v1/oauth/authorize"
NONE, SMALL = {"Big Events LLC": False, "Small Shows": False}, {"Big Events LLC": False, "Small Shows": True}

pytestmark = pytest.mark.spec("docs/architecture.md", "RFC 6749 §10.12", "docs/security.md")


def end_session(clock: Clock) -> None:
    clock.advance(limits.SESSION_IDLE_SECONDS + 1)


def sign_in_on(browser: Browser, page: Page, *, email: str = "", password: str = PASSWORD) -> Page:
    assert page.title == "Sign in"
    return browser.press(page, "Sign in", email=email or browser.user.email, password=password)


def come_back(browser: Browser, page: Page) -> Page:
    """Sign in on the page that carries the form, and return to the page that shows it again."""
    assert page.status == 401
    assert "you will find your form as you filled it in" in page.text
    kept = sign_in_on(browser, page)
    assert (kept.status, kept.title, kept.left_to) == (200, "You are signed in again", None)
    page = browser.press(kept, "Go back to your form")
    assert (page.status, page.left_to) == (403, None)
    assert "Check it and answer once more" in page.text
    return page


def granted(shop: ClientApp, page: Page) -> list[str]:
    token = shop.exchange(page.code).json()["access_token"]
    return sorted(found["name"] for found in shop.organizers(token).json()["results"])


@pytest.mark.parametrize("tick", [["Small Shows"], ["Big Events LLC", "Small Shows"]])
def test_ticks_return_after_signing_in_and_count_only_once_authorized(
    john: Browser, shop: ClientApp, clock: Clock, tick: list[str]
) -> None:
    page = john.open(shop.authorize_path(state="a b&c"))
    end_session(clock)
    page = sign_in_on(john, john.allow(page, *tick), password="wrong")
    page = come_back(john, page)
    assert (page.path, page.title) == (PATH, "Authorize A shop?")
    assert page.choices() == {name: name in tick for name in NONE}
    assert "A shop" not in john.open("/settings/authorized").text
    page = john.press(page, "Authorize")
    assert page.answer["state"] == "a b&c"
    assert granted(shop, page) == tick


def test_single_organizer_that_was_unticked_stays_unticked_after_signing_in(
    eve: Browser, shop: ClientApp, clock: Clock
) -> None:
    page = eve.open(shop.authorize_path())
    assert page.choices() == {"Other Org": True}
    unticked = {name: value for name, value in page.fields("Authorize").items() if name != "organizers"}
    end_session(clock)
    page = come_back(eve, eve.send(page, str(page.form_with("Authorize")["action"]), unticked))
    assert page.choices() == {"Other Org": False}
    page = eve.press(page, "Authorize")
    assert (page.status, page.left_to, page.choices()) == (400, None, {"Other Org": False})


@pytest.mark.parametrize("site", ["same-origin", "cross-site", None])
def test_single_organizer_is_not_preselected_again_on_a_page_that_answers_a_form(
    eve: Browser, shop: ClientApp, site: str | None
) -> None:
    """This also holds if the browser does not say which site sent the form, so that no ticks are shown."""
    page = eve.open(shop.authorize_path())
    unticked = {name: value for name, value in page.fields("Authorize").items() if name != "organizers"}
    eve.sign_out()
    eve.sign_in()
    page = eve.send(page, str(page.form_with("Authorize")["action"]), unticked, site=site)
    assert (page.status, page.choices()) == (403, {"Other Org": False})
    page = eve.press(page, "Authorize")
    assert (page.status, page.left_to, page.choices()) == (400, None, {"Other Org": False})


def test_search_text_returns_with_the_ticks(a_browser: Callable[..., Browser], shop: ClientApp, clock: Clock) -> None:
    ann = a_browser(*(f"Hall {number}" for number in range(limits.ORGANIZERS_FILTERED_FROM)))
    page = ann.press(ann.open(shop.authorize_path()), "Find", tick=["Hall 3"], find="Hall 7")
    end_session(clock)
    page = come_back(ann, ann.press(page, "Find", tick=["Hall 7"]))
    assert page.field("find") == "Hall 7"
    assert page.choices() == {"Hall 7": True, "Hall 3": True}
    assert granted(shop, ann.press(page, "Authorize")) == ["Hall 3", "Hall 7"]


@pytest.mark.parametrize("button", ["Authorize", "Deny", "Select all"])
def test_decision_is_never_repeated_after_signing_in(john: Browser, shop: ClientApp, clock: Clock, button: str) -> None:
    page = john.open(shop.authorize_path())
    end_session(clock)
    page = john.press(page, button, tick=["Small Shows"])
    assert "decision" not in page.response.text
    page = come_back(john, page)
    assert page.choices() == SMALL


def test_returned_form_asks_even_if_the_consent_is_remembered(john: Browser, shop: ClientApp, clock: Clock) -> None:
    page = john.open(shop.authorize_path())
    shop.connect(john, "Big Events LLC")
    end_session(clock)
    assert come_back(john, john.allow(page, "Small Shows")).choices() == SMALL


def test_form_without_a_decision_neither_allows_nor_denies(john: Browser, shop: ClientApp) -> None:
    page = john.open(shop.authorize_path())
    fields = {name: value for name, value in page.fields("Deny", "Small Shows").items() if name != "decision"}
    page = john.send(page, str(page.form_with("Deny")["action"]), fields)
    assert (page.status, page.left_to, page.choices()) == (200, None, SMALL)


def test_ticks_of_one_user_are_not_shown_to_another(john: Browser, eve: Browser, shop: ClientApp, clock: Clock) -> None:
    page = john.open(shop.authorize_path(state="kept"))
    end_session(clock)
    page = john.allow(page, "Small Shows")
    page = sign_in_on(john, page, email=eve.user.email)
    assert (page.status, page.path, page.choices()) == (200, PATH, {"Other Org": True})
    assert eve.user.email in page.text
    assert john.allow(page).answer["state"] == "kept"


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", None])
def test_another_site_can_never_tick_anything(john: Browser, shop: ClientApp, clock: Clock, site: str | None) -> None:
    page = john.open(shop.authorize_path())
    action, evil = str(page.form_with("Authorize")["action"]), page.fields("Authorize", "Small Shows")
    undecided: Fields = {name: value for name, value in evil.items() if name != "decision"}
    carried: Mapping[str, str | list[str]] = {f"typed.{name}": value for name, value in evil.items()}
    assert john.send(page, action, undecided, site=site).choices() == NONE
    end_session(clock)
    for form in (evil, undecided):
        page = john.send(john.open("/"), action, form, site=site)
        assert (page.status, page.title) == (200, "Sign in")
        assert "typed." not in page.response.text
    page = john.send(page, "/login", {"next": page.field("next"), **carried}, site=site)
    assert (page.status, "typed." in page.response.text) == (403, False)
    page = sign_in_on(john, page)
    assert (page.status, page.path, page.choices()) == (200, PATH, NONE)


def test_ticks_that_are_too_long_to_carry_are_dropped_and_the_request_is_kept(
    john: Browser, shop: ClientApp, clock: Clock
) -> None:
    page = john.open(shop.authorize_path(state="kept"))
    fields = page.fields("Authorize", "Small Shows")
    slugs = [f"{number:050}" for number in range(limits.CARRIED_FORM_LIMIT_BYTES // 65)]
    end_session(clock)
    page = john.send(page, str(page.form_with("Authorize")["action"]), {**fields, "organizers": slugs})
    assert (page.status, page.path, page.title) == (200, "/login", "Sign in")
    assert "Your session has ended, so nothing has been changed." in page.text
    page = sign_in_on(john, page)
    assert (page.status, page.choices()) == (200, NONE)
    assert john.allow(page, "Small Shows").answer["state"] == "kept"


def test_long_request_with_ticks_still_leaves_room_for_the_longest_credentials(
    john: Browser, shop: ClientApp, clock: Clock
) -> None:
    """The sign-in form also contains the request's address, encoded once more."""
    page = john.open(shop.authorize_path(state="=" * 1200))
    fields = page.fields("Authorize", "Small Shows")
    action, small = str(page.form_with("Authorize")["action"]), list(fields["organizers"])
    end_session(clock)
    carried = 0
    for number in range(0, 200, 20):
        slugs = [*small, *(f"{one:050}" for one in range(number))]
        page = john.send(page, action, {**fields, "organizers": slugs})
        if page.status == 401:
            carried = number
            longest = {
                "email": "e" * limits.EMAIL_LIMIT_CHARACTERS,
                "password": "p" * limits.PASSWORD_LIMIT_CHARACTERS,
            }
            assert john.press(page, "Sign in", **longest).status == 401
    assert 40 <= carried < 180


@pytest.mark.spec("RFC 8628 §3.3")
def test_ticks_and_device_code_return_after_signing_in(
    john: Browser, eve: Browser, a_browser: Callable[..., Browser]
) -> None:
    tv = registered(a_browser())
    started = tv.start()
    first = john.open(started["verification_uri_complete"])
    for button in ("Authorize", "Deny"):
        john.sign_out()
        page = john.press(first, button, tick=["Small Shows"])
        assert (page.status, page.title) == (401, "Sign in")
        page = john.press(page, "Sign in", email=john.user.email, password=john.user.password)
        page = john.press(page, "Go back to your form")
        assert (page.status, page.title) == (403, "Authorize A television?")
        assert page.choices() == {"Big Events LLC": False, "Small Shows": True}
        assert tv.poll(started["device_code"]).json()["error"] != "access_denied"
    john.sign_out()
    others = john.press(first, "Authorize", tick=["Small Shows"])
    others = john.press(others, "Sign in", email=eve.user.email, password=eve.user.password)
    assert (others.status, others.choices()) == (200, {"Other Org": True})
    assert started["user_code"] in others.text
    john.sign_out()
    john.sign_in()
    again = john.press(page, "Authorize")
    assert (again.status, again.choices()) == (403, {"Big Events LLC": False, "Small Shows": True})
    assert "You have connected" in john.press(again, "Authorize").text
