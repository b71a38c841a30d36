"""/settings/applications/{id}/connect: programs for devices and for access without a user, and who gets no program."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from chalicelib import limits
from chalicelib.models import application_access, store
from chalicelib.models.access_token import AccessToken
from chalicelib.models.application import BASIC, NATIVE, NONE, Application, Profile
from chalicelib.models.device_request import DeviceRequest
from chalicelib.models.grant import Grant
from chalicelib.pages import programs
from chalicelib.protocol.authorization import device
from tests.actors import CALLBACK, Browser
from tests.copied_program import TOOLS, running, shown
from tests.endpoints.test_programs import registered
from tests.signing_app import SigningApp

TELEVISION = Profile(auth_method=NONE, application_type=NATIVE, device_grant=True)
SIGNING = "application signs an assertion"


def request_of(user_code: str) -> DeviceRequest:
    key = device.key_of(user_code)
    assert key is not None, user_code
    found = store.read(key)[0]
    assert found is not None, user_code
    return found


def polled(user_code: str) -> None:
    """Wait until the program, which is another process, has polled. That it does is what the test is about."""
    deadline = time.monotonic() + 60
    while request_of(user_code).polled_at is None:
        assert time.monotonic() < deadline, "the program does not poll"
        time.sleep(0.05)


def user_code_in(line: str, browser: Browser) -> str:
    address, _, code = line.removeprefix("Open ").partition(" and enter ")
    assert address == browser.base_url + "/device", line
    return code


def type_code(browser: Browser, user_code: str, button: str) -> None:
    browser.press(browser.press(browser.open("/device"), "Continue", user_code=user_code), button, tick=["Small Shows"])


@pytest.mark.spec("docs/architecture.md", "RFC 8628 §3", "RFC 8628 §3.5", "RFC 7009 §2")
@pytest.mark.parametrize("language", TOOLS)
def test_device_program_waits_for_the_user_slows_down_calls_refreshes_and_revokes(
    john: Browser, language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a program that waits as long as it is told gets tokens: each poll that comes too soon puts them off."""
    monkeypatch.setattr(limits, "DEVICE_POLL_SECONDS", 1)
    made, _ = registered(john, TELEVISION)
    with running(language, shown(john, made.client_id, language, programs.DEVICE), tmp_path) as program:
        user_code = user_code_in(program.line(), john)
        polled(user_code)
        # As if it had polled a moment before, which makes its next poll come too soon.
        later = DeviceRequest.polled_at.set(request_of(user_code).expires_at)
        store.change(request_of(user_code).own_key, [later], DeviceRequest.request_id.exists())
        type_code(john, user_code, "Authorize")
        status, output, errors = program.finish()
    assert (status, errors) == (0, "")
    assert json.loads(output)["email"] == john.user.email
    assert request_of(user_code).interval_seconds == 1 + limits.DEVICE_SLOWER_SECONDS, "it polled too soon again"
    assert list(store.query(Grant, john.user.user_id)) == [], "the refresh token was not revoked"


@pytest.mark.spec("docs/architecture.md", "RFC 8628 §3.5")
@pytest.mark.parametrize("language", TOOLS)
def test_device_program_with_a_secret_stops_if_the_user_says_no(
    john: Browser, language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "DEVICE_POLL_SECONDS", 1)
    made, secret = registered(john, Profile(device_grant=True))
    code = shown(john, made.client_id, language, programs.DEVICE)
    with running(language, code, tmp_path, secret=secret) as program:
        type_code(john, user_code_in(program.line(), john), "Deny")
        status, output, errors = program.finish()
    assert status != 0
    assert "access_denied" in output + errors


@pytest.mark.spec("docs/architecture.md", "RFC 6749 §4.4", "RFC 7009 §2")
@pytest.mark.parametrize("kind", ["secret, either way", "secret, only Basic"])
@pytest.mark.parametrize("language", TOOLS)
def test_program_without_a_user_gets_a_token_calls_and_revokes(
    john: Browser, language: str, kind: str, tmp_path: Path
) -> None:
    profile = Profile() if kind == "secret, either way" else Profile(auth_method=BASIC, auth_method_named=True)
    made, secret = registered(john, profile)
    slug = next(iter(john.user.organizers))
    application_access.allow(made.client_id, ["read"], [slug])
    code = shown(john, made.client_id, language, programs.OWN)
    with running(language, code, tmp_path, secret=secret) as program:
        status, output, errors = program.finish()
    assert (status, errors) == (0, "")
    assert [found["slug"] for found in json.loads(output)["results"]] == [slug]
    left = [token for token in store.scan(AccessToken) if token.client_id == made.client_id]
    assert left == [], "the access token was not revoked"


@pytest.mark.spec("docs/architecture.md")
def test_page_has_a_program_for_each_grant_of_an_application(john: Browser) -> None:
    made, _ = registered(john, Profile(device_grant=True), CALLBACK)
    application_access.allow(made.client_id, ["read"], [])
    path = f"/settings/applications/{made.client_id}/connect"
    page = john.open(path)
    assert "/api/v1/oauth/authorize" in page.html.select("pre code")[1].get_text()
    for text, said in (
        ("On a device without a browser", "/api/v1/oauth/device_authorization"),
        ("Without a user", "grant_type=client_credentials"),
    ):
        link = page.link(text)
        assert link is not None
        page = john.open(link)
        assert [a.get_text() for a in page.html.select(".languages a[aria-current]")] == [text, "curl"]
        assert said in page.html.select("pre code")[1].get_text()
    page = john.open(page.link("Go") or "")
    assert [a.get_text() for a in page.html.select(".languages a[aria-current]")] == ["Without a user", "Go"]
    assert john.open(path, grant="password").status == 404
    other, _ = registered(john, Profile(), CALLBACK)
    assert john.open(f"/settings/applications/{other.client_id}/connect", grant="device_code").status == 404


def without_programs(by: Browser, made: Application | SigningApp) -> list[str]:
    """What the page says to do, as a list, where it has no program."""
    page = by.open(f"/settings/applications/{made.client_id}")
    page = by.open(page.link("Programs to copy") or "")
    assert (page.status, page.html.select("pre"), page.html.select(".languages")) == (200, [], [])
    assert (SIGNING in page.text) == isinstance(made, SigningApp)
    return [" ".join(item.get_text().split()) for item in page.html.select("main .sheet li")]


@pytest.mark.spec("docs/architecture.md")
def test_page_says_what_an_application_without_any_grant_lacks_and_how_to_get_it(john: Browser) -> None:
    confidential, _ = registered(john, Profile())
    redirect, code, own = without_programs(john, confidential)
    assert "redirect URL" in redirect
    assert "Devices without a browser" in code
    assert "Only the operator can allow this. For help, contact the administrator" in own
    public, _ = registered(john, Profile(auth_method=NONE))
    assert without_programs(john, public) == [redirect, code], "a public application cannot have access of its own"
    page = john.open(f"/settings/applications/{public.client_id}/connect")
    settings = john.open(page.link("the application’s settings") or "")
    john.press(settings, "Save", redirect_uris=CALLBACK)
    assert shown(john, public.client_id, "python", programs.CODE)


@pytest.mark.spec("docs/architecture.md", "RFC 7523 §2.2")
def test_page_says_why_an_application_that_signs_gets_no_program_and_what_to_use_instead(john: Browser) -> None:
    signing = SigningApp.registered_by(john)
    library, by_hand, secret = without_programs(john, signing)
    assert f"set the audience of its assertions to {john.base_url}" in library
    assert "client_assertion" in by_hand
    assert "A client secret" in secret
    page = john.open(f"/settings/applications/{signing.client_id}/connect")
    settings = john.open(page.link("the application’s settings") or "")
    john.press(settings, "Save", auth_method="secret")
    assert shown(john, signing.client_id, "python", programs.CODE)
