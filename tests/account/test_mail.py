"""A deployed stage sends email through SES, played by MiniStack here, and says so if email is not set up."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
import requests

from chalicelib import mail, settings
from tests.actors import PASSWORD, Browser, Person
from tests.gateway import Gateway
from tests.stage import STORE_URL

SENDER = "no-reply@connect.example.com"
HOST = "https://abc123.execute-api.eu-central-1.amazonaws.com/api"

needs_ses = pytest.mark.skipif(
    os.environ.get("LANYARD_TEST_STORE", "ministack") != "ministack", reason="DynamoDB Local has no SES"
)


@pytest.fixture
def deployed(application: Any, monkeypatch: pytest.MonkeyPatch) -> Browser:
    """A browser at a deployed stage, on API Gateway's own address."""
    stage = replace(settings.SETTINGS, stage="dev", public_url=None, sign_up_open=True, mail_sender=SENDER)
    monkeypatch.setattr(settings, "SETTINGS", stage)
    return Browser(HOST, adapter=Gateway(application, "/api"))


@pytest.fixture
def ses(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", STORE_URL)
    mail._client.cache_clear()
    client = boto3.client("sesv2")
    client.create_email_identity(EmailIdentity=SENDER)
    yield client
    client.delete_email_identity(EmailIdentity=SENDER)
    mail._client.cache_clear()


def sent_to(address: str) -> list[dict[str, Any]]:
    answer = requests.get(f"{STORE_URL}/_ministack/ses/messages", timeout=10).json()
    return [message for messages in answer["messages"].values() for message in messages if address in message["To"]]


@needs_ses
def test_reset_link_is_sent_through_ses_with_the_gateways_own_address(
    deployed: Browser, ses: Any, a_person: Callable[..., Person]
) -> None:
    person = a_person()
    page = deployed.press(deployed.open("/password/reset"), "Send the link", email=person.email)
    assert page.title == "Check your email"
    (message,) = sent_to(person.email)
    assert SENDER in repr(message)
    assert f"{HOST}/password/new?token=lyml_" in repr(message)


@needs_ses
def test_unknown_address_causes_the_same_call_to_ses_and_no_email_to_anyone(
    deployed: Browser, ses: Any, a_person: Callable[..., Person]
) -> None:
    before = len(sent_to("success@simulator.amazonses.com"))
    unknown = "nobody-" + a_person().email
    deployed.press(deployed.open("/password/reset"), "Send the link", email=unknown)
    assert sent_to(unknown) == []
    assert len(sent_to("success@simulator.amazonses.com")) == before + 1


def test_unreachable_ses_gets_503_for_known_and_unknown_addresses(
    deployed: Browser, a_person: Callable[..., Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", "http://127.0.0.1:9")
    mail._client.cache_clear()
    known = a_person().email
    answers = [
        deployed.press(deployed.open("/password/reset"), "Send the link", email=email)
        for email in (known, "nobody-" + known)
    ]
    mail._client.cache_clear()
    assert [page.status for page in answers] == [503, 503]
    assert answers[0].text == answers[1].text
    assert answers[0].response.headers["Retry-After"]


def test_password_is_changed_even_if_the_notice_cannot_be_sent(
    deployed: Browser, a_person: Callable[..., Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", "http://127.0.0.1:9")
    mail._client.cache_clear()
    john = Browser(HOST, a_person(), adapter=deployed.http.adapters["https://"])
    john.sign_in()
    page = john.press(john.open("/settings/password"), "Change password", present=PASSWORD, password="a new one")
    mail._client.cache_clear()
    assert (page.status, page.title) == (200, "Security")


@needs_ses
def test_recipient_refused_by_ses_is_not_revealed(deployed: Browser, ses: Any, a_person: Callable[..., Person]) -> None:
    """SES's sandbox refuses unverified recipients, which must not reveal who has an account."""
    known = a_person().email
    details = {"MailType": "TRANSACTIONAL", "WebsiteURL": "https://connect.example.com"}
    ses.put_account_details(ProductionAccessEnabled=False, **details)
    answers = [
        deployed.press(deployed.open("/password/reset"), "Send the link", email=email)
        for email in (known, "nobody-" + known)
    ]
    ses.put_account_details(ProductionAccessEnabled=True, **details)
    assert [page.title for page in answers] == ["Check your email"] * 2
    assert sent_to(known) == []


def test_pages_say_that_email_is_not_set_up_without_a_sender(
    deployed: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "SETTINGS", replace(settings.SETTINGS, mail_sender=None))
    for path in ("/password/reset", "/sign-up"):
        page = deployed.open(path)
        assert (page.status, page.title) == (503, "Email is not available")
        assert deployed.send(page, f"/api{path}", {"email": "a@example.org"}).status == 503
    assert deployed.open("/login").link("Forgot your password?") is None


@pytest.mark.parametrize(
    ("environment", "is_open"),
    [
        ({}, True),
        ({"LANYARD_STAGE": "dev"}, False),
        ({"LANYARD_STAGE": "dev", "SIGN_UP": "open"}, True),
        ({"SIGN_UP": "closed"}, False),
    ],
)
def test_sign_up_is_closed_by_default_except_locally(environment: dict[str, str], is_open: bool) -> None:
    assert settings.from_environment(environment).sign_up_open is is_open


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"SIGN_UP": "yes"}, "SIGN_UP must be open or closed, not 'yes'"),
        ({"MAIL_SENDER": "x"}, "MAIL_SENDER must be a bare address like no-reply@example.com, not 'x'"),
        ({"MAIL_SENDER": "A <a@b.c>"}, "MAIL_SENDER must be a bare address like no-reply@example.com, not 'A <a@b.c>'"),
        ({"MAIL_SENDER": "a@b.c\r\nBcc: d@e.f"}, "MAIL_SENDER must be a bare address"),
    ],
)
def test_invalid_setting_error_names_the_setting_and_the_accepted_values(
    environment: dict[str, str], message: str
) -> None:
    with pytest.raises(settings.SettingsError) as error:
        settings.from_environment(environment)
    assert message in str(error.value)
