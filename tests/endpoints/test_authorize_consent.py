"""The consent page says what it grants, and its form grants only that, only to the user who saw it."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qsl

import pytest

from chalicelib.models import user
from tests.actors import Browser, ClientApp, Page
from tests.flows.test_pushed_requests import path, reference

SEE, CHANGE, PROFILE = (
    "See your organizers and their details",
    "Change your organizers’ details",
    "See your name, email address, language and time zone",
)


def words(page: Page) -> list[str]:
    return [item.get_text() for item in page.html.select(".scopes li")]


def assert_is_asked_again(page: Page) -> None:
    """The form had no effect, and the page asks again."""
    assert (page.status, page.left_to, page.title) == (403, None, "Authorize A shop?")
    notice = page.html.find(id="notice")
    assert notice is not None
    assert "Check it and answer once more" in notice.get_text()


def organizers_of(shop: ClientApp, page: Page) -> list[str]:
    token = shop.exchange(page.code).json()["access_token"]
    return [found["name"] for found in shop.organizers(token).json()["results"]]


@pytest.mark.spec("docs/architecture.md", "RFC 6749 §4.1.1", "RFC 6749 §3.3")
@pytest.mark.parametrize(
    ("scope", "shown", "granted"),
    [
        (None, [SEE, CHANGE, PROFILE], "read write"),
        ("read", [SEE, PROFILE], "read"),
        ("write", [CHANGE, PROFILE], "write"),
        ("write read read", [SEE, CHANGE, PROFILE], "read write"),
        ("profile", [PROFILE], "profile"),
        ("profile read", [SEE, PROFILE], "read profile"),
    ],
)
def test_scopes_are_shown_in_plain_words_and_granted_as_shown(
    john: Browser, shop: ClientApp, scope: str | None, shown: list[str], granted: str
) -> None:
    page = john.open(shop.authorize_path(scope=scope))
    assert page.title == "Authorize A shop?"
    assert john.user.email in page.text
    assert words(page) == shown
    tick = [] if scope == "profile" else ["Small Shows"]
    assert shop.exchange(john.allow(page, *tick).code).json()["scope"] == granted


@pytest.mark.spec("docs/architecture.md", "docs/security.md", "RFC 6749 §4.1.1")
def test_visitor_signs_in_and_returns_to_the_same_request(base_url: str, john: Browser, shop: ClientApp) -> None:
    visitor = Browser(base_url, john.user)
    page = visitor.open(shop.authorize_path(state="a b&c=d%26\N{SNOWMAN}"))
    assert (page.title, page.path) == ("Sign in", "/login")
    assert "An application is asking for access" in page.text
    page = visitor.press(page, "Sign in", email=john.user.email, password="wrong")
    page = visitor.press(page, "Sign in", email=john.user.email, password=john.user.password)
    assert page.title == "Authorize A shop?"
    assert visitor.allow(page, "Small Shows").answer["state"] == "a b&c=d%26\N{SNOWMAN}"


@pytest.mark.spec("docs/architecture.md")
def test_access_is_limited_to_the_ticked_organizers(john: Browser, shop: ClientApp) -> None:
    page = john.open(shop.authorize_path())
    assert page.choices() == {"Big Events LLC": False, "Small Shows": False}
    assert organizers_of(shop, john.allow(page, "Small Shows")) == ["Small Shows"]
    page = john.open(shop.authorize_path(approval_prompt="force"))
    assert organizers_of(shop, john.allow(page, "Small Shows", "Big Events LLC")) == ["Big Events LLC", "Small Shows"]


@pytest.mark.spec("docs/architecture.md")
def test_at_least_one_organizer_must_be_ticked(john: Browser, shop: ClientApp) -> None:
    page = john.allow(john.open(shop.authorize_path()))
    assert (page.status, page.left_to) == (400, None)
    assert "Choose at least one organizer." in page.text
    assert john.open(shop.authorize_path()).left_to is None, "no consent was stored"
    assert john.allow(page, "Small Shows").code


@pytest.mark.spec("docs/architecture.md", "RFC 6749 §3.3")
def test_profile_scope_alone_needs_no_organizer_and_gives_access_to_none(john: Browser, shop: ClientApp) -> None:
    page = john.open(shop.authorize_path(scope="profile"))
    assert page.choices() == {}
    slug = next(iter(john.user.organizers))
    page = john.send(page, "", {**page.fields("Authorize"), "organizers": slug})
    token = shop.exchange(page.code).json()["access_token"]
    assert shop.me(token).json()["email"] == john.user.email
    assert shop.organizers(token).status_code == 403


@pytest.mark.spec("docs/architecture.md")
def test_single_organizer_is_preselected_and_without_any_there_is_nothing_to_authorize(
    eve: Browser, a_browser: Callable[..., Browser], shop: ClientApp
) -> None:
    assert eve.open(shop.authorize_path()).choices() == {"Other Org": True}
    nobody = a_browser()
    page = nobody.open(shop.authorize_path())
    assert "You do not belong to an organizer yet" in page.text
    assert [button.get_text() for button in page.html.find_all("button")] == ["Back to the application"]
    assert nobody.send(page, "", {**page.fields("Back to the application"), "decision": "allow"}).status == 400
    assert nobody.press(page, "Back to the application").answer["error"] == "access_denied"


@pytest.mark.spec("docs/architecture.md", "RFC 6749 §3.1", "RFC 6749 §4.1.2.1")
def test_user_can_tick_more_than_a_hundred_organizers(a_browser: Callable[..., Browser], shop: ClientApp) -> None:
    names = [f"Organizer {number}" for number in range(110)]
    agency = a_browser(*names)
    page = agency.allow(agency.open(shop.authorize_path()), *names)
    token = shop.exchange(page.code).json()["access_token"]
    assert shop.organizers(token).json()["count"] == 110


@pytest.mark.spec("RFC 6749 §10.12", "docs/architecture.md")
def test_organizer_that_the_user_does_not_belong_to_is_ignored(john: Browser, eve: Browser, shop: ClientApp) -> None:
    page = john.open(shop.authorize_path())
    fields, foreign = page.fields("Authorize"), next(iter(eve.user.organizers))
    assert john.send(page, "", {**fields, "organizers": [foreign, "no-such-one", ""]}).status == 400
    big, small = john.user.organizers
    user.remove_member(john.user.user_id, big)
    assert john.send(page, "", {**fields, "organizers": [big]}).status == 400
    assert organizers_of(shop, john.send(page, "", {**fields, "organizers": [foreign, big, small]})) == ["Small Shows"]


@pytest.mark.spec("docs/architecture.md", "RFC 9700 §4.12", "RFC 6749 §4.1.2.1")
def test_application_is_told_that_the_user_denied_and_gets_nothing(john: Browser, shop: ClientApp) -> None:
    page = john.press(john.open(shop.authorize_path()), "Deny", tick=["Small Shows"])
    assert page.status == 303
    assert page.left_to is not None
    assert page.left_to.startswith(shop.redirect_uri + "?error=access_denied&")
    assert page.answer["state"] == "xyz"
    assert "code" not in page.answer
    assert john.open(shop.authorize_path()).title == "Authorize A shop?"
    assert "No application has access" in john.open("/settings/authorized").text


@pytest.mark.spec("docs/architecture.md", "RFC 9700 §4.12")
def test_answer_redirects_to_the_first_registered_uri_if_the_request_names_none(
    john: Browser, a_browser: Callable[..., Browser]
) -> None:
    first, second = "https://one.example.com/cb?keep=%2f+me", "https://two.example.com/cb"
    shop = a_browser().register_application("A shop", first, second)
    page = john.allow(john.open(shop.authorize_path(redirect_uri=None)), "Small Shows")
    assert page.status == 303
    assert page.left_to is not None
    assert page.left_to.startswith(first + "&code=lyac_")
    assert shop.exchange(page.code, redirect_uri=None).status_code == 200
    page = john.allow(john.open(shop.authorize_path(redirect_uri=second)), "Small Shows")
    assert page.left_to is not None
    assert page.left_to.startswith(second + "?code=lyac_")


@pytest.mark.spec("RFC 6749 §10.12", "Hydra 0.10-0.11.5")
def test_consent_form_works_only_in_its_own_session(john: Browser, eve: Browser, shop: ClientApp) -> None:
    page = eve.open(shop.authorize_path())
    fields = page.fields("Authorize")
    stolen = john.send(page, "", {**fields, "organizers": list(john.user.organizers)})
    assert_is_asked_again(stolen)
    assert stolen.choices() == {"Big Events LLC": False, "Small Shows": False}, (
        "john's form does not show what eve ticked"
    )
    eve.sign_out()
    assert eve.send(page, "", fields).title == "Sign in"
    eve.sign_in()
    again = eve.send(page, "", fields)
    assert_is_asked_again(again)  # another session of the same user
    assert again.choices() == {"Other Org": True}
    assert eve.press(again, "Authorize").code
    assert "No application has access" in john.open("/settings/authorized").text


@pytest.mark.spec("RFC 6749 §10.12")
@pytest.mark.parametrize("changed", ["scope", "state", "redirect_uri", "client_id", "code_challenge"])
def test_consent_form_answers_only_the_request_it_was_shown_for(
    john: Browser, a_browser: Callable[..., Browser], changed: str
) -> None:
    developer = a_browser()
    shop = developer.register_application("A shop", "https://shop.example.com/a", "https://shop.example.com/b")
    other = developer.register_application("B shop", "https://shop.example.com/a")
    challenge: dict[str, str | None] = {"code_challenge": "c" * 43, "code_challenge_method": "S256"}
    changes: dict[str, dict[str, str | None]] = {
        "scope": {**challenge, "scope": "write"},
        "state": {**challenge, "state": "abc"},
        "redirect_uri": {**challenge, "redirect_uri": "https://shop.example.com/b"},
        "client_id": {**challenge, "client_id": other.client_id},
        "code_challenge": {},
    }
    shown = john.open(shop.authorize_path(**challenge))
    wanted = john.open(shop.authorize_path(**changes[changed]))
    fields = shown.fields("Authorize", "Small Shows")
    page = john.send(wanted, "", fields)
    assert (page.status, page.left_to) == (403, None)
    assert page.title == wanted.title
    assert list(page.choices().values()) == [False, True], "the user sees their own ticks again"
    assert john.send(shown, "", fields).code, "the form is valid for its own request"


@pytest.mark.spec("RFC 6749 §10.12", "RFC 6749 §3.1.2.3")
@pytest.mark.parametrize("is_pushed", [False, True], ids=["in the browser", "pushed"])
def test_answer_goes_only_to_the_address_that_the_consent_page_showed(
    john: Browser, a_browser: Callable[..., Browser], is_pushed: bool
) -> None:
    developer = a_browser()
    shop = developer.register_application("A shop", "https://good.example.com/cb", "https://evil.example.net/cb")
    asked = path(shop, reference(shop, redirect_uri=None)) if is_pushed else shop.authorize_path(redirect_uri=None)
    shown = john.open(asked)
    assert "Your answer goes to good.example.com" in shown.text
    edited = developer.open(f"/settings/applications/{shop.client_id}")
    assert developer.press(edited, "Save", redirect_uris="https://evil.example.net/cb").status == 200
    for button in ("Authorize", "Deny"):
        page = john.press(shown, button, tick=["Small Shows"])
        assert_is_asked_again(page)
        assert "Your answer goes to evil.example.net" in page.text
    assert john.open(asked).title == "Authorize A shop?", "no consent was stored"
    page = john.allow(page, "Small Shows")
    assert (page.left_to or "").startswith("https://evil.example.net/cb?code="), "the user answered the new page"


@pytest.mark.spec("RFC 6749 §10.12", "RFC 6749 §3.1")
def test_posted_request_is_held_to_what_the_consent_page_showed(john: Browser, shop: ClientApp) -> None:
    path, _, query = shop.authorize_path(scope="read").partition("?")
    fields = john.open(f"{path}?{query}").fields("Authorize", "Small Shows") | dict(parse_qsl(query))
    page = john.open("/")
    assert_is_asked_again(john.send(page, path, {**fields, "scope": "read write"}))
    assert shop.exchange(john.send(page, path, fields).code).json()["scope"] == "read"
    assert john.send(page, path, {**fields, "scope": ["read", "read"]}).answer["error"] == "invalid_request"


@pytest.mark.spec("docs/security.md", "RFC 6749 §10.12", "CVE-2018-1000088", "RFC 9700 §4.16")
@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "\"'><img src=x onerror=alert(1)>", "{{ 7*7 }}", "A & B"]
)
def test_markup_in_an_application_name_is_shown_as_text_on_every_page(john: Browser, name: str) -> None:
    shop = john.register_application(name)
    consent = john.open(shop.authorize_path())
    assert consent.title == f"Authorize {name}?"
    john.allow(consent, "Small Shows")
    settings = f"/settings/applications/{shop.client_id}"
    paths = ["/settings/authorized", "/settings/applications", settings, f"{settings}/secret", f"{settings}/delete"]
    for page in [consent, *map(john.open, paths)]:
        assert name in str(page.html.get_text()) or page.field("name") == name
        assert page.html.select("script:not([src^='/static/']), img") == []
        assert not "".join(script.get_text() for script in page.html.select("script"))
