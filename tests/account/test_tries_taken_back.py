"""A failing store or mail service uses up nobody's tries: a try that could not be made does not count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import requests

from chalicelib import limits, mail, settings
from chalicelib.models import store as storage
from chalicelib.models import throttle
from chalicelib.models.throttle import Throttle
from tests.actors import CALLBACK, PASSWORD, Browser, Page, Person
from tests.conftest import Clock
from tests.gateway import Gateway
from tests.mailbox import Mailbox
from tests.store_proxy import Fault, StoreProxy

pytestmark = [pytest.mark.spec("docs/security.md"), pytest.mark.usefixtures("impatient_client")]
OUTAGE = Fault.INTERNAL_ERROR
LOSES = pytest.mark.parametrize("fault", [Fault.LOSES_ANSWER, Fault.BAD_CHECKSUM, Fault.HANGS_AFTERWARDS], ids=str)


@pytest.fixture
def visitor(base_url: str, a_person: Callable[..., Person]) -> Browser:
    return Browser(base_url, a_person())


def press_sign_in(browser: Browser, page: Page) -> Page:
    return browser.press(page, "Sign in", email=browser.user.email, password=PASSWORD)


def test_correct_passwords_during_an_outage_do_not_lock_the_account(
    visitor: Browser, store: StoreProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SIGN_IN_TRIES_PER_ACCOUNT", 2)
    monkeypatch.setattr(limits, "SIGN_IN_TRIES_PER_ADDRESS", 2)
    page = visitor.open("/login")
    with store.fault(OUTAGE, "PutItem"):  # no session can be written
        assert [press_sign_in(visitor, page).status for _ in range(4)] == [503] * 4
    assert press_sign_in(visitor, page).status == 200


def test_correct_passwords_during_an_outage_do_not_lock_a_known_browser_out(
    visitor: Browser, store: StoreProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.sign_in()
    visitor.sign_out()
    monkeypatch.setattr(limits, "SIGN_IN_TRIES_PER_DEVICE", 2)
    monkeypatch.setattr(limits, "SIGN_INS_PER_ACCOUNT", 4)
    page = visitor.open("/login")
    with store.fault(OUTAGE, "PutItem"):
        assert [press_sign_in(visitor, page).status for _ in range(4)] == [503] * 4
    assert press_sign_in(visitor, page).status == 200


@pytest.fixture
def patient_client(impatient_client: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the store's client retry as often as in production, but wait less."""
    monkeypatch.setattr(limits, "STORE_TRIES", 3)
    monkeypatch.setattr(limits, "STORE_READ_SECONDS", 0.2)
    monkeypatch.setattr(limits, "STORE_ASIDE_READ_SECONDS", 0.2)


@LOSES
@pytest.mark.usefixtures("patient_client")
def test_lost_responses_to_counts_do_not_lock_a_known_browser_out(
    visitor: Browser, store: StoreProxy, fault: Fault
) -> None:
    visitor.sign_in()
    visitor.sign_out()
    page = visitor.open("/login")
    with store.fault(fault, "UpdateItem", table="throttles"):
        assert [press_sign_in(visitor, page).status for _ in range(4)] == [503] * 4
    assert press_sign_in(visitor, page).status == 200


@LOSES
@pytest.mark.usefixtures("patient_client")
def test_lost_responses_to_counts_do_not_lock_an_unknown_browser_out(
    visitor: Browser, store: StoreProxy, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    monkeypatch.setattr(limits, "SIGN_IN_TRIES_PER_ADDRESS", 1)
    page = visitor.open("/login")
    with store.fault(fault, "UpdateItem", table="throttles"):
        assert press_sign_in(visitor, page).status == 503
    assert press_sign_in(visitor, page).status == 200


@LOSES
@pytest.mark.usefixtures("patient_client")
def test_try_that_was_counted_twice_counts_as_one(
    visitor: Browser, store: StoreProxy, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    monkeypatch.setattr(limits, "SIGN_IN_TRIES_PER_ACCOUNT", 2)
    monkeypatch.setattr(limits, "SIGN_IN_TRIES_PER_ADDRESS", 2)
    answers = []
    for _ in range(3):
        with store.fault(fault, "UpdateItem", table="throttles", times=1):
            answers.append(visitor.sign_in(password="a guess").status)
    assert answers == [401, 401, 429]


def test_wrong_password_during_an_outage_still_counts(
    visitor: Browser, store: StoreProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SIGN_IN_TRIES_PER_ACCOUNT", 2)
    with store.fault(OUTAGE, "PutItem"):
        assert [visitor.sign_in(password="a guess").status for _ in range(3)] == [401, 401, 429]


def test_password_change_that_could_not_be_stored_does_not_count(
    visitor: Browser, store: StoreProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.sign_in()
    monkeypatch.setattr(limits, "SIGN_IN_TRIES_PER_ACCOUNT", 1)
    page = visitor.open("/settings/password")
    fill = {"present": PASSWORD, "password": "a new and better one"}
    with store.fault(OUTAGE, "TransactWriteItems"):
        assert [visitor.press(page, "Change password", **fill).status for _ in range(2)] == [503, 503]
    assert visitor.press(page, "Change password", **fill).title == "Security"


@pytest.mark.parametrize("path", ["/password/reset", "/sign-up"])
def test_link_that_could_not_be_stored_does_not_count(
    visitor: Browser, store: StoreProxy, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(limits, "MAILS_PER_ACCOUNT", 1)
    page = visitor.open(path)
    with store.fault(OUTAGE, "PutItem"):
        answers = [visitor.press(page, "Send the link", email=visitor.user.email).status for _ in range(3)]
    assert answers == [503] * 3
    assert visitor.press(page, "Send the link", email=visitor.user.email).status == 200


def test_email_that_could_not_be_sent_does_not_count(
    application: Any, a_person: Callable[..., Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    host = "https://abc123.execute-api.eu-central-1.amazonaws.com/api"
    deployed = replace(settings.SETTINGS, stage="dev", public_url=None, mail_sender="no-reply@connect.example.com")
    monkeypatch.setattr(settings, "SETTINGS", deployed)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", "http://127.0.0.1:9")
    mail._client.cache_clear()
    browser, email = Browser(host, adapter=Gateway(application, "/api")), a_person().email
    page = browser.open("/password/reset")

    def tries(*what: str) -> int | None:
        counted = storage.read(Throttle.key(throttle.named(*what), limits.MAIL_WINDOW_SECONDS))[0]
        return counted.tries if counted else None

    from_here = tries("mail address", "203.0.113.7") or 0  # other tests of the gateway use this address, too
    assert browser.press(page, "Send the link", email=email).status == 503
    mail._client.cache_clear()
    assert tries("mail account", "/password/reset", email) == 0
    assert tries("mail address", "203.0.113.7") == from_here


def test_user_refused_because_of_the_total_limit_loses_no_try(
    visitor: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAILS_PER_ACCOUNT", 1)
    page = visitor.open("/password/reset")
    with monkeypatch.context() as flood:
        flood.setattr(limits, "MAILS_IN_ALL", 0)
        assert [visitor.press(page, "Send the link", email=visitor.user.email).status for _ in range(2)] == [429, 429]
    assert visitor.press(page, "Send the link", email=visitor.user.email).status == 200


@pytest.fixture
def few_mails(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """Allow three emails of each purpose in total, in a new time window."""
    clock.advance(limits.MAIL_WINDOW_SECONDS - clock.now() % limits.MAIL_WINDOW_SECONDS)
    monkeypatch.setattr(limits, "THROTTLE_SHARDS", 1)
    monkeypatch.setattr(limits, "MAILS_IN_ALL", 3)
    for purpose in ("mail /password/reset", "mail notice"):
        throttle.forget(throttle.named(purpose, "in all", "0"), window_seconds=limits.MAIL_WINDOW_SECONDS)


def ask_for_reset(visitor: Browser, email: str) -> Page:
    return visitor.press(visitor.open("/password/reset"), "Send the link", email=email)


@pytest.mark.usefixtures("few_mails")
def test_made_up_addresses_do_not_stop_the_password_resets_of_others(visitor: Browser, mailbox: Mailbox) -> None:
    for number in range(10):
        assert ask_for_reset(visitor, f"nobody-{number}-{visitor.user.email}").status == 200
    assert ask_for_reset(visitor, visitor.user.email).status == 200
    assert len(mailbox.of(visitor.user.email)) == 1


@pytest.mark.usefixtures("few_mails")
def test_password_is_changed_without_a_notice_once_the_notice_limit_is_reached(
    john: Browser, mailbox: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    chosen = [PASSWORD, *(f"{word} and longer one" for word in ("another", "a third", "a fourth", "a fifth"))]
    for present, password in pairwise(chosen):
        caplog.clear()
        page = john.press(john.open("/settings/password"), "Change password", present=present, password=password)
        assert page.title == "Security"
    assert len(mailbox.of(john.user.email)) == 3
    assert '"notice":"not sent: too many in all"' in caplog.text
    assert Browser(john.base_url, john.person).sign_in(password=chosen[-1]).status == 200


@pytest.mark.parametrize("fault", [Fault.LOSES_ANSWER, Fault.DROPS_CONNECTION, Fault.THROTTLED])
def test_notice_that_cannot_be_counted_is_sent(
    john: Browser, mailbox: Mailbox, store: StoreProxy, fault: Fault
) -> None:
    page = john.open("/settings/password")
    fill = {"present": PASSWORD, "password": "a new and better one"}
    with store.fault(fault, "UpdateItem", table="throttles", passed=1):  # the first count is that of the try itself
        assert john.press(page, "Change password", **fill).title == "Security"
    assert len(mailbox.of(john.user.email)) == 1


@pytest.mark.usefixtures("few_mails")
def test_unknown_address_is_refused_in_the_same_way_once_the_total_limit_is_reached(
    visitor: Browser, a_person: Callable[..., Person], store: StoreProxy
) -> None:
    known, unknown = visitor.user.email, "nobody-" + visitor.user.email
    for email in (known, unknown, known, unknown, known):
        assert ask_for_reset(visitor, email).status == 200
    pages, made = [], []
    for email in (a_person().email, "another-" + known):
        with store.count() as calls:
            pages.append(ask_for_reset(visitor, email))
        made.append([(call.operation, call.tables) for call in calls])
    assert [page.status for page in pages] == [429, 429]
    assert pages[0].text == pages[1].text
    assert made[0] == made[1]


def test_device_code_that_could_not_be_looked_up_does_not_count(
    john: Browser, store: StoreProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "DEVICE_TRIES_PER_ACCOUNT", 1)
    page = john.open("/device")
    with store.fault(OUTAGE, "GetItem"):
        assert [john.press(page, "Continue", user_code="BCDF-GHJK").status for _ in range(3)] == [503] * 3
    assert john.press(page, "Continue", user_code="BCDF-GHJK").status == 400
    assert john.press(page, "Continue", user_code="BCDF-GHJK").status == 429


@LOSES
@pytest.mark.usefixtures("patient_client")
def test_device_code_whose_count_got_no_response_does_not_count(
    john: Browser, store: StoreProxy, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    monkeypatch.setattr(limits, "DEVICE_TRIES_PER_ACCOUNT", 1)
    page = john.open("/device")
    with store.fault(fault, "UpdateItem", table="throttles"):
        assert [john.press(page, "Continue", user_code="BCDF-GHJK").status for _ in range(3)] == [503] * 3
    assert john.press(page, "Continue", user_code="BCDF-GHJK").status == 400
    assert john.press(page, "Continue", user_code="BCDF-GHJK").status == 429


def test_registration_that_could_not_be_stored_does_not_count(
    base_url: str, store: StoreProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "SETTINGS", replace(settings.SETTINGS, registration=settings.OPEN))
    window = limits.REGISTRATION_WINDOW_SECONDS
    throttle.forget(throttle.named("registration address", "127.0.0.1"), window_seconds=window)
    monkeypatch.setattr(limits, "REGISTRATIONS_PER_ADDRESS", 1)

    def register() -> int:
        url = base_url + "/api/v1/oauth/register"
        return requests.post(url, json={"redirect_uris": [CALLBACK]}, timeout=30).status_code

    with store.fault(OUTAGE, "TransactWriteItems"):
        assert [register() for _ in range(3)] == [503] * 3
    assert [register(), register()] == [201, 429]


def test_reset_that_could_not_be_stored_does_not_count(
    visitor: Browser, mailbox: Mailbox, store: StoreProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAIL_LINK_TRIES", 1)
    visitor.press(visitor.open("/password/reset"), "Send the link", email=visitor.user.email)
    page = visitor.open(mailbox.link(visitor.user.email))
    with store.fault(OUTAGE, "TransactWriteItems"):
        answers = [visitor.press(page, "Change password", password="a new and better one").status for _ in range(3)]
    assert answers == [503] * 3
    assert visitor.press(page, "Change password", password="a new and better one").status == 200
