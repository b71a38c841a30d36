"""People sign in on the platform's own page, and its server says who they are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from chalicelib import credentials, identity_providers, limits, settings
from chalicelib.models import application_access, organizer, user, user_organizers
from chalicelib.models.linked_identity import PLATFORM, Identity
from tests.actors import Browser, ClientApp, Page
from tests.conftest import Clock
from tests.gateway import Gateway

pytestmark = pytest.mark.spec("docs/sign-in.md")
PAGE = "https://tickets.example.com/lanyard"


class Platform:
    """The platform's server: what it says about a sign-in that a browser began."""

    def __init__(self, app: ClientApp) -> None:
        application_access.allow(app.client_id, ["sign_in"], [])
        self._app = app
        self.token = app.call_token(grant_type="client_credentials").json()["access_token"]

    def call(self, request_id: str, what: str = "", **said: Any) -> requests.Response:
        method = {"json": said} if what else {}
        path = f"/api/v1/sign-in/requests/{request_id}{what}"
        return self._app.call(path, self.token, "POST" if what else "GET", **method)

    def accept(self, request_id: str, **said: Any) -> str:
        """Where to send the browser."""
        answer = self.call(request_id, "/accept", **said)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["redirect_to"])


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch, shop: ClientApp) -> Platform:
    """The platform whose page is the one way to sign in besides passwords."""
    _use(monkeypatch, "links_by_email = true")
    return Platform(shop)


def _use(monkeypatch: pytest.MonkeyPatch, more: str = "") -> None:
    text = f'[providers.tickets]\ntitle = {{ en = "Tickets", de = "Karten" }}\npage = "{PAGE}"\n{more}'
    changed: Any = replace(settings.SETTINGS, providers=identity_providers.parse(text, is_local=False))
    monkeypatch.setattr(settings, "SETTINGS", changed)


@pytest.fixture
def browser(base_url: str) -> Browser:
    return Browser(base_url)


def begun(browser: Browser, next_path: str = "/settings/profile", **query: str) -> str:
    """The id of the request with which the browser arrives on the platform's page."""
    page = browser.open("/login/with/tickets", next=next_path, **query)
    assert page.left_to
    assert page.left_to.startswith(f"{PAGE}?request=")
    return parse_qs(urlsplit(page.left_to).query)["request"][0]


def somebody(**more: Any) -> dict[str, Any]:
    subject = credentials.new_id()
    return {"subject": subject, "email": f"{subject}@example.org", "email_verified": True, "fullname": "Ann", **more}


def account(said: dict[str, Any]) -> user.User:
    found = user.find_by_identity(Identity(PLATFORM, said["subject"]))
    assert found
    return found


def test_platform_reads_what_is_asked_and_says_who_signed_in(
    browser: Browser, platform: Platform, shop: ClientApp
) -> None:
    slug = organizer.create(credentials.new_serial().lower(), "Ann's Shows").slug
    request_id = begun(browser, shop.authorize_path())
    asked = platform.call(request_id).json()
    assert 0 < asked.pop("expires_in") <= limits.SIGN_IN_REQUEST_LIFETIME_SECONDS
    application = {"client_id": shop.client_id, "name": "A shop"}
    assert asked == {"again": False, "language": "en", "application": application}
    said = somebody(locale="de", timezone="Europe/Berlin", organizers=[slug, "never-heard-of"])
    page = browser.open(platform.accept(request_id, **said))
    made = account(said)
    assert (made.email, made.locale, made.timezone) == (said["email"], "de", "Europe/Berlin")
    assert user_organizers.of(made) == {slug}
    tokens = shop.exchange(browser.press(page, "Erlauben").code).json()
    assert [one["slug"] for one in shop.organizers(tokens["access_token"]).json()["results"]] == [slug]


def test_platform_learns_that_the_password_must_be_asked_for_again(browser: Browser, platform: Platform) -> None:
    asked = platform.call(begun(browser, again="1")).json()
    assert (asked["again"], asked["application"]) == (True, None)


def test_organizers_that_the_platform_names_are_compared_each_time(browser: Browser, platform: Platform) -> None:
    first, second = (organizer.create(credentials.new_serial().lower(), "An organizer").slug for _ in range(2))
    said = somebody()
    for told, are in (([first], {first}), (None, {first}), ([second], {second}), ([], set())):
        more = {} if told is None else {"organizers": told}
        fresh = Browser(browser.base_url)
        fresh.open(platform.accept(begun(fresh), **said, **more))
        assert user_organizers.of(account(said)) == are


@pytest.mark.spec("RFC 9700 §4.7")
def test_answer_works_once_and_only_where_both_halves_are(browser: Browser, platform: Platform, clock: Clock) -> None:
    victim, attacker = Browser(browser.base_url), browser
    request_id, said = begun(attacker), somebody()
    # The attacker sends their own request to the victim, who signs in on the platform's page.
    begun(victim)
    address = platform.accept(request_id, **said)
    assert victim.open(address).status == 400  # not the browser that began
    without = address.partition("&answer=")[0]
    assert attacker.open(without).status == 400  # not the secret that only the victim's browser was sent
    assert attacker.open(f"{without}&answer=lysa_made-up").status == 400
    assert attacker.open("/settings/profile").path == "/login"
    assert attacker.open(address).path == "/settings/profile"
    assert attacker.open(address).status == 400
    assert platform.call(request_id, "/accept", **said).status_code == 404


def test_platform_can_answer_again_until_the_browser_is_back(browser: Browser, platform: Platform) -> None:
    request_id, first, second = begun(browser), somebody(), somebody()
    lost = platform.accept(request_id, **first)
    assert platform.call(request_id, "/refuse").status_code == 200
    address = platform.accept(request_id, **second)
    assert browser.open(lost).status == 400
    assert browser.open(address).path == "/settings/profile"
    assert account(second).email == second["email"]
    assert user.find_by_email(first["email"]) is None


def test_platform_refuses(browser: Browser, platform: Platform) -> None:
    request_id = begun(browser)
    address = platform.call(request_id, "/refuse").json()["redirect_to"]
    page = browser.open(address)
    assert (page.status, "You did not sign in there" in page.text) == (403, True)
    assert platform.call(request_id).status_code == 404


def test_request_ends_after_ten_minutes(browser: Browser, platform: Platform, clock: Clock) -> None:
    request_id = begun(browser)
    address = platform.accept(request_id, **somebody())
    clock.advance(limits.SIGN_IN_REQUEST_LIFETIME_SECONDS)
    assert platform.call(request_id).status_code == 404
    assert browser.open(address).status == 400


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ({}, "subject"),
        ({"subject": ""}, "subject"),
        ({"subject": 4711}, "subject"),
        ({"subject": "x" * 256}, "subject"),
        ({"subject": "a\nb"}, "subject"),
        ({"subject": "1", "email": "nobody"}, "email"),
        ({"subject": "1", "email": 7}, "email"),
        ({"subject": "1", "email_verified": "yes"}, "email_verified"),
        ({"subject": "1", "organizers": "bigevents"}, "organizers"),
        ({"subject": "1", "organizers": [7]}, "organizers"),
        ({"subject": "1", "organizers": [f"o{number}" for number in range(1001)]}, "organizers"),
        ({"subject": "1", "admin": True}, "admin"),
    ],
    ids=str,
)
def test_words_that_cannot_be_used_are_refused_and_change_nothing(
    browser: Browser, platform: Platform, said: dict[str, Any], word: str
) -> None:
    request_id = begun(browser)
    answer = platform.call(request_id, "/accept", **said)
    assert answer.status_code == 400
    assert answer.json()["error_description"].startswith(word)
    assert browser.open(platform.accept(request_id, **somebody())).path == "/settings/profile"


def test_body_that_is_no_object_is_refused(browser: Browser, platform: Platform, shop: ClientApp) -> None:
    path = f"/api/v1/sign-in/requests/{begun(browser)}/accept"
    assert shop.call(path, platform.token, "POST", data="[]").status_code == 400


def test_only_a_token_with_the_scope_may_answer(browser: Browser, platform: Platform, shop: ClientApp) -> None:
    request_id = begun(browser)
    application_access.allow(shop.client_id, ["profile"], [])
    platform.token = shop.call_token(grant_type="client_credentials").json()["access_token"]
    for what in ("", "/accept", "/refuse"):
        answer = platform.call(request_id, what)
        assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")
        platform.token, kept = "nonsense", platform.token
        assert platform.call(request_id, what).status_code == 401
        platform.token = kept


def test_account_that_exists_is_linked_by_its_verified_address(
    browser: Browser, platform: Platform, john: Browser
) -> None:
    said = somebody(email=john.user.email)
    page = browser.open(platform.accept(begun(browser), **{**said, "email_verified": False}))
    assert page.status == 403
    assert browser.open(platform.accept(begun(browser), **said)).path == "/settings/profile"
    assert account(said).email == john.user.email


def test_person_who_has_to_link_their_account_signs_in_to_it_first(
    browser: Browser, platform: Platform, john: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    _use(monkeypatch)
    said = somebody(email=john.user.email)
    page = browser.open(platform.accept(begun(browser), **said))
    assert page.status == 409
    page = browser.press(page, "Sign in", email=john.user.email, password=john.user.password)
    assert _pressed_twice(browser, page, "Link").path == "/settings/profile"
    assert account(said).email == john.user.email


def _pressed_twice(browser: Browser, page: Page, button: str) -> Page:
    browser.press(page, button)
    return browser.press(page, button)


def test_identity_of_another_account_is_not_linked(
    browser: Browser, platform: Platform, john: Browser, eve: Browser
) -> None:
    said = somebody()
    browser.open(platform.accept(begun(browser), **said))
    page = eve.open(platform.accept(begun(eve, "/settings/security", link="1"), **said))
    page = eve.press(page, "Link")
    assert (page.status, "linked to another account" in page.text) == (409, True)
    assert account(said).email == said["email"]


def test_person_without_an_account_cannot_be_linked_by_who_uses_the_browser_next(
    browser: Browser, platform: Platform, john: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    _use(monkeypatch, "new_accounts = false")
    said = somebody()
    request_id = begun(browser)
    page = browser.open(platform.accept(request_id, **said))
    assert (page.status, "no account for you" in page.text) == (403, True)
    browser.press(browser.open("/login"), "Sign in", email=john.user.email, password=john.user.password)
    assert browser.open("/login/link", request=request_id).status == 400
    assert user.find_by_identity(Identity(PLATFORM, said["subject"])) is None


def test_api_is_not_there_without_a_page(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    none: Any = replace(settings.SETTINGS, providers=identity_providers.Providers())
    monkeypatch.setattr(settings, "SETTINGS", none)
    assert platform.call("anything").status_code == 404


def test_strangers_cannot_tell_requests_apart(platform: Platform) -> None:
    made_up = credentials.mint(credentials.Kind.SIGN_IN_REQUEST)
    answers = [platform.call(one) for one in (made_up, "nonsense", "%00")]
    assert {(answer.status_code, answer.json()["error"]) for answer in answers} == {(404, "not_found")}


def test_server_in_the_same_account_may_answer_with_iam(
    browser: Browser, platform: Platform, application: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caller = "arn:aws:sts::123456789012:assumed-role/shop/i-0abc"
    request_id, said = begun(browser), somebody()
    address = f"https://connect.example.com/api/v1/iam/sign-in/requests/{request_id}"
    with requests.Session() as shop:
        shop.mount("https://", Gateway(application, "", iam_caller=caller))
        assert shop.get(address).json()["again"] is False
        redirect_to = shop.post(f"{address}/accept", json=said).json()["redirect_to"]
    assert browser.open(redirect_to).path == "/settings/profile"
    assert caller in caplog.text


def test_nobody_answers_for_iam_where_it_authenticated_nobody(
    browser: Browser, platform: Platform, shop: ClientApp, application: Any
) -> None:
    path = f"/api/v1/iam/sign-in/requests/{begun(browser)}"
    for what, method in (("", "GET"), ("/accept", "POST"), ("/refuse", "POST")):
        answer = shop.call(path + what, platform.token, method, **({"json": somebody()} if what else {}))
        assert (answer.status_code, answer.json()["error"]) == (403, "access_denied")
    with requests.Session() as stranger:
        stranger.mount("https://", Gateway(application, ""))
        headers = {"X-Amzn-User-Arn": "arn:aws:iam::1:root"}
        assert stranger.get(f"https://connect.example.com{path}", headers=headers).status_code == 403


def test_api_gateway_asks_iam_for_these_addresses_alone(application: Any) -> None:
    guarded = {
        path for path, methods in application.routes.items() if any(route.authorizer for route in methods.values())
    }
    assert guarded == {f"/api/v1/iam/sign-in/requests/{{request_id}}{what}" for what in ("", "/accept", "/refuse")}
    for path in guarded:
        assert {type(route.authorizer).__name__ for route in application.routes[path].values()} == {"IAMAuthorizer"}
