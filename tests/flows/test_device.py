"""A device shows a code, and its user allows it in a browser on another device (RFC 8628)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import requests

from chalicelib import credentials, limits, settings
from chalicelib.credentials import Kind
from chalicelib.models import application_edit, throttle, user
from tests.actors import Browser, ClientApp
from tests.conftest import Clock
from tests.store_proxy import Fault, StoreProxy

pytestmark = pytest.mark.spec("RFC 8628 §3")
GRANT = "urn:ietf:params:oauth:grant-type:device_code"


class Device(ClientApp):
    """A device, such as a television, that has a client id and no keyboard."""

    def start(self, **more: Any) -> dict[str, Any]:
        answer = self.http.post(
            self.base_url + "/api/v1/oauth/device_authorization", data={"client_id": self.client_id, **more}
        )
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def call_token(self, *, auth: Any = None, headers: Any = None, **form: Any) -> requests.Response:
        data = {"client_id": self.client_id, **form}
        return self.http.post(self.base_url + "/api/v1/oauth/token", data=data, auth=auth, headers=headers)

    def poll(self, device_code: str, **more: Any) -> requests.Response:
        return self.call_token(grant_type=GRANT, device_code=device_code, **more)


def registered(browser: Browser, **more: str) -> Device:
    page = browser.open("/settings/applications/new")
    page = browser.press(page, "Register", name="A television", type="native", device_grant="on", **more)
    client_id = page.html.find(id="client-id")
    assert client_id is not None, page.text
    return Device(browser.base_url, client_id.get_text(), "", "")


@pytest.fixture
def tv(a_browser: Callable[..., Browser]) -> Device:
    return registered(a_browser())


@pytest.fixture(autouse=True)
def _no_codes_guessed() -> None:
    throttle.forget(throttle.named("device code address", "127.0.0.1"), window_seconds=limits.DEVICE_WINDOW_SECONDS)


@pytest.mark.spec("RFC 8628 §3.2", "RFC 8628 §3.3", "RFC 8628 §3.5")
def test_user_types_the_code_and_the_device_gets_its_tokens(john: Browser, tv: Device, clock: Clock) -> None:
    started = tv.start(scope="read write")
    assert started["expires_in"] == 600
    assert started["interval"] == 5
    assert started["verification_uri"] == tv.base_url + "/device"
    answer = tv.poll(started["device_code"])
    assert (answer.status_code, answer.json()["error"]) == (400, "authorization_pending")
    page = john.press(john.open("/device"), "Continue", user_code=started["user_code"])
    assert page.title == "Authorize A television?"
    assert started["user_code"] in page.text
    page = john.allow(page, "Big Events LLC")
    assert "You have connected A television" in page.text
    clock.advance(5)
    tokens = tv.poll(started["device_code"]).json()
    assert tokens["scope"] == "read write"
    assert tv.organizers(tokens["access_token"]).json()["count"] == 1
    assert tv.refresh(tokens["refresh_token"]).json()["refresh_token"] != tokens["refresh_token"]
    assert "A television" in john.open("/settings/authorized").text


@pytest.mark.spec("RFC 8628 §3.3.1", "RFC 8628 §5.4")
def test_user_who_follows_the_link_sees_the_code_and_is_asked(john: Browser, tv: Device) -> None:
    started = tv.start()
    page = john.open(started["verification_uri_complete"])
    assert page.title == "Authorize A television?"
    assert "Continue only if you started this yourself" in page.text
    assert started["user_code"] in page.text
    assert tv.poll(started["device_code"]).json()["error"] == "authorization_pending"
    john.allow(page, "Small Shows")
    assert john.person is not None


def test_verification_link_survives_signing_in(john: Browser, tv: Device) -> None:
    browser = Browser(john.base_url, john.person)
    assert john.person is not None
    page = browser.open(tv.start()["verification_uri_complete"])
    assert page.path == "/login"
    page = browser.press(page, "Sign in", email=john.person.email, password=john.person.password)
    assert page.title == "Authorize A television?"


@pytest.mark.spec("RFC 8628 §6.1")
def test_user_code_may_be_typed_in_any_case_with_or_without_its_dash(john: Browser, tv: Device) -> None:
    typed = tv.start()["user_code"].lower().replace("-", " ")
    assert john.press(john.open("/device"), "Continue", user_code=f" {typed}").title == "Authorize A television?"


@pytest.mark.spec("RFC 8628 §3.5")
def test_device_is_told_that_the_user_refused(john: Browser, tv: Device) -> None:
    started = tv.start()
    page = john.press(john.open(started["verification_uri_complete"]), "Deny")
    assert "You have denied A television access" in page.text
    answer = tv.poll(started["device_code"])
    assert (answer.status_code, answer.json()["error"]) == (400, "access_denied")


@pytest.mark.spec("RFC 8628 §3.5")
def test_device_that_polls_too_often_is_told_to_slow_down(john: Browser, tv: Device, clock: Clock) -> None:
    clock.stop()
    started = tv.start()
    code = started["device_code"]
    assert tv.poll(code).json()["error"] == "authorization_pending"
    clock.advance(4)
    answer = tv.poll(code)
    assert (answer.status_code, answer.json()["error"]) == (400, "slow_down")
    clock.advance(9)
    assert tv.poll(code).json()["error"] == "slow_down"
    clock.advance(15)
    assert tv.poll(code).json()["error"] == "authorization_pending"
    john.allow(john.open(started["verification_uri_complete"]), "Big Events LLC")
    assert tv.poll(code).json()["error"] == "slow_down"
    clock.advance(20)
    assert tv.poll(code).status_code == 200


@pytest.mark.spec("RFC 8628 §3.5")
def test_device_code_and_user_code_expire(john: Browser, tv: Device, clock: Clock) -> None:
    started = tv.start()
    shown = john.open(started["verification_uri_complete"])
    clock.advance(600)
    assert john.allow(shown, "Big Events LLC").status == 400
    assert john.open(started["verification_uri_complete"]).status == 400
    assert tv.poll(started["device_code"]).json()["error"] == "expired_token"


@pytest.mark.spec("RFC 8628 §3.4")
def test_device_code_works_once(john: Browser, tv: Device, clock: Clock) -> None:
    started = tv.start()
    john.allow(john.open(started["verification_uri_complete"]), "Big Events LLC")
    tokens = tv.poll(started["device_code"]).json()
    clock.advance(5)
    assert tv.poll(started["device_code"]).json()["error"] == "invalid_grant"
    assert tv.me(tokens["access_token"]).status_code == 200


def test_of_many_polls_with_one_device_code_at_most_one_gets_tokens(john: Browser, tv: Device) -> None:
    started = tv.start()
    john.allow(john.open(started["verification_uri_complete"]), "Big Events LLC")
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: tv.poll(started["device_code"]), range(12)))
    assert sum(answer.status_code == 200 for answer in answers) == 1
    errors = {answer.json()["error"] for answer in answers if answer.status_code != 200}
    assert errors <= {"slow_down", "invalid_grant"}


@pytest.mark.spec("RFC 8628 §3.4", "RFC 8628 §5.2")
def test_device_code_works_only_for_its_own_application(
    john: Browser, tv: Device, a_browser: Callable[..., Browser]
) -> None:
    started = tv.start()
    john.allow(john.open(started["verification_uri_complete"]), "Big Events LLC")
    thief = registered(a_browser())
    assert thief.poll(started["device_code"]).json()["error"] == "invalid_grant"
    named = credentials.recognize(started["device_code"], Kind.DEVICE_CODE)
    assert named is not None
    forged = credentials.mint(Kind.DEVICE_CODE, named.names)  # what anyone who saw the user code could make
    assert tv.poll(forged).json()["error"] == "invalid_grant"
    assert tv.poll("x").json()["error"] == "invalid_grant"
    assert tv.poll(started["device_code"]).status_code == 200


@pytest.mark.spec("docs/security.md")
def test_device_code_belongs_to_the_user_who_answered_first(john: Browser, eve: Browser, tv: Device) -> None:
    started = tv.start()
    johns, eves = (browser.open(started["verification_uri_complete"]) for browser in (john, eve))
    assert "You have connected" in eve.allow(eves, "Other Org").text
    assert john.allow(johns, "Big Events LLC").status == 400
    assert john.press(johns, "Deny").status == 400
    token = tv.poll(started["device_code"]).json()["access_token"]
    assert eve.person is not None
    assert tv.me(token).json()["email"] == eve.person.email


@pytest.mark.parametrize(("button", "says"), [("Authorize", "You have connected"), ("Deny", "You have denied")])
def test_second_click_on_a_device_request_shows_what_the_first_one_did(
    john: Browser, eve: Browser, tv: Device, store: StoreProxy, button: str, says: str
) -> None:
    started = tv.start()
    page, eves = (browser.open(started["verification_uri_complete"]) for browser in (john, eve))
    with store.before("TransactWriteItems", lambda: john.press(page, button, tick=["Small Shows"])):
        assert says in john.allow(page, "Big Events LLC").text
    for other in ("Authorize", "Deny"):
        assert says in john.press(page, other).text
    assert says in john.open(started["verification_uri_complete"]).text
    assert "unknown or has expired" in eve.press(eves, "Authorize").text


def test_device_form_sent_after_another_sign_in_is_shown_again(john: Browser, tv: Device) -> None:
    started = tv.start()
    page, typing = john.open(started["verification_uri_complete"]), john.open("/device")
    john.sign_out()
    assert john.allow(page, "Small Shows").title == "Sign in"
    assert john.press(typing, "Continue", user_code=started["user_code"]).path == "/login"
    john.sign_in()
    typed = john.press(typing, "Continue", user_code=started["user_code"])
    assert (typed.status, typed.field("user_code")) == (403, started["user_code"])
    again = john.allow(page, "Small Shows")
    assert (again.status, again.choices()) == (403, {"Big Events LLC": False, "Small Shows": True})
    assert "You have connected" in john.press(again, "Authorize").text


@pytest.mark.spec("RFC 6749 §10.12", "RFC 8628 §5.4")
def test_device_form_of_one_user_does_not_count_for_another(john: Browser, eve: Browser, tv: Device) -> None:
    started, other = tv.start(), tv.start()
    csrf_token = eve.open(started["verification_uri_complete"]).field("csrf_token")
    page = john.open(started["verification_uri_complete"])
    fields = {"user_code": started["user_code"], "decision": "allow", "organizers": list(john.person.organizers)}  # type: ignore[union-attr]
    swapped = {**fields, "csrf_token": page.field("csrf_token"), "user_code": other["user_code"]}
    for forged, are_johns in (({**fields, "csrf_token": csrf_token}, False), (fields, False), (swapped, True)):
        again = john.send(page, "device", forged)
        assert (again.status, again.title) == (403, "Authorize A television?")
        assert "Check it and answer once more" in again.text
        assert again.choices() == {"Big Events LLC": are_johns, "Small Shows": are_johns}
    typed = john.send(page, "device", {"user_code": other["user_code"]})
    assert (typed.status, typed.field("user_code")) == (403, other["user_code"])
    assert "Check it and answer once more" in typed.text
    assert tv.poll(started["device_code"]).json()["error"] == "authorization_pending"


@pytest.mark.spec("RFC 8628 §5.1")
def test_guessing_user_codes_is_throttled(john: Browser, tv: Device, capsys: pytest.CaptureFixture[str]) -> None:
    started = tv.start()
    page = john.open("/device")
    for number in range(limits.DEVICE_TRIES_PER_ACCOUNT):
        guess = john.press(page, "Continue", user_code=f"BCDF-GH{'BCDFGHJKLM'[number]}B")
        assert guess.status == 400
        assert "unknown" in guess.text
    refused = john.press(page, "Continue", user_code=started["user_code"])
    assert refused.status == 429
    assert refused.response.headers["Retry-After"]
    assert john.open(started["verification_uri_complete"]).status == 429
    assert "device codes guessed" in capsys.readouterr().out


@pytest.mark.spec("RFC 8628 §5.1")
def test_user_who_types_correct_codes_is_not_throttled(john: Browser, tv: Device) -> None:
    for _ in range(limits.DEVICE_TRIES_PER_ACCOUNT + 2):
        assert john.open(tv.start()["verification_uri_complete"]).status == 200


def test_nobody_can_try_a_user_code_without_signing_in(tv: Device) -> None:
    page = Browser(tv.base_url).open(tv.start()["verification_uri_complete"])
    assert page.path == "/login"


@pytest.mark.spec("RFC 8628 §3.1", "RFC 6749 §5.2")
def test_application_without_the_device_grant_is_refused(shop: ClientApp, a_browser: Any) -> None:
    url = shop.base_url + "/api/v1/oauth/device_authorization"
    auth = (shop.client_id, shop.secret)
    answer = requests.post(url, data={"scope": "read"}, auth=auth, timeout=30)
    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")
    answer = shop.call_token(grant_type=GRANT, device_code=credentials.mint(Kind.DEVICE_CODE, "x" * 16))
    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")


@pytest.mark.spec("RFC 8707 §2")
def test_device_may_spell_the_resource_differently(john: Browser, tv: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    listed: Any = replace(settings.SETTINGS, resources=("https://tickets.example.com/mcp",))
    monkeypatch.setattr(settings, "SETTINGS", listed)
    started = tv.start(resource="https://TICKETS.example.com:443/mcp/")
    page = john.press(john.open("/device"), "Continue", user_code=started["user_code"])
    assert "At https://tickets.example.com/mcp and nowhere else." in page.text


@pytest.mark.spec("RFC 8628 §3.1")
def test_wrong_device_request_is_refused_at_once(tv: Device) -> None:
    url = tv.base_url + "/api/v1/oauth/device_authorization"

    def ask(**form: Any) -> str:
        return str(requests.post(url, data=form, timeout=30).json()["error"])

    assert ask(client_id=tv.client_id, scope="admin") == "invalid_scope"
    assert ask(client_id=tv.client_id, resource="https://unknown.example.com") == "invalid_target"
    assert ask(client_id="nobody") == "invalid_client"
    assert ask() == "invalid_request"  # an empty form
    assert tv.call_token(grant_type=GRANT).json()["error"] == "invalid_request"


@pytest.mark.spec("docs/architecture.md")
def test_device_code_gives_nothing_after_access_is_revoked_or_the_user_disabled(
    john: Browser, eve: Browser, tv: Device
) -> None:
    for browser, end in (
        (john, lambda: john.press(john.open("/settings/authorized"), "Revoke")),
        (eve, lambda: user.disable(eve.person.user_id)),  # type: ignore[union-attr]
    ):
        started = tv.start()
        page = browser.open(started["verification_uri_complete"])
        browser.allow(page, *list(browser.person.organizers.values())[:1])  # type: ignore[union-attr]
        end()
        assert tv.poll(started["device_code"]).json()["error"] == "invalid_grant"


def test_user_code_of_a_disabled_application_is_refused(john: Browser, tv: Device) -> None:
    started = tv.start()
    application_edit.disable(tv.client_id)
    assert john.open(started["verification_uri_complete"]).status == 400
    assert tv.poll(started["device_code"]).json()["error"] == "invalid_client"


def test_device_needs_at_least_one_organizer(john: Browser, tv: Device) -> None:
    started = tv.start(scope="read")
    page = john.allow(john.open(started["verification_uri_complete"]))
    assert page.status == 400
    assert "at least one organizer" in page.text
    assert "You have connected" in john.allow(page, "Big Events LLC").text


def test_device_application_has_no_redirect_uri_and_sends_no_browser_anywhere(john: Browser, tv: Device) -> None:
    for path in (tv.authorize_path(redirect_uri=None), tv.authorize_path(redirect_uri="https://evil.example/")):
        page = john.open(path)
        assert page.status == 400
        assert page.left_to is None


def test_poll_gets_503_if_the_store_fails(tv: Device, store: StoreProxy) -> None:
    started = tv.start()
    with store.fault(Fault.INTERNAL_ERROR):
        assert tv.poll(started["device_code"]).status_code == 503
    assert tv.poll(started["device_code"]).json()["error"] == "authorization_pending"


@pytest.mark.spec("docs/security.md", "docs/operations.md", "RFC 6749 §10.10")
def test_poll_costs_one_read_and_one_write(tv: Device, store: StoreProxy) -> None:
    started = tv.start()
    with store.count() as calls:
        tv.poll(started["device_code"])
    assert [call.operation for call in calls] == ["BatchGetItem", "TransactWriteItems"]
