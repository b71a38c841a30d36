"""A user with very many organizers chooses among them, up to the limit of one consent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from bs4 import Tag

from chalicelib import clock, credentials, limits
from chalicelib.models import membership_shards, user, user_organizers
from chalicelib.models import store as storage
from chalicelib.models.consent import Consent
from chalicelib.models.membership import Membership
from chalicelib.models.organizer import Organizer
from chalicelib.models.user import User
from tests.actors import Browser, ClientApp, Page
from tests.flows.test_device import registered
from tests.store_proxy import StoreProxy

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
        _join(browser.user.user_id, slugs)
        return browser

    return make


def _join(user_id: str, slugs: list[str]) -> None:
    """Store that the user belongs to these organizers, as many joins would."""
    on_user, further = slugs[: limits.MEMBERSHIPS_ON_USER_LIMIT], slugs[limits.MEMBERSHIPS_ON_USER_LIMIT :]
    storage.change(User.key(user_id), [User.memberships.add(set(on_user))])
    shards: dict[Any, set[str]] = {}
    for slug in further:
        shards.setdefault(membership_shards.key(user_id, slug), set()).add(slug)
    for key, there in shards.items():
        storage.change(key, [Membership.slugs.add(there)])
    if further:
        storage.change(User.key(user_id), [User.has_more_memberships.set(True)])


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


GATEWAY_LIMIT_BYTES = 6 * 1024 * 1024
VERY_MANY = 20_000


def test_user_with_very_many_organizers_finds_and_allows_some_page_by_page(
    agency: Callable[..., Browser], shop: ClientApp, store: StoreProxy
) -> None:
    browser = agency(VERY_MANY)
    with store.count() as calls:
        first = browser.open(shop.authorize_path(state="kept"))
    at_once = limits.ORGANIZERS_LISTED_AT_ONCE
    assert len(calls) == 3 + at_once / 100, "the request, the shards, the application's owner, and the names"
    assert (first.status, len(first.choices()), ticked(first)) == (200, at_once, 0)
    assert f"These are 1 to {at_once} of your {VERY_MANY} organizers." in first.text
    assert len(first.text.encode()) < GATEWAY_LIMIT_BYTES / 6
    chosen = list(first.choices())[:2]
    second = browser.press(first, "Show the next ones", tick=chosen)
    assert f"These are {at_once + 1} to {2 * at_once} of your {VERY_MANY} organizers." in second.text
    assert (len(second.choices()), ticked(second)) == (at_once + 2, 2), "what was ticked stays visible"
    far = str(VERY_MANY - 1)  # its name, and the end of its slug
    found = browser.press(second, "Find", find=far)
    assert (len(found.choices()), ticked(found)) == (3, 2)
    (last,) = (label for label, is_ticked in found.choices().items() if not is_ticked)
    assert last.startswith(far)
    page = browser.press(found, "Authorize", tick=[last])
    assert page.answer["state"] == "kept"
    token = shop.exchange(page.code).json()["access_token"]
    assert {name.split()[0] for name in names_of(shop, token)} == {far, *(name.split()[0] for name in chosen)}
    assert browser.open(shop.authorize_path()).code, "and it is remembered"
    slug = next(slug for slug in sorted(organizers_of(browser)) if slug.endswith(far))
    user.remove_member(browser.user.user_id, slug)
    assert {name.split()[0] for name in names_of(shop, token)} == {name.split()[0] for name in chosen}


def test_search_for_a_name_among_very_many_goes_on_where_it_stopped(
    agency: Callable[..., Browser], shop: ClientApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MEMBERSHIPS_ON_USER_LIMIT", 100)
    monkeypatch.setattr(limits, "ORGANIZERS_LISTED_AT_ONCE", 50)
    monkeypatch.setattr(limits, "ORGANIZERS_SEARCHED_AT_ONCE", 200)
    browser = agency(450)
    for number in (7, 430):
        slug = sorted(organizers_of(browser))[number]
        storage.change(Organizer.key(slug), [Organizer.name.set(f"Opéra {number}")])
    first = browser.press(browser.open(shop.authorize_path()), "Find", find="OPERA")
    assert list(first.choices()) == ["Opéra 7"]
    assert "1 to 200 of your 450 organizers were searched, and 1 found." in first.text
    second = browser.press(first, "Search the next ones", tick=["Opéra 7"])
    assert (second.choices(), "201 to 400 of your 450" in second.text) == ({"Opéra 7": True}, True)
    third = browser.press(second, "Search the next ones")
    assert third.choices() == {"Opéra 7": True, "Opéra 430": False}
    assert "401 to 450 of your 450 organizers were searched, and 1 found." in third.text
    assert third.html.find("button", value="more") is None
    all_of_them = browser.press(third, "Select all of these")
    assert all_of_them.choices() == {"Opéra 7": True, "Opéra 430": True}
    again = browser.press(all_of_them, "Find", find="opera 7")
    assert "1 to 200 of your 450" in again.text
    page = browser.press(again, "Authorize")
    token = shop.exchange(page.code).json()["access_token"]
    assert set(names_of(shop, token)) == {"Opéra 7", "Opéra 430"}


@pytest.mark.parametrize("start", ["", "-1 ", "9999999 ", "450 ", "449 ", "x", "100 other", "١ "])
def test_part_that_a_form_made_up_is_shown_as_one_that_exists(
    agency: Callable[..., Browser], shop: ClientApp, monkeypatch: pytest.MonkeyPatch, start: str
) -> None:
    monkeypatch.setattr(limits, "MEMBERSHIPS_ON_USER_LIMIT", 100)
    monkeypatch.setattr(limits, "ORGANIZERS_LISTED_AT_ONCE", 100)
    browser = agency(150)
    page = browser.open(shop.authorize_path())
    fields = {**page.fields("Show the next ones"), "organizers_following": start}
    answer = browser.send(page, "", fields)
    assert (answer.status, answer.left_to) == (200, None)
    assert answer.choices()


def test_too_many_ticks_among_very_many_are_kept_and_named(
    agency: Callable[..., Browser], shop: ClientApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MEMBERSHIPS_ON_USER_LIMIT", 100)
    monkeypatch.setattr(limits, "ORGANIZERS_LISTED_AT_ONCE", 100)
    monkeypatch.setattr(limits, "ORGANIZERS_PER_CONSENT_LIMIT", 150)
    browser = agency(250)
    page = browser.press(browser.open(shop.authorize_path()), "Select all of these")
    page = browser.press(page, "Show the next ones")
    full = browser.press(page, "Select all of these")
    assert (full.status, ticked(full)) == (200, 100)
    assert TOO_MANY.format(limit=150, count=200) in full.text
    page = browser.press(page, "Authorize", tick=list(page.choices()))
    assert (page.status, page.left_to, ticked(page)) == (400, None, 200)
    assert TOO_MANY.format(limit=150, count=200) in page.text
    page = browser.press(browser.press(page, "Select none"), "Authorize")
    assert (page.status, "Choose at least one organizer." in page.text) == (400, True)


def organizers_of(browser: Browser) -> frozenset[str]:
    found = storage.read(User.key(browser.user.user_id))[0]
    assert found is not None
    return user_organizers.of(found)
