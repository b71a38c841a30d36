"""The commands in the "Connect" part of an application's page work when pasted unchanged."""

from __future__ import annotations

import json
import shlex
import subprocess

import pytest

from chalicelib.models import application, application_edit
from chalicelib.models.application import Profile
from chalicelib.pages.snippets import EXAMPLE_VERIFIER
from tests.actors import Browser, ClientApp, Page
from tests.signing_app import SigningApp

REDIRECT_URI = "https://shop.example.com/it's?a=b&c=$(id)"


def pasted(page: Page, of: str) -> str:
    element = page.html.find(id=of)
    assert element is not None
    return element.get_text()


@pytest.mark.spec("docs/architecture.md")
def test_pasted_commands_get_tokens(john: Browser) -> None:
    page = john.open("/settings/applications/new")
    page = john.press(page, "Register", name="Mine", redirect_uris=REDIRECT_URI)
    client_id = pasted(page, "client-id")
    answer = john.allow(john.open(pasted(page, "authorize-url")), "Small Shows")
    assert answer.left_to is not None
    assert answer.left_to.startswith(REDIRECT_URI + "&code=")
    assert answer.answer["state"] == "STATE"
    command = pasted(page, "curl-token").replace("code=CODE", f"code={answer.code}")
    ran = subprocess.run(
        ["bash", "-c", command.replace("curl ", "curl -s --noproxy '*' ", 1)], capture_output=True, check=True
    )
    tokens = json.loads(ran.stdout)
    assert ClientApp(john.base_url, client_id, "", "").me(tokens["access_token"]).status_code == 200


@pytest.mark.spec("docs/architecture.md", "CVE-2020-10187")
def test_command_has_a_placeholder_once_the_secret_is_no_longer_shown(john: Browser) -> None:
    mine = john.register_application("Mine")
    page = john.open(f"/settings/applications/{mine.client_id}")
    assert f"{mine.client_id}:CLIENT_SECRET" in shlex.split(pasted(page, "curl-token"))
    assert mine.secret not in page.response.text


@pytest.mark.spec("docs/architecture.md")
def test_pasted_command_authenticates_in_the_applications_way(john: Browser) -> None:
    def registered(**how: str) -> str:
        page = john.open("/settings/applications/new")
        return pasted(john.press(page, "Register", name="Mine", redirect_uris=REDIRECT_URI, **how), "client-id")

    signing = SigningApp.registered_by(john).client_id
    post, browser = registered(), registered(type="browser")
    named = Profile(auth_method=application.POST, auth_method_named=True)
    application_edit.edit(post, name="Mine", redirect_uris=[REDIRECT_URI], profile=named)
    for client_id, said in (
        (post, "client_secret=CLIENT_SECRET"),
        (signing, "client_assertion=ASSERTION"),
        (browser, f"code_verifier={EXAMPLE_VERIFIER}"),
    ):
        words = shlex.split(pasted(john.open(f"/settings/applications/{client_id}"), "curl-token"))
        assert {f"client_id={client_id}", said} <= set(words)
        assert "-u" not in words


@pytest.mark.spec("docs/architecture.md", "RFC 8628 §3.1")
def test_pasted_command_starts_a_device(john: Browser) -> None:
    page = john.open("/settings/applications/new")
    page = john.press(page, "Register", name="Mine", redirect_uris="", type="native", device_grant="on")
    assert page.html.find(id="authorize-url") is None
    command = pasted(page, "curl-device").replace("curl ", "curl -s --noproxy '*' ", 1)
    started = json.loads(subprocess.run(["bash", "-c", command], capture_output=True, check=True).stdout)
    polled = pasted(page, "curl-device-token").replace("DEVICE_CODE", started["device_code"])
    polled = polled.replace("curl ", "curl -s --noproxy '*' ", 1)
    answer = json.loads(subprocess.run(["bash", "-c", polled], capture_output=True, check=True).stdout)
    assert answer["error"] == "authorization_pending"


@pytest.mark.spec("docs/architecture.md")
def test_connection_test_button_runs_the_flow_even_if_the_consent_is_remembered(john: Browser) -> None:
    mine = john.register_application("Mine")
    mine.connect(john, "Small Shows")
    page = john.open(f"/settings/applications/{mine.client_id}")
    (button,) = [link for link in page.html.find_all("a") if link.get_text() == "Test the connection"]
    page = john.open(str(button["href"]))
    assert page.title == "Authorize Mine?"
    page = john.allow(page, "Small Shows")
    assert page.left_to is not None
    assert page.left_to.startswith(mine.redirect_uri)
    assert page.answer["state"] == "STATE"


@pytest.mark.spec("docs/architecture.md")
def test_owner_sees_roughly_how_many_people_are_connected(john: Browser, eve: Browser) -> None:
    mine = john.register_application("Mine")

    def connected() -> str:
        page = john.open(f"/settings/applications/{mine.client_id}")
        (label,) = [found for found in page.html.select(".facts dt") if found.get_text() == "Connected"]
        return label.find_next("dd").get_text().strip()  # type: ignore[union-attr]

    assert connected() == "Nobody"
    mine.connect(eve, "Other Org")
    mine.connect(eve)
    assert connected() == "About 1 person"
    mine.connect(john, "Small Shows")
    assert connected() == "About 2 people"
    for action in ("secret", "delete"):
        assert "About 2 people" in john.open(f"/settings/applications/{mine.client_id}/{action}").text
