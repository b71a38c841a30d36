"""What an application says about itself: kept, returned, and shown to the people who are asked to authorize it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import requests

from chalicelib import limits, settings
from chalicelib.models import application, throttle
from chalicelib.models.application import About
from tests.actors import CALLBACK, Browser, ClientApp, Page

SAID = {
    "client_uri": "https://shop.example.com/about",
    "logo_uri": "https://shop.example.com/logo.png",
    "policy_uri": "https://shop.example.com/privacy?lang=en",
    "tos_uri": "https://legal.example.net:8443/terms",
    "contacts": ["help@shop.example.com", "second@shop.example.com"],
}


@pytest.fixture
def _open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "SETTINGS", replace(settings.SETTINGS, registration=settings.OPEN))
    for what in (throttle.named("registration address", "127.0.0.1"), throttle.named("registration")):
        throttle.forget(what, window_seconds=limits.REGISTRATION_WINDOW_SECONDS)


def register(base_url: str, **said: Any) -> dict[str, Any]:
    body = {"client_name": "A shop", "redirect_uris": [CALLBACK], **said}
    answer = requests.post(base_url + "/api/v1/oauth/register", json=body, timeout=10)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def about(page: Page) -> dict[str, str]:
    """The facts in the part "About this application", by their labels."""
    labels = page.html.select('section[aria-labelledby="about"] dt')
    return {label.get_text(): " ".join(str(label.find_next("dd").get_text()).split()) for label in labels}  # type: ignore[union-attr]


@pytest.mark.usefixtures("_open")
@pytest.mark.spec("RFC 7591 §2", "RFC 7591 §3.2.1")
def test_what_a_registration_says_is_kept_returned_and_shown(base_url: str, john: Browser) -> None:
    made = register(base_url, **SAID)
    assert {name: made[name] for name in SAID} == SAID
    app = ClientApp(base_url, made["client_id"], made["client_secret"], CALLBACK)
    page = john.open(app.authorize_path())
    facts = about(page)
    assert facts["Home page"] == "shop.example.com (opens in a new tab)"
    assert facts["Privacy policy"] == "shop.example.com (opens in a new tab)"
    assert facts["Terms of service"] == "legal.example.net:8443 (opens in a new tab)"
    assert "help@shop.example.com" in page.text
    assert "has not checked it" in page.text
    links = page.html.select('section[aria-labelledby="about"] a')
    assert [link["href"] for link in links] == [SAID["client_uri"], SAID["policy_uri"], SAID["tos_uri"]]
    assert all(link["rel"] == ["noopener", "noreferrer", "nofollow"] for link in links)
    assert "logo.png" not in page.response.text


@pytest.mark.usefixtures("_open")
@pytest.mark.spec("RFC 7591 §3.2.1")
@pytest.mark.parametrize(
    "bad",
    [
        "http://shop.example.com/",
        "javascript:alert(1)",
        "https://user@shop.example.com/",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://[::1]/",
        "https://shop.example.com/a b",
        'https://shop.example.com/"><script>',
        "https://shop.example.com\\@evil.example/",
        "https://münchen.example/",
        "https:///nothing",
        "https://" + "a" * limits.ABOUT_LINK_LIMIT_CHARACTERS + ".example/",
        "",
        7,
        None,
        ["https://shop.example.com/"],
    ],
    ids=str,
)
def test_link_that_cannot_be_shown_is_left_out_and_the_rest_is_registered(base_url: str, bad: Any) -> None:
    made = register(base_url, **{**SAID, "client_uri": bad, "contacts": [bad, "help@shop.example.com"]})
    assert "client_uri" not in made
    assert made["policy_uri"] == SAID["policy_uri"]
    assert made["contacts"] == ["help@shop.example.com"]


@pytest.mark.usefixtures("_open")
@pytest.mark.spec("RFC 7592 §2.2")
def test_update_replaces_what_was_said(base_url: str) -> None:
    made = register(base_url, **SAID)
    bearer = {"Authorization": f"Bearer {made['registration_access_token']}"}
    body = {
        "client_id": made["client_id"],
        "client_name": "A shop",
        "redirect_uris": [CALLBACK],
        "tos_uri": "https://a.example/",
    }
    answer = requests.put(made["registration_client_uri"], json=body, headers=bearer, timeout=10)
    assert answer.status_code == 200, answer.text
    assert answer.json()["tos_uri"] == "https://a.example/"
    assert not {"client_uri", "logo_uri", "policy_uri", "contacts"} & set(answer.json())


@pytest.mark.spec("RFC 7591 §2")
def test_developer_describes_the_application_and_people_see_it(john: Browser, eve: Browser) -> None:
    form = john.open("/settings/applications/new")
    said = {
        "description": "Sells tickets – and mehr.",
        "client_uri": "https://shop.example.com/",
        "policy_uri": "https://shop.example.com/privacy",
        "contact": "help@shop.example.com",
    }
    page = john.press(form, "Register", name="Mine", redirect_uris=CALLBACK, **said)
    client_id = page.html.find(id="client-id")
    assert client_id is not None, page.text
    app = ClientApp(john.base_url, client_id.get_text(), "", CALLBACK)
    shown = eve.open(app.authorize_path())
    assert "Sells tickets – and mehr." in shown.text
    assert about(shown)["Home page"] == "shop.example.com (opens in a new tab)"
    edit = john.open(f"/settings/applications/{app.client_id}")
    assert {name: edit.field(name) for name in said} == said
    john.press(edit, "Save", description="", contact="")
    found = application.get(app.client_id)
    assert found is not None
    assert found.about == About(client_uri=said["client_uri"], policy_uri=said["policy_uri"])


@pytest.mark.spec("docs/architecture.md")
def test_field_that_cannot_be_accepted_is_explained_and_kept(john: Browser) -> None:
    form = john.open("/settings/applications/new")
    typed = {"client_uri": "http://shop.example.com/", "contact": "nobody", "description": "x" * 501}
    page = john.press(form, "Register", name="Mine", redirect_uris=CALLBACK, **typed)
    assert page.status == 400
    assert {name: page.field(name) for name in typed} == typed
    problems = {name: page.html.select(f"#{name}-problem")[0].get_text() for name in typed}
    assert problems == {
        "client_uri": "This must be a full address that starts with https://.",
        "contact": "This is not an email address.",
        "description": "This must not be longer than 500 characters.",
    }


@pytest.mark.spec("docs/architecture.md")
def test_application_that_says_nothing_has_no_such_part(john: Browser, shop: ClientApp) -> None:
    assert "What it says about itself" not in john.open(shop.authorize_path()).text
