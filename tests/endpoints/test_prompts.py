"""An application says with `prompt` what its users are to be shown: nothing, the sign-in page or the consent page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
import requests

from chalicelib import settings
from chalicelib.protocol.rules import prompts
from tests.actors import Browser, ClientApp, Page, Person
from tests.conftest import Clock
from tests.public_app import PublicApp
from tests.store_proxy import StoreProxy

pytestmark = pytest.mark.spec("OpenID Connect Core §3.1.2.1")
SIGN_IN_AGAIN = "wants to be sure that it is you"


@pytest.fixture
def mine(john: Browser) -> ClientApp:
    """John's own application, so that its errors are redirected to it at once."""
    return john.register_application("A shop")


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the operator creates accounts, so the operator knows who registers applications."""
    changed: Any = replace(settings.SETTINGS, sign_up_open=False)
    monkeypatch.setattr(settings, "SETTINGS", changed)


def push(app: ClientApp, **changed: str) -> str:
    """The path for a browser that carries a pushed request."""
    asked = {name: value for name, value in app.parameters(**changed).items() if name != "client_id"}
    url, auth = app.base_url + "/api/v1/oauth/par", (app.client_id, app.secret)
    answer = requests.post(url, data=asked, auth=auth, timeout=30)
    assert answer.status_code == 201, answer.text
    return f"/api/v1/oauth/authorize?client_id={app.client_id}&request_uri={answer.json()['request_uri']}"


def plain(app: ClientApp, **changed: str) -> str:
    return app.authorize_path(**changed)


WAYS = pytest.mark.parametrize("ask", [plain, push])
Ask = Callable[..., str]


def enter(browser: Browser, page: Page, person: Person | None = None) -> Page:
    person = person or browser.user
    return browser.press(page, "Sign in", email=person.email, password=person.password)


def next_of(page: Page) -> str:
    return page.field("next")


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [
        ("create", "one or more of: none, login, consent, select_account"),
        ("login create", "one or more of: none, login, consent, select_account"),
        ("Login", "one or more of: none, login, consent, select_account"),
        ("login  consent", "one or more of: none, login, consent, select_account"),
        (" ", "one or more of: none, login, consent, select_account"),
        ("none login", "cannot be combined"),
        ("consent none", "cannot be combined"),
    ],
)
def test_prompt_that_is_not_understood_is_an_invalid_request(
    john: Browser, mine: ClientApp, prompt: str, reason: str
) -> None:
    answer = john.open(mine.authorize_path(prompt=prompt)).answer
    assert (answer["error"], answer["state"]) == ("invalid_request", "xyz")
    assert reason in answer["error_description"]
    url, auth = mine.base_url + "/api/v1/oauth/par", (mine.client_id, mine.secret)
    pushed = requests.post(url, data={"response_type": "code", "prompt": prompt}, auth=auth, timeout=30)
    assert (pushed.status_code, pushed.json()["error"]) == (400, "invalid_request")


def test_metadata_names_the_prompts(base_url: str) -> None:
    found = requests.get(base_url + "/.well-known/oauth-authorization-server", timeout=30).json()
    assert found["prompt_values_supported"] == ["none", "login", "consent", "select_account"] == list(prompts.ALL)


@WAYS
def test_none_gets_a_code_where_the_consent_is_remembered(john: Browser, shop: ClientApp, ask: Ask) -> None:
    shop.connect(john, "Small Shows")
    path = ask(shop, prompt="none")
    page = john.open(path)
    assert page.status == 303
    assert page.answer["state"] == "xyz"
    if ask is push:
        assert john.open(path).code == page.code, "a second click gets the same answer"
    assert shop.exchange(page.code).status_code == 200
    if ask is push:
        assert john.open(path).answer["error"] == "invalid_request", "and never a page"


@pytest.mark.spec("OpenID Connect Core §3.1.2.6")
@WAYS
def test_none_is_told_that_consent_is_required(john: Browser, mine: ClientApp, ask: Ask) -> None:
    answer = john.open(ask(mine, prompt="none", scope="read")).answer
    assert (answer["error"], answer["state"], answer["iss"]) == ("consent_required", "xyz", john.base_url)
    assert answer["error_description"]
    mine.connect(john, "Small Shows", scope="read")
    assert john.open(ask(mine, prompt="none", scope="read")).code
    assert john.open(ask(mine, prompt="none", scope="read write")).answer["error"] == "consent_required"
    forced = ask(mine, prompt="none", scope="read", approval_prompt="force")
    assert john.open(forced).answer["error"] == "consent_required"


@pytest.mark.spec("OpenID Connect Core §3.1.2.6")
def test_none_is_told_that_interaction_is_required_where_consent_would_not_be_enough(
    a_browser: Callable[..., Browser],
) -> None:
    without_organizers = a_browser()
    mine = without_organizers.register_application("A shop")
    assert without_organizers.open(mine.authorize_path(prompt="none")).answer["error"] == "interaction_required"
    answer = without_organizers.open(mine.authorize_path(prompt="none", scope="profile")).answer
    assert answer["error"] == "consent_required"


@pytest.mark.spec("CVE-2023-34246", "RFC 8252 §8.6")
def test_none_gives_no_code_to_a_public_application(john: Browser) -> None:
    public_app = PublicApp.registered_by(john)
    public_app.connect(john, "Small Shows")
    assert john.open(public_app.authorize_path(prompt="none")).answer["error"] == "consent_required"


@pytest.mark.spec("OpenID Connect Core §3.1.2.6")
@pytest.mark.usefixtures("closed")
@WAYS
def test_none_is_told_that_nobody_is_signed_in_where_the_operator_knows_who_registers(
    base_url: str, shop: ClientApp, ask: Ask
) -> None:
    answer = Browser(base_url).open(ask(shop, prompt="none")).answer
    assert (answer["error"], answer["state"], answer["iss"]) == ("login_required", "xyz", base_url)
    wrong = Browser(base_url).open(shop.authorize_path(prompt="none", scope="bogus"))
    assert wrong.answer["error"] == "invalid_scope", "never a page"


@pytest.mark.spec("RFC 9700 §4.11.2", "docs/security.md")
def test_none_redirects_nobody_to_an_address_that_a_stranger_chose(
    john: Browser, base_url: str, shop: ClientApp
) -> None:
    for browser, error in ((john, "consent_required"), (Browser(base_url), "login_required")):
        page = browser.open(shop.authorize_path(prompt="none"))
        assert (page.status, page.left_to, page.title) == (400, None, "A shop cannot connect without you")
        assert page.html.find("form", action=lambda action: "login" in str(action)) is None
        assert page.html.find("meta", attrs={"http-equiv": True}) is None
        links = [str(found["href"]) for found in page.html.find_all("a")]
        (link,) = (found for found in links if found.startswith(shop.redirect_uri))
        assert dict(parse_qsl(urlsplit(link).query))["error"] == error
    wrong = Browser(base_url).open(shop.authorize_path(prompt="none", scope="bogus"))
    assert (wrong.status, wrong.left_to, wrong.title) == (400, None, "A shop made a mistake")
    nowhere = Browser(base_url).open(shop.authorize_path(prompt="none", redirect_uri="https://evil.example/"))
    assert (nowhere.status, nowhere.left_to) == (400, None)


def test_none_never_answers_a_consent_form(john: Browser, mine: ClientApp) -> None:
    shown = john.open(mine.authorize_path())
    fields = shown.fields("Authorize", "Small Shows")
    assert john.send(shown, mine.authorize_path(prompt="none"), fields).answer["error"] == "consent_required"


@WAYS
def test_consent_shows_the_consent_page_even_if_the_consent_is_remembered(
    john: Browser, shop: ClientApp, ask: Ask
) -> None:
    shop.connect(john, "Small Shows")
    page = john.open(ask(shop, prompt="consent"))
    assert page.title == "Authorize A shop?"
    assert john.allow(page, "Big Events LLC").code
    assert john.open(ask(shop)).code


@WAYS
def test_login_asks_for_the_password_again_once_and_the_request_goes_on(
    john: Browser, shop: ClientApp, clock: Clock, ask: Ask
) -> None:
    shop.connect(john, "Small Shows")
    clock.advance(1)
    page = john.open(ask(shop, prompt="login"))
    assert (page.title, page.field("email")) == ("Sign in", john.user.email)
    assert SIGN_IN_AGAIN in page.text
    assert "Continue as" not in page.text
    refused = john.press(page, "Sign in", password="a guess")
    assert refused.status == 401
    clock.advance(1)
    done = enter(john, refused)
    assert done.answer["state"] == "xyz"
    assert shop.exchange(done.code).status_code == 200


@WAYS
def test_login_cannot_be_skipped_by_leaving_the_sign_in_page(
    john: Browser, shop: ClientApp, clock: Clock, ask: Ask
) -> None:
    shop.connect(john, "Small Shows")
    clock.advance(1)
    page = john.open(ask(shop, prompt="login"))
    for path in (next_of(page), "/login?next=" + quote(next_of(page), safe="")):
        again = john.open(path)
        assert (again.title, again.left_to) == ("Sign in", None)
        assert SIGN_IN_AGAIN in again.text
    john.http.cookies.pop("lanyard-login")  # a stale form of the signed-in user goes on without a look at the password
    stale = john.press(page, "Sign in", email=john.user.email, password="not looked at")
    assert (stale.title, stale.left_to) == ("Sign in", None)
    assert enter(john, stale).code


@WAYS
def test_request_survives_going_back_to_the_sign_in_page(
    john: Browser, shop: ClientApp, clock: Clock, ask: Ask
) -> None:
    clock.advance(1)
    sign_in_page = john.open(ask(shop, prompt="login"))
    assert enter(john, sign_in_page).title == "Authorize A shop?"
    back = john.open("/login?again=1&next=" + quote(next_of(sign_in_page), safe=""))
    assert back.title == "Sign in"
    page = enter(john, back)
    assert page.title == "Authorize A shop?"
    assert john.allow(page, "Small Shows").answer["state"] == "xyz"


@WAYS
def test_visitor_signs_in_once_for_login(base_url: str, john: Browser, shop: ClientApp, ask: Ask) -> None:
    visitor = Browser(base_url, john.user)
    page = visitor.open(ask(shop, prompt="login consent"))
    assert page.title == "Sign in"
    assert SIGN_IN_AGAIN not in page.text
    assert enter(visitor, page).title == "Authorize A shop?"


def test_next_request_with_login_asks_again(john: Browser, shop: ClientApp, clock: Clock) -> None:
    shop.connect(john, "Small Shows")
    for _ in range(2):
        clock.advance(1)
        page = john.open(shop.authorize_path(prompt="login"))
        assert page.title == "Sign in"
        assert enter(john, page).code


def test_pushed_login_cannot_be_skipped_by_what_the_browser_adds(john: Browser, shop: ClientApp, clock: Clock) -> None:
    shop.connect(john, "Small Shows")
    clock.advance(1)
    path = push(shop, prompt="login")
    for added in ("&prompt=consent", "&prompt=", "&asked_at=0", "&asked_at=1&prompt=none"):
        assert john.open(path + added).title == "Sign in", added


@pytest.mark.parametrize("moment", ["", "x", "-1", "9999999999", "1e3", "٣", "99999999999999999999"])
def test_made_up_moment_never_ends_in_a_circle(john: Browser, shop: ClientApp, clock: Clock, moment: str) -> None:
    clock.advance(1)
    page = john.open(shop.authorize_path(prompt="login") + f"&asked_at={moment}")
    assert page.title == "Sign in"
    assert enter(john, page).title == "Authorize A shop?"


@WAYS
def test_select_account_offers_another_account_and_the_same_one(
    john: Browser, eve: Browser, shop: ClientApp, clock: Clock, ask: Ask
) -> None:
    shop.connect(john, "Small Shows")
    for person in (john.user, eve.user):
        clock.advance(1)
        page = john.open(ask(shop, prompt="select_account"))
        assert (page.title, page.field("email")) == ("Sign in", "")
        assert SIGN_IN_AGAIN not in page.text
        done = enter(john, page, person)
        assert (done.left_to is None) == (person is eve.user), "John's consent is remembered, Eve has given none"
    assert eve.user.email in done.text


@WAYS
def test_select_account_goes_on_as_the_signed_in_user(john: Browser, shop: ClientApp, clock: Clock, ask: Ask) -> None:
    shop.connect(john, "Small Shows")
    clock.advance(1)
    page = john.open(ask(shop, prompt="select_account"))
    assert f"Continue as {john.user.email}" in page.text
    (link,) = (str(found["href"]) for found in page.html.find_all("a") if "Continue as" in found.get_text())
    assert john.open(link).code


def test_login_beside_select_account_cannot_be_skipped_by_keeping_the_account(
    john: Browser, shop: ClientApp, clock: Clock
) -> None:
    clock.advance(1)
    page = john.open(shop.authorize_path(prompt="select_account login"))
    assert SIGN_IN_AGAIN in page.text
    assert john.open(next_of(page)).title == "Sign in"


def test_stale_consent_form_of_a_request_with_login_keeps_its_ticks_after_one_sign_in(
    john: Browser, shop: ClientApp, clock: Clock
) -> None:
    clock.advance(1)
    shown = enter(john, john.open(shop.authorize_path(prompt="login")))
    assert shown.title == "Authorize A shop?"
    john.http.cookies.pop("lanyard-session")
    page = john.press(shown, "Authorize", tick=["Small Shows"])
    assert page.title == "Sign in"
    clock.advance(1)
    kept = enter(john, page)
    page = john.press(kept, "Go back to your form")
    assert page.title == "Authorize A shop?"
    assert page.choices() == {"Big Events LLC": False, "Small Shows": True}
    assert john.allow(page).code


@pytest.mark.spec("docs/operations.md")
def test_asking_for_the_password_again_takes_one_read_and_prompts_cost_nothing(
    john: Browser, shop: ClientApp, clock: Clock, store: StoreProxy
) -> None:
    shop.connect(john, "Small Shows")
    clock.advance(1)
    visited = {
        "login": ["BatchGetItem", "BatchGetItem"],  # the request, and then the sign-in page
        "select_account": ["BatchGetItem", "BatchGetItem"],
        "consent": ["BatchGetItem", "BatchGetItem"],
        "none": ["BatchGetItem", "TransactWriteItems"],
    }
    for prompt, operations in visited.items():
        with store.count() as calls:
            john.open(shop.authorize_path(prompt=prompt))
        assert [call.operation for call in calls] == operations, prompt
