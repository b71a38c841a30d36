"""The consent page tells users what they decide, and offers them what they need to decide it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from bs4 import Tag

from chalicelib import limits
from chalicelib.models import application_edit, store
from chalicelib.models.application import Application
from tests.actors import Browser, ClientApp, Page
from tests.conftest import Clock
from tests.public_app import PublicApp

pytestmark = pytest.mark.spec("docs/architecture.md", "RFC 6749 §4.1.1")


def items(page: Page, selector: str) -> list[str]:
    return [" ".join(item.get_text().split()) for item in page.html.select(selector)]


def facts(page: Page) -> dict[str, str]:
    terms, values = items(page, "section dt"), items(page, "section dd")
    return dict(zip(terms, values, strict=True))


def shown_as_an_app(page: Page, scheme: str, times: int) -> None:
    """Assert that the scheme is shown this often, each time as an app on the device."""
    bare = re.findall(rf"[\w ]*\(? ?{re.escape(scheme)}", page.text)
    assert len(bare) == times
    assert all(re.search(r"[Aa]n app on this device \( ", found) for found in bare), bare


def test_consent_page_shows_the_developer_the_date_and_where_the_answer_goes(
    clock: Clock, a_browser: Callable[..., Browser]
) -> None:
    clock.advance(1_800_000_000 - clock.now())  # 15 January 2027, 08:00 UTC
    john = a_browser("Small Shows")
    shop = a_browser().register_application("A shop", "https://shop.example.com:8443/callback?a=b")
    page = john.open(shop.authorize_path())
    assert facts(page) == {
        "Registered by": "John Doe",
        "Registered": "15 January 2027",
        "Your answer goes to": "shop.example.com:8443",
    }
    assert f"Signed in as {john.user.email}" in page.text


@pytest.mark.spec("RFC 8252 §7.3", "docs/security.md", "RFC 8252 §7.1")
def test_host_in_a_private_scheme_address_is_not_shown_as_a_host(
    john: Browser, a_browser: Callable[..., Browser]
) -> None:
    app = PublicApp.registered_by(a_browser(), "com.evil.app://accounts.google.com/cb", type="native")
    page = john.open(app.authorize_path())
    assert facts(page)["Your answer goes to"] == "An app on this device (com.evil.app:)"
    assert "accounts.google.com" not in page.text
    policy = page.response.headers["Content-Security-Policy"]
    assert policy.endswith("form-action 'self' https: com.evil.app:")


@pytest.mark.spec("RFC 8252 §7.3", "RFC 8252 §7.1")
def test_private_scheme_that_reads_like_a_host_is_shown_as_an_app_on_the_device(
    john: Browser, a_browser: Callable[..., Browser]
) -> None:
    app = PublicApp.registered_by(a_browser(), "com.evil.app:/cb", type="native")
    app.connect(john, "Small Shows")
    odd = "accounts.google.com:/cb"  # an earlier version accepted this
    application_edit.edit(app.client_id, name="A public app", redirect_uris=[odd])
    page = john.open(app.authorize_path(redirect_uri=odd))
    assert "New: your answer goes to an app on this device" in page.text
    assert "Deny if you did not start this in an app on this device." in page.text
    shown_as_an_app(page, "accounts.google.com:", 3)


@pytest.mark.spec("docs/security.md", "RFC 9700 §4.16")
def test_address_stored_by_an_earlier_version_adds_nothing_to_the_content_security_policy(
    john: Browser, a_browser: Callable[..., Browser]
) -> None:
    app = PublicApp.registered_by(a_browser(), "com.evil.app://x/cb", type="native")
    odd = "com.evil.app://x;sandbox/cb"
    application_edit.edit(app.client_id, name="A public app", redirect_uris=[odd])
    policy = john.open(app.authorize_path(redirect_uri=odd)).response.headers["Content-Security-Policy"]
    assert "sandbox" not in policy


def test_application_whose_owner_is_gone_is_shown_without_an_owner(john: Browser, shop: ClientApp) -> None:
    store.change(Application.key(shop.client_id), [Application.owner_id.set("nobody-any-more")])
    page = john.open(shop.authorize_path())
    assert page.title == "Authorize A shop?"
    assert "Registered by" not in facts(page)


@pytest.mark.spec("CVE-2018-1000088")
def test_warning_that_nobody_checked_the_name_stands_above_the_buttons(john: Browser, shop: ClientApp) -> None:
    page = john.open(shop.authorize_path())
    form = page.form_with("Authorize")
    caution = "The names of this application and its developer were chosen by the developer."
    (note,) = [found for found in form.select("p.note") if caution in found.get_text()]
    assert "Deny if you do not recognize the address." in note.get_text()
    buttons = [button.get_text() for button in note.find_all_next("button")]
    assert buttons == ["Authorize", "Deny"]
    assert page.text.count("Lanyard has not checked them.") == 1


@pytest.mark.parametrize(
    ("scope", "cannot"),
    [
        (
            "profile",
            [
                "See your organizers and their details",
                "Change your organizers’ details",
                "See your password or change your account",
            ],
        ),
        (
            "read",
            [
                "Change your organizers’ details",
                "Work with organizers that you do not choose here",
                "See your password or change your account",
            ],
        ),
        (
            "write",
            [
                "See your organizers and their details",
                "Work with organizers that you do not choose here",
                "See your password or change your account",
            ],
        ),
        (
            "read write",
            ["Work with organizers that you do not choose here", "See your password or change your account"],
        ),
    ],
)
def test_consent_page_says_what_the_application_will_not_be_able_to_do(
    john: Browser, shop: ClientApp, scope: str, cannot: list[str]
) -> None:
    assert items(john.open(shop.authorize_path(scope=scope)), ".not li") == cannot


def test_consent_page_marks_what_is_new_and_what_was_already_allowed(john: Browser, shop: ClientApp) -> None:
    page = john.open(shop.authorize_path(scope="read"))
    assert items(page, ".tag") == [], "nothing was allowed before"
    john.allow(page, "Small Shows")
    page = john.open(shop.authorize_path(scope="read write"))
    assert items(page, ".scopes li") == ["Change your organizers’ details new"]
    assert (
        "It will also be able to Change your organizers’ details new It keeps what you already allowed:"
        " See your organizers and their details; See your name, email address, language and time zone"
    ) in page.text
    assert items(page, ".choices li") == ["Big Events LLC", "Small Shows already allowed"]
    assert page.choices() == {"Big Events LLC": False, "Small Shows": False}, "only the user ticks"


def test_already_allowed_scopes_are_not_listed_as_denied(john: Browser, shop: ClientApp) -> None:
    """Today's answer takes away nothing that was allowed before, so the page must not say it does."""
    john.allow(john.open(shop.authorize_path(scope="read")), "Small Shows")
    always = "See your password or change your account"
    assert items(john.open(shop.authorize_path(scope="write")), ".not li") == [always]
    page = john.open(shop.authorize_path(scope="profile", approval_prompt="force"))
    assert items(page, ".not li") == ["Change your organizers’ details", always]
    assert items(page, ".scopes li") == ["See your name, email address, language and time zone already allowed"]
    assert "What you allowed it before stays allowed until you revoke it." in page.text


def test_all_organizers_can_be_ticked_without_a_script(john: Browser, shop: ClientApp) -> None:
    page = john.press(john.open(shop.authorize_path()), "Select all")
    assert (page.status, page.left_to) == (200, None)
    assert page.choices() == {"Big Events LLC": True, "Small Shows": True}
    page = john.press(page, "Select none")
    assert page.choices() == {"Big Events LLC": False, "Small Shows": False}
    page = john.press(john.press(page, "Select all"), "Authorize")
    assert page.code
    assert page.answer["state"] == "xyz"


@pytest.mark.spec("RFC 6749 §10.12")
def test_select_all_requires_the_form_of_the_users_own_consent_page(john: Browser, shop: ClientApp) -> None:
    page = john.open(shop.authorize_path())
    forged = {"decision": "select_all", "csrf_token": "x", "organizers": list(john.user.organizers)}
    again = john.send(page, page.form_with("Select all")["action"], forged)  # type: ignore[arg-type]
    assert again.status == 403
    assert again.choices() == {"Big Events LLC": False, "Small Shows": False}
    # The user's own form, but sent by another site: that site's ticks are not shown as the user's.
    own = {**forged, "csrf_token": page.field("csrf_token")[:16] + ".x"}
    again = john.send(page, page.form_with("Select all")["action"], own, site="cross-site")  # type: ignore[arg-type]
    assert again.choices() == {"Big Events LLC": False, "Small Shows": False}


@pytest.mark.spec("RFC 6749 §10.12")
def test_answer_sent_after_another_sign_in_is_asked_for_again_with_its_ticks(john: Browser, shop: ClientApp) -> None:
    page = john.open(shop.authorize_path(state="kept"))
    john.sign_out()
    john.sign_in()
    again = john.allow(page, "Small Shows")
    assert (again.status, again.left_to, again.title) == (403, None, "Authorize A shop?")
    assert "Check it and answer once more" in again.text
    assert again.choices() == {"Big Events LLC": False, "Small Shows": True}
    page = john.press(again, "Authorize")
    assert page.answer["state"] == "kept"


def test_invalid_answer_keeps_ticked_and_unticked_organizers(john: Browser, eve: Browser, shop: ClientApp) -> None:
    page = eve.open(shop.authorize_path())
    unticked = {name: value for name, value in page.fields("Authorize").items() if name != "organizers"}
    for _ in range(2):
        page = eve.send(page, "", unticked)
        assert (page.status, page.choices()) == (400, {"Other Org": False})
    page = john.press(john.open(shop.authorize_path()), "Select all", tick=["Small Shows"])
    fields = {**page.fields("Authorize"), "organizers": "no-such-one"}
    assert john.send(page, "", fields).choices() == {"Big Events LLC": False, "Small Shows": False}


def test_organizers_are_sorted_as_people_expect(a_browser: Callable[..., Browser], shop: ClientApp) -> None:
    names = [
        "Hall 10",
        "ärger",
        "hall 2",
        "Zebra",
        "Hall 2b",
        "Ähre",
        "3 Ponies",
        "Hall",
        "ZEBRA 2",
        "Straße",
    ]
    agency = a_browser(*names)
    in_order = ["3 Ponies", "Ähre", "ärger", "Hall", "hall 2", "Hall 2b", "Hall 10"]
    assert list(agency.open(shop.authorize_path()).choices()) == [*in_order, "Straße", "Zebra", "ZEBRA 2"]


def test_user_can_search_many_organizers_and_ticked_ones_stay_visible(
    a_browser: Callable[..., Browser], shop: ClientApp
) -> None:
    agency = a_browser(*[f"Hall {number}" for number in range(1, 10)], "Café Größe")
    page = agency.open(shop.authorize_path())
    first = page.form_with("Authorize").find("button")
    assert isinstance(first, Tag)
    assert first["value"] == "filter", "pressing Return allows nothing"
    page = agency.press(page, "Find", tick=["Hall 3"], find=" CAFE gro\u0308sse ")
    assert page.choices() == {"Café Größe": False, "Hall 3": True}
    assert "1 of 10 organizers." in page.text
    assert "Also selected" in page.text
    page = agency.press(page, "Select all of these")
    assert page.choices() == {"Café Größe": True, "Hall 3": True}
    page = agency.press(page, "Find", find="hall")
    assert page.choices() == {**{f"Hall {number}": number == 3 for number in range(1, 10)}, "Café Größe": True}
    page = agency.press(page, "Find", find="nothing like it")
    assert page.choices() == {"Hall 3": True, "Café Größe": True}
    assert "None of your 10 organizers has this in its name." in page.text
    token = shop.exchange(agency.press(page, "Authorize").code).json()["access_token"]
    assert {found["name"] for found in shop.organizers(token).json()["results"]} == {"Hall 3", "Café Größe"}


def test_consent_page_offers_no_search_for_few_organizers(a_browser: Callable[..., Browser], shop: ClientApp) -> None:
    agency = a_browser(*[f"Hall {number}" for number in range(1, 10)])
    page = agency.open(shop.authorize_path())
    assert page.html.find(id="find") is None
    fields = {**page.fields("Authorize"), "decision": "filter", "find": "Hall 2"}
    assert len(agency.send(page, "", fields).choices()) == 9


def test_preselected_single_organizer_can_be_unticked(eve: Browser, shop: ClientApp) -> None:
    page = eve.open(shop.authorize_path())
    assert page.choices() == {"Other Org": True}
    assert eve.press(page, "Select none").choices() == {"Other Org": False}


def test_pressing_return_on_the_consent_page_gives_no_access(john: Browser, eve: Browser, shop: ClientApp) -> None:
    """Return presses a form's first button, whatever the number of organizers."""
    for browser in (john, eve):
        first = browser.open(shop.authorize_path()).form_with("Authorize").find("button")
        assert isinstance(first, Tag)
        assert str(first["value"]).startswith("select_")


def test_switching_accounts_keeps_the_authorization_request(john: Browser, eve: Browser, shop: ClientApp) -> None:
    page = john.open(shop.authorize_path(state="a b\n&c"))
    (link,) = page.html.select(".account a")
    page = john.open(str(link["href"]))
    assert page.title == "Sign in"
    page = john.press(page, "Sign in", email=eve.user.email, password=eve.user.password)
    assert f"Signed in as {eve.user.email}" in page.text
    page = john.press(page, "Authorize")
    assert page.answer["state"] == "a b\n&c"


def test_sign_in_page_for_another_account_leads_back_to_the_request_as_the_same_user(
    john: Browser, shop: ClientApp
) -> None:
    (link,) = john.open(shop.authorize_path(state="a b\n&c")).html.select(".account a")
    page = john.open(str(link["href"]))
    (back,) = (found for found in page.html.find_all("a") if john.user.email in found.get_text())
    assert john.press(john.open(str(back["href"])), "Authorize", tick=["Small Shows"]).answer["state"] == "a b\n&c"
    assert "Continue as" not in Browser(john.base_url).open(str(link["href"])).text, "nobody is signed in"


def test_user_without_an_organizer_is_told_what_to_do(a_browser: Callable[..., Browser], shop: ClientApp) -> None:
    nobody = a_browser()
    page = nobody.open(shop.authorize_path())
    assert page.title == "You have no organizer yet"
    assert "Ask to be added to an organizer" in page.text
    assert nobody.open(shop.authorize_path(scope="profile")).title == "Authorize A shop?"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"client_id": "nobody"}, "No application with this client_id is registered and active here."),
        ({"client_id": None}, "client_id is missing."),
        ({"redirect_uri": "https://evil.example/<b>"}, "redirect_uri is not registered for this application."),
    ],
)
@pytest.mark.spec("RFC 6749 §4.1.2.1")
def test_invalid_request_page_reassures_the_user_and_shows_the_developer_what_was_sent(
    john: Browser, shop: ClientApp, changed: dict[str, str | None], said: str
) -> None:
    page = john.open(shop.authorize_path(**changed))
    assert page.status == 400
    assert "You did nothing wrong, and nothing was shared." in page.text
    assert said in page.text
    received = facts(page)
    for name in ("client_id", "redirect_uri"):
        sent = {"client_id": shop.client_id, "redirect_uri": shop.redirect_uri, **changed}[name]
        assert received.get(name) == sent
    assert page.html.find("b") is None


def test_values_shown_back_on_the_error_page_are_cut_to_their_limits(john: Browser, shop: ClientApp) -> None:
    page = john.open(shop.authorize_path(redirect_uri="https://evil.example/" + "x" * 3000))
    assert len(facts(page)["redirect_uri"]) < limits.REDIRECT_URI_LIMIT_CHARACTERS
