"""A user with very many organizers chooses among them, up to the limit of one consent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from bs4 import Tag

from chalicelib import clock, credentials, limits
from chalicelib.models import store as storage
from chalicelib.models.consent import Consent
from chalicelib.models.organizer import Organizer
from chalicelib.models.user import User
from tests.actors import Browser, ClientApp, Page
from tests.flows.test_device import registered

pytestmark = pytest.mark.spec("docs/architecture.md", "RFC 6749 §10.12")
LIMIT = limits.ORGANIZERS_PER_CONSENT_LIMIT
TOO_MANY = "That is {count} organizers, and an application can be given at most {limit}. Choose fewer."


@pytest.fixture
def agency(a_browser: Callable[..., Browser]) -> Callable[..., Browser]:
    """Sign in a user with this many organizers, each with the longest possible slug and name."""

    def make(count: int) -> Browser:
        browser, mark = a_browser(), credentials.new_serial().lower()
        slugs = [f"{mark}-{number:0{49 - len(mark)}}" for number in range(count)]
        names = (f"{number} {'é' * 250}" for number in range(count))
        made = [
            Organizer(slug=slug, name=name, created_at=clock.now()) for slug, name in zip(slugs, names, strict=True)
        ]
        for start in range(0, count, 100):
            storage.write(*(storage.Put(organizer) for organizer in made[start : start + 100]))
        storage.change(User.key(browser.user.user_id), [User.memberships.add(set(slugs))])
        return browser

    return make


def ticked(page: Page) -> int:
    return sum(page.choices().values())


def names_of(shop: ClientApp, token: str) -> Iterator[str]:
    number = 1
    while True:
        found: dict[str, Any] = shop.organizers(token, page=str(number), page_size="100").json()
        yield from (organizer["name"] for organizer in found["results"])
        if not found["next"]:
            return
        number += 1


def test_user_can_select_and_allow_as_many_organizers_as_the_limit_at_once(
    agency: Callable[..., Browser], shop: ClientApp
) -> None:
    browser = agency(LIMIT)
    page = browser.press(browser.open(shop.authorize_path(state="kept")), "Select all")
    assert (page.status, ticked(page)) == (200, LIMIT)
    page = browser.press(page, "Authorize")
    assert page.answer["state"] == "kept"
    tokens = shop.exchange(page.code).json()
    assert len(set(names_of(shop, tokens["access_token"]))) == LIMIT
    assert shop.refresh(tokens["refresh_token"]).status_code == 200
    remembered = browser.open(shop.authorize_path())
    assert remembered.code


def test_user_who_ticks_too_many_organizers_is_told_so_and_keeps_the_ticks(
    agency: Callable[..., Browser], shop: ClientApp
) -> None:
    browser = agency(LIMIT + 1)
    told = TOO_MANY.format(limit=LIMIT, count=LIMIT + 1)
    first = browser.open(shop.authorize_path())
    everything = list(first.choices())
    page = browser.press(first, "Select all", tick=everything[:2])
    assert (page.status, ticked(page)) == (200, 2)
    assert told in page.text
    assert first.html.find(id="problem") is None
    page = browser.press(first, "Authorize", tick=everything)
    assert (page.status, page.left_to, ticked(page)) == (400, None, LIMIT + 1)
    assert told in page.text
    assert storage.read(Consent.key(browser.user.user_id, shop.client_id)) == (None,)
    page = browser.press(browser.press(page, "Select none"), "Find", find="7")
    page = browser.press(page, "Select all of these")
    assert told not in page.text
    assert browser.press(page, "Authorize").code


def test_search_text_is_cut_to_the_length_of_a_name(agency: Callable[..., Browser], shop: ClientApp) -> None:
    browser = agency(limits.ORGANIZERS_FILTERED_FROM)
    page = browser.press(browser.open(shop.authorize_path()), "Find", find="7" * 10_000)
    found = page.html.find(id="find")
    assert isinstance(found, Tag)
    assert found["value"] == "7" * limits.NAME_LIMIT_CHARACTERS


def test_form_with_twice_the_limit_still_gets_a_page_that_answers(
    agency: Callable[..., Browser], shop: ClientApp
) -> None:
    browser = agency(1)
    page = browser.open(shop.authorize_path())
    slugs = [*page.fields("Authorize")["organizers"], *(f"{number:050}" for number in range(2 * LIMIT - 1))]
    page = browser.send(page, "", {**page.fields("Select none"), "decision": "filter", "organizers": slugs})
    assert (page.status, ticked(page)) == (200, 1)


@pytest.mark.spec("RFC 8628 §3.3")
def test_device_can_be_allowed_at_most_the_same_number_of_organizers(
    agency: Callable[..., Browser], a_browser: Callable[..., Browser]
) -> None:
    tv, browser = registered(a_browser()), agency(LIMIT + 1)
    started = tv.start()
    page = browser.open(started["verification_uri_complete"])
    everything = list(page.choices())
    page = browser.press(page, "Authorize", tick=everything)
    assert (page.status, ticked(page)) == (400, LIMIT + 1)
    assert TOO_MANY.format(limit=LIMIT, count=LIMIT + 1) in page.text
    page = browser.press(browser.press(page, "Select none"), "Authorize", tick=everything[1:])
    assert "You have connected" in page.text
    assert tv.poll(started["device_code"]).status_code == 200
