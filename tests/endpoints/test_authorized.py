"""/settings/authorized: a user sees which applications have access, and revokes it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from chalicelib.models import application_deletion, application_edit, consent, grant, organizer
from tests.actors import CALLBACK, Browser, ClientApp
from tests.conftest import Clock
from tests.flows.test_registration import let, manage, register
from tests.store_proxy import Fault, StoreProxy

PATH = "/settings/authorized"


def shown(browser: Browser) -> dict[str, dict[str, str]]:
    """What the page says about each application, by name, in the page's order."""
    found = {}
    for item in browser.open(PATH).html.select(".list > li"):
        (heading,) = item.select("h2")
        terms = [element.get_text() for element in item.select("dt")]
        facts = dict(zip(terms, [element.get_text() for element in item.select("dd")], strict=True))
        facts["Scopes"] = "; ".join(element.get_text() for element in item.select(".scopes li"))
        found[heading.get_text()] = facts
    return found


def in_berlin(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, ZoneInfo("Europe/Berlin")).strftime("%-d %B %Y, %H:%M %Z")


@pytest.mark.spec("docs/architecture.md")
def test_authorized_applications_page_shows_scopes_organizers_and_dates(
    john: Browser, shop: ClientApp, other_shop: ClientApp, clock: Clock
) -> None:
    assert shown(john) == {}
    assert "No application has access to your account" in john.open(PATH).text
    clock.advance(60 - clock.now() % 60)
    since = clock.now()
    code = john.allow(john.open(shop.authorize_path(scope="read")), "Small Shows").code
    assert shown(john)["A shop"]["Last used"] == "Not yet"
    tokens = shop.exchange(code).json()
    assert shown(john)["A shop"] == {
        "Scopes": "See your organizers and their details; See your name, email address, language and time zone",
        "Organizers": "Small Shows",
        "First authorized": in_berlin(since),
        "Last used": in_berlin(since),
    }
    clock.advance(2 * 3600)
    other_shop.connect(john, "Big Events LLC", "Small Shows")
    assert list(shown(john)) == ["Another shop", "A shop"], "the most recently used comes first"
    assert shown(john)["Another shop"]["Organizers"] == "Big Events LLC, Small Shows"
    clock.advance(2 * 3600)
    assert shop.me(tokens["access_token"]).status_code == 200
    facts = shown(john)
    assert facts["A shop"]["First authorized"] == in_berlin(since)
    assert facts["A shop"]["Last used"] == in_berlin(since + 4 * 3600)
    assert list(facts) == ["A shop", "Another shop"]


@pytest.mark.spec("docs/architecture.md", "RFC 6749 §10.12")
def test_revoking_ends_every_token_and_every_unused_code_at_once(
    john: Browser, eve: Browser, shop: ClientApp, other_shop: ClientApp
) -> None:
    first, second = shop.connect(john, "Small Shows"), shop.connect(john)
    code = john.open(shop.authorize_path()).code
    others = [(shop, shop.connect(eve, "Other Org")), (other_shop, other_shop.connect(john, "Small Shows"))]
    page = john.open(PATH)
    page = john.send(page, PATH, page.fields("Revoke A shop"))
    assert page.path == PATH
    assert list(shown(john)) == ["Another shop"]
    for tokens in (first, second):
        assert shop.me(tokens["access_token"]).status_code == 401
        assert shop.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert shop.exchange(code).json()["error"] == "invalid_grant"
    for client, tokens in others:
        assert client.me(tokens["access_token"]).status_code == 200
    page = john.open(shop.authorize_path())
    assert page.title == "Authorize A shop?", "the user is asked again"
    assert shop.exchange(john.allow(page, "Small Shows").code).status_code == 200
    assert shop.exchange(code).json()["error"] == "invalid_grant", "the earlier code stays void"


@pytest.mark.spec("docs/architecture.md")
def test_revoking_twice_is_the_same_as_revoking_once(john: Browser, shop: ClientApp) -> None:
    shop.connect(john, "Small Shows")
    page = john.open(PATH)
    for _ in range(2):
        after = john.press(page, "Revoke")
        assert (after.status, after.path) == (200, PATH)
        assert "No application has access" in after.text


@pytest.mark.spec("docs/architecture.md")
def test_scopes_of_existing_grants_are_listed_with_those_allowed_later(john: Browser, shop: ClientApp) -> None:
    shop.connect(john, "Small Shows", scope="read")
    shop.connect(john, "Big Events LLC", scope="write")
    assert shown(john)["A shop"]["Scopes"].split("; ")[:2] == [
        "See your organizers and their details",
        "Change your organizers’ details",
    ]
    assert shown(john)["A shop"]["Organizers"] == "Big Events LLC, Small Shows"


@pytest.mark.spec("docs/architecture.md")
def test_disabled_application_is_listed_as_without_access(john: Browser, shop: ClientApp) -> None:
    shop.connect(john, "Small Shows")
    application_edit.disable(shop.client_id)
    assert "it has no access at the moment" in john.open(PATH).text
    assert "No application has access" in john.press(john.open(PATH), "Revoke").text


@pytest.mark.spec("docs/architecture.md", "docs/security.md")
def test_organizers_are_sorted_by_name_and_deleted_ones_left_out(
    a_browser: Callable[..., Browser], shop: ClientApp
) -> None:
    agency = a_browser("Hall 10", "hall 2", "Ähre", "Passing Shows")
    shop.connect(agency, "Hall 10", "hall 2", "Ähre", "Passing Shows")
    gone = next(slug for slug, name in agency.user.organizers.items() if name == "Passing Shows")
    organizer.delete(gone)
    assert shown(agency)["A shop"]["Organizers"] == "Ähre, hall 2, Hall 10"


@pytest.mark.spec("docs/architecture.md", "RFC 7592 §2.3")
@pytest.mark.parametrize("deletes_itself", [False, True], ids=["by its developer", "by itself"])
def test_deleted_application_leaves_no_consents_or_grants_with_its_users(
    john: Browser,
    shop: ClientApp,
    a_browser: Callable[..., Browser],
    monkeypatch: pytest.MonkeyPatch,
    deletes_itself: bool,
) -> None:
    kept = shop.connect(john, "Small Shows")
    if deletes_itself:
        let(monkeypatch, "open")
        made = register(john.base_url).json()
        gone = ClientApp(john.base_url, made["client_id"], made["client_secret"], CALLBACK)
    else:
        developer = a_browser()
        gone = developer.register_application("Gone")
    for _ in range(2):
        tokens = gone.connect(john, "Small Shows", approval_prompt="force")
    if deletes_itself:
        assert manage(made, "DELETE").status_code == 204
    else:
        developer.press(developer.open(f"/settings/applications/{gone.client_id}/delete"), "Delete")
    assert gone.me(tokens["access_token"]).status_code == 401
    assert list(shown(john)) == ["A shop"]
    assert [given.client_id for given in consent.given_by(john.user.user_id)] == [shop.client_id]
    assert [held.client_id for held in grant.held_by(john.user.user_id)] == [shop.client_id]
    assert shop.me(kept["access_token"]).status_code == 200


@pytest.mark.spec("docs/architecture.md", "docs/reliability.md")
@pytest.mark.usefixtures("impatient_client")
def test_consent_that_cannot_be_cleaned_up_now_is_cleaned_up_next_time(
    john: Browser, shop: ClientApp, store: StoreProxy
) -> None:
    shop.connect(john, "Small Shows")
    application_deletion.delete(shop.client_id)
    with store.fault(Fault.INTERNAL_ERROR, "DeleteItem"):
        assert "No application has access" in john.open(PATH).text
    assert len(consent.given_by(john.user.user_id)) == 1
    assert "No application has access" in john.open(PATH).text
    assert consent.given_by(john.user.user_id) == []
