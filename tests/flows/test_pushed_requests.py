"""An application sends its authorization request itself, and the browser carries a reference to it (RFC 9126)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from chalicelib import credentials, limits, settings
from tests.actors import CALLBACK, Browser, ClientApp
from tests.conftest import Clock
from tests.public_app import PublicApp, challenge_of
from tests.store_proxy import Fault, StoreProxy

pytestmark = pytest.mark.spec("RFC 9126 §2")
PREFIX = "urn:ietf:params:oauth:request_uri:"


def push(app: ClientApp, *, auth: Any = None, **changed: Any) -> requests.Response:
    asked = {"response_type": "code", "scope": "read", "redirect_uri": app.redirect_uri, "state": "xyz", **changed}
    form = {name: value for name, value in asked.items() if value is not None}
    url = app.base_url + "/api/v1/oauth/par"
    return requests.post(url, data=form, auth=auth or (app.client_id, app.secret), timeout=30)


def reference(app: ClientApp, **changed: Any) -> str:
    answer = push(app, **changed)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["request_uri"])


def path(app: ClientApp, request_uri: str, **more: str) -> str:
    return "/api/v1/oauth/authorize?" + urlencode({"client_id": app.client_id, "request_uri": request_uri, **more})


@pytest.mark.spec("RFC 9126 §2.2", "RFC 9126 §4")
def test_pushed_request_is_answered_like_one_that_the_browser_brought(john: Browser, shop: ClientApp) -> None:
    answer = push(shop)
    assert answer.status_code == 201
    assert answer.json()["expires_in"] == 600
    assert answer.json()["request_uri"].startswith(PREFIX)
    assert answer.headers["Cache-Control"] == "no-store"
    page = john.open(path(shop, answer.json()["request_uri"]))
    assert page.title == "Authorize A shop?"
    page = john.allow(page, "Big Events LLC")
    assert page.answer["state"] == "xyz"
    assert page.answer["iss"] == shop.base_url
    assert shop.exchange(page.code).json()["scope"] == "read"


@pytest.mark.spec("RFC 9101 §5", "RFC 9126 §3")
def test_request_object_is_refused_when_pushed_and_beside_a_pushed_request(john: Browser) -> None:
    shop = john.register_application("A shop")
    answer = push(shop, request="eyJhbGciOiJub25lIn0.e30.")
    assert (answer.status_code, answer.json()["error"]) == (400, "request_not_supported")
    page = john.open(path(shop, reference(shop), request="eyJhbGciOiJub25lIn0.e30."))
    assert (page.answer["error"], page.answer["state"]) == ("request_not_supported", "xyz")


@pytest.mark.spec("RFC 9126 §4")
def test_parameters_added_by_the_browser_are_ignored(john: Browser, shop: ClientApp) -> None:
    asked = path(shop, reference(shop), scope="read write", state="other", redirect_uri="https://evil.example/")
    page = john.allow(john.open(asked), "Big Events LLC")
    assert page.answer["state"] == "xyz"
    assert page.left_to is not None
    assert page.left_to.startswith(CALLBACK)
    assert shop.exchange(page.code).json()["scope"] == "read"


def test_pushed_request_survives_signing_in(john: Browser, shop: ClientApp) -> None:
    request_uri = reference(shop)
    browser = Browser(john.base_url, john.person)
    assert john.person is not None
    page = browser.open(path(shop, request_uri))
    assert page.path == "/login"
    page = browser.press(page, "Sign in", email=john.person.email, password=john.person.password)
    assert browser.allow(page, "Big Events LLC").answer["state"] == "xyz"


@pytest.mark.spec("RFC 9126 §7.3", "RFC 9126 §4")
def test_pushed_request_is_answered_once_and_a_second_click_repeats_the_redirect(
    john: Browser, shop: ClientApp
) -> None:
    request_uri = reference(shop, approval_prompt="force")
    shown = john.open(path(shop, request_uri))
    first = john.allow(shown, "Big Events LLC")
    assert first.code
    assert john.allow(shown, "Small Shows").left_to == first.left_to, "the first answer counts"
    page = john.open(path(shop, request_uri))
    assert (page.status, page.left_to) == (400, None)
    assert "You allowed A shop access" in page.text
    tokens = shop.exchange(first.code).json()
    assert [found["name"] for found in shop.organizers(tokens["access_token"]).json()["results"]] == ["Big Events LLC"]
    late = john.allow(shown, "Big Events LLC")
    assert (late.status, late.left_to, late.title) == (400, None, "You have already answered")
    assert shop.me(tokens["access_token"]).status_code == 200, "no code was replayed"


@pytest.mark.spec("RFC 9126 §7.3")
def test_of_many_answers_at_once_one_counts_and_all_get_its_redirect(john: Browser, shop: ClientApp) -> None:
    shown = john.open(path(shop, reference(shop)))
    with ThreadPoolExecutor(8) as pool:
        pages = list(pool.map(lambda _: john.allow(shown, "Big Events LLC"), range(8)))
    assert len({page.left_to for page in pages}) == 1
    assert [shop.exchange(page.code).status_code for page in pages[:1]] == [200]


@pytest.mark.spec("RFC 9126 §7.3")
def test_late_second_click_is_told_only_what_is_certain(john: Browser, shop: ClientApp, clock: Clock) -> None:
    """The browser may never have followed the redirect, and the code has expired in the meantime."""
    shown = john.open(path(shop, reference(shop)))
    assert john.allow(shown, "Big Events LLC").code
    clock.advance(settings.SETTINGS.code_lifetime_seconds + 1)
    page = john.allow(shown, "Big Events LLC")
    assert (page.status, page.left_to, page.title) == (400, None, "You have already answered")
    assert "You allowed A shop access the first time you answered." in page.text
    assert "If the application is not connected, go back to it and connect it again." in page.text
    assert "has your answer" not in page.text


def test_denying_a_pushed_request_answers_it(john: Browser, shop: ClientApp) -> None:
    request_uri = reference(shop)
    shown = john.open(path(shop, request_uri))
    first = john.press(shown, "Deny")
    assert (first.answer["error"], first.answer["state"]) == ("access_denied", "xyz")
    assert john.press(shown, "Deny").left_to == first.left_to
    for page in (john.allow(shown, "Big Events LLC"), john.open(path(shop, request_uri))):
        assert (page.status, page.left_to) == (400, None)
        assert "You denied A shop access" in page.text


def test_allowed_request_is_not_denied_by_a_later_click(john: Browser, shop: ClientApp) -> None:
    shown = john.open(path(shop, reference(shop)))
    code = john.allow(shown, "Big Events LLC").code
    page = john.press(shown, "Deny")
    assert (page.status, page.left_to) == (400, None)
    assert "You allowed A shop access" in page.text
    assert shop.exchange(code).status_code == 200


@pytest.mark.spec("RFC 9126 §7.3", "RFC 6749 §10.12")
def test_redirect_is_repeated_only_to_the_session_that_answered(john: Browser, eve: Browser, shop: ClientApp) -> None:
    request_uri = reference(shop)
    shown, elsewhere = john.open(path(shop, request_uri)), Browser(john.base_url, john.user)
    elsewhere.sign_in()
    same_user, other_user = elsewhere.open(path(shop, request_uri)), eve.open(path(shop, request_uri))
    assert john.allow(shown, "Big Events LLC").code
    page = elsewhere.allow(same_user, "Big Events LLC")
    assert (page.status, page.left_to, page.title) == (400, None, "You have already answered")
    for page in (eve.allow(other_user, "Other Org"), eve.open(path(shop, request_uri))):
        assert (page.status, page.left_to, page.title) == (400, None, "This application cannot be connected")
    forged = {**shown.fields("Authorize", "Big Events LLC"), "csrf_token": "x"}
    page = john.send(shown, "", forged)
    assert (page.status, page.left_to) == (400, None)
    visitor = Browser(john.base_url).open(path(shop, request_uri))
    assert (visitor.status, visitor.left_to) == (400, None)


@pytest.mark.spec("RFC 9126 §7.3", "RFC 6749 §4.1.3")
def test_code_is_not_sent_again_to_another_redirect_uri(john: Browser, a_browser: Callable[..., Browser]) -> None:
    developer = a_browser()
    shop = developer.register_application("A shop", "https://shop.example.com/a", "https://shop.example.com/b")
    shop.redirect_uri = "https://shop.example.com/a"
    shop.connect(john, "Big Events LLC", scope="read")
    asked = path(shop, reference(shop, redirect_uri=None))
    assert john.open(asked).code
    edited = developer.open(f"/settings/applications/{shop.client_id}")
    assert developer.press(edited, "Save", redirect_uris="https://shop.example.com/b").status == 200
    page = john.open(asked)
    assert (page.status, page.left_to, page.title) == (400, None, "You have already answered")


@pytest.mark.spec("RFC 9126 §7.3", "RFC 6749 §10.12")
def test_second_of_two_users_who_answer_one_request_is_refused(
    john: Browser, eve: Browser, shop: ClientApp, store: StoreProxy
) -> None:
    request_uri = reference(shop)
    johns, eves = (browser.open(path(shop, request_uri)) for browser in (john, eve))
    with store.before("TransactWriteItems", lambda: eve.allow(eves, "Other Org")):
        page = john.allow(johns, "Big Events LLC")
    assert (page.status, page.left_to, page.title) == (400, None, "This application cannot be connected")
    assert "No application has access" in john.open("/settings/authorized").text


@pytest.mark.spec("docs/reliability.md")
@pytest.mark.parametrize("button", ["Authorize", "Deny"])
def test_answer_counts_if_its_write_succeeds_without_confirmation(
    john: Browser, shop: ClientApp, store: StoreProxy, button: str
) -> None:
    shown = john.open(path(shop, reference(shop)))
    with store.fault(Fault.LOSES_ANSWER, "TransactWriteItems", times=1):
        page = john.press(shown, button, tick=["Big Events LLC"])
    assert page.left_to is not None
    assert john.press(shown, button, tick=["Big Events LLC"]).left_to == page.left_to


@pytest.mark.spec("docs/reliability.md")
@pytest.mark.usefixtures("impatient_client")
def test_answer_without_confirmation_is_found_by_the_next_click(
    john: Browser, shop: ClientApp, store: StoreProxy
) -> None:
    shown = john.open(path(shop, reference(shop)))
    with store.fault(Fault.LOSES_ANSWER, "TransactWriteItems"):
        assert john.allow(shown, "Big Events LLC").status == 503
    assert shop.exchange(john.allow(shown, "Big Events LLC").code).status_code == 200


@pytest.mark.spec("docs/reliability.md")
@pytest.mark.usefixtures("impatient_client")
def test_pushed_request_stays_answerable_if_the_store_fails(john: Browser, shop: ClientApp, store: StoreProxy) -> None:
    shown = john.open(path(shop, reference(shop)))
    with store.fault(Fault.INTERNAL_ERROR, "TransactWriteItems"):
        assert john.allow(shown, "Big Events LLC").status == 503
    assert john.allow(shown, "Big Events LLC").code


@pytest.mark.spec("docs/operations.md")
def test_answering_a_pushed_request_costs_no_extra_round_trip(
    john: Browser, shop: ClientApp, store: StoreProxy
) -> None:
    shown = john.open(path(shop, reference(shop)))
    with store.count() as calls:
        john.allow(shown, "Big Events LLC")
    assert [call.operation for call in calls].count("TransactWriteItems") == 1
    ordinary = john.open(shop.authorize_path(approval_prompt="force"))
    with store.count() as same:
        john.allow(ordinary, "Big Events LLC")
    assert [call.operation for call in calls] == [call.operation for call in same]


@pytest.mark.spec("docs/architecture.md", "RFC 6749 §3.1")
def test_pushed_request_may_be_sent_to_the_authorization_endpoint_by_post(john: Browser, shop: ClientApp) -> None:
    address = f"{john.base_url}/api/v1/oauth/authorize"
    page = john.send(john.open("/"), address, {"client_id": shop.client_id, "request_uri": reference(shop)})
    assert page.title == "Authorize A shop?"
    assert john.allow(page, "Big Events LLC").answer["state"] == "xyz"


def test_invalid_answer_leaves_the_pushed_request_open(john: Browser, shop: ClientApp) -> None:
    shown = john.allow(john.open(path(shop, reference(shop))))
    assert "at least one organizer" in shown.text
    assert john.allow(shown, "Big Events LLC").code


def test_pushed_request_is_answered_without_asking_if_the_consent_is_remembered(john: Browser, shop: ClientApp) -> None:
    shop.connect(john, "Big Events LLC")
    request_uri = reference(shop)
    first = john.open(path(shop, request_uri))
    assert john.open(path(shop, request_uri)).left_to == first.left_to, "the page was loaded twice"
    assert shop.exchange(first.code).status_code == 200
    page = john.open(path(shop, request_uri))
    assert (page.status, page.left_to, page.title) == (400, None, "You have already answered")


@pytest.mark.spec("RFC 9126 §2.2")
def test_pushed_request_expires(john: Browser, shop: ClientApp, clock: Clock) -> None:
    request_uri = reference(shop)
    clock.advance(600)
    assert john.open(path(shop, request_uri)).status == 400


@pytest.mark.spec("RFC 9126 §7.2", "RFC 9126 §2.2")
def test_pushed_request_works_only_for_its_own_application(
    john: Browser, shop: ClientApp, other_shop: ClientApp
) -> None:
    assert john.open(path(other_shop, reference(shop))).status == 400


@pytest.mark.spec("RFC 9126 §7.1")
@pytest.mark.parametrize("made_up", ["", "x", PREFIX, PREFIX + "x", "https://evil.example/request"])
def test_made_up_reference_is_refused_without_a_redirect(john: Browser, shop: ClientApp, made_up: str) -> None:
    forged = path(shop, made_up or PREFIX + credentials.mint(credentials.Kind.PUSHED_REQUEST))
    page = john.open(forged)
    assert page.status == 400
    assert page.left_to is None


@pytest.mark.spec("RFC 9126 §2.3")
@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"redirect_uri": "https://evil.example/"}, "invalid_request"),
        ({"scope": "admin"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
        ({"code_challenge": "short", "code_challenge_method": "S256"}, "invalid_request"),
        ({"resource": "https://unknown.example.com"}, "invalid_target"),
        ({"request_uri": PREFIX + "x"}, "invalid_request"),
        ({"scope": ["read", "write"]}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
    ],
    ids=str,
)
def test_invalid_request_is_refused_when_it_is_pushed(shop: ClientApp, changed: dict[str, Any], error: str) -> None:
    answer = push(shop, **changed)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


@pytest.mark.spec("RFC 9126 §2.1")
def test_pushing_requires_the_same_authentication_as_the_token_endpoint(shop: ClientApp, other_shop: ClientApp) -> None:
    answer = push(shop, auth=(shop.client_id, "wrong"))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    answer = push(shop, auth=(other_shop.client_id, other_shop.secret), client_id=shop.client_id)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert requests.get(shop.base_url + "/api/v1/oauth/par", timeout=30).status_code == 405


@pytest.mark.spec("RFC 9126 §2.1", "RFC 9700 §4.14.2")
def test_public_application_pushes_a_request_with_its_code_challenge(
    john: Browser, a_browser: Callable[..., Browser]
) -> None:
    spa = PublicApp.registered_by(a_browser())
    url = spa.base_url + "/api/v1/oauth/par"
    asked = {"client_id": spa.client_id, "response_type": "code", "redirect_uri": CALLBACK}
    assert requests.post(url, data=asked, timeout=30).json()["error"] == "invalid_request"
    asked |= {"code_challenge": challenge_of(spa.verifier), "code_challenge_method": "S256"}
    request_uri = requests.post(url, data=asked, timeout=30).json()["request_uri"]
    page = john.allow(john.open(path(spa, request_uri)), "Big Events LLC")
    assert spa.exchange(page.code).status_code == 200


GATEWAYS_HEADERS_LIMIT_BYTES = 10_240


@pytest.mark.parametrize("state", ["x" * 8000, "=" * 2650], ids=["plain", "encoded"])
def test_request_that_is_too_long_for_a_url_can_be_pushed(john: Browser, shop: ClientApp, state: str) -> None:
    assert "Send it as a pushed authorization request" in john.open(shop.authorize_path(state=state)).text
    page = john.open(path(shop, reference(shop, state=state)))
    for answer in (john.allow(page, "Big Events LLC"), john.open(path(shop, reference(shop, state=state)))):
        assert answer.answer["state"] == state
        headers = answer.response.headers.items()
        assert sum(len(name) + len(value) for name, value in headers) < GATEWAYS_HEADERS_LIMIT_BYTES - 500


def test_pushed_request_that_is_too_long_for_its_redirect_says_to_shorten_the_state(shop: ClientApp) -> None:
    answer = push(shop, state="x" * limits.PUSHED_REQUEST_LIMIT_CHARACTERS)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert answer.json()["error_description"] == (
        "The request is longer than 8192 characters, URL-encoded. Shorten its state."
    )


def test_pushing_gets_503_if_the_store_fails(shop: ClientApp, store: StoreProxy) -> None:
    with store.fault(Fault.INTERNAL_ERROR, "PutItem"):
        assert push(shop).status_code == 503


@pytest.mark.spec("docs/operations.md")
def test_showing_a_pushed_request_costs_no_extra_round_trip(john: Browser, shop: ClientApp, store: StoreProxy) -> None:
    request_uri = reference(shop)
    with store.count() as calls:
        john.open(path(shop, request_uri))
    with store.count() as ordinary:
        john.open(shop.authorize_path())
    assert [call.operation for call in calls] == [call.operation for call in ordinary]
