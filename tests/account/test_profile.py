"""/settings/profile: users edit the name, language and time zone that applications see at /api/v1/me."""

from __future__ import annotations

import pytest

from tests.account.test_events import events
from tests.actors import Browser, ClientApp, Page

PATH = "/settings/profile"

pytestmark = pytest.mark.spec("docs/pages.md")


def save(browser: Browser, **fill: str) -> Page:
    return browser.press(browser.open(PATH), "Save", **fill)


def test_saving_the_profile_unchanged_changes_nothing(john: Browser, shop: ClientApp) -> None:
    token = shop.connect(john, scope="profile")["access_token"]
    before = shop.me(token).json()
    page = save(john)
    assert (page.status, "Your profile has been saved." in page.text) == (200, True)
    assert shop.me(token).json() == before


def test_applications_see_a_profile_change_at_once(john: Browser, shop: ClientApp) -> None:
    token = shop.connect(john, scope="profile")["access_token"]
    save(john, fullname="  Jürgen 👍 ", locale="en", timezone="America/Argentina/Buenos_Aires")
    profile = shop.me(token).json()
    assert (profile["fullname"], profile["locale"]) == ("Jürgen 👍", "en")
    assert profile["timezone"] == "America/Argentina/Buenos_Aires"
    assert events(john.open("/settings/security"))[0].startswith("Profile changed")


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("fullname", " ", "The name must not be empty."),
        ("fullname", "x" * 256, "The name must not be longer than 255 characters."),
        ("fullname", "a\x07b", "The name must not contain line breaks or other control characters."),
        ("locale", "../etc", "The language is not a language such as en or de."),
        ("timezone", "Europe/Atlantis", "The time zone is not a time zone such as Europe/Berlin or UTC."),
        ("timezone", "../../etc/passwd", "The time zone is not a time zone such as Europe/Berlin or UTC."),
    ],
)
def test_invalid_profile_value_is_explained_beside_its_field(
    john: Browser, name: str, value: str, problem: str
) -> None:
    page = save(john, **{name: value})
    assert page.status == 400
    assert problem in page.text
    assert page.html.find(id=name)["aria-describedby"] == f"{name}-problem"  # type: ignore[index]
    assert "saved" not in john.open(PATH).text


def test_script_in_a_name_is_text_on_every_page(john: Browser) -> None:
    save(john, fullname="<script>alert(1)</script>")
    for path in (PATH, "/", "/settings/security"):
        assert john.open(path).html.find("script") is None
    assert john.open(PATH).field("fullname") == "<script>alert(1)</script>"


def test_profile_form_changes_no_other_attribute_of_the_account(john: Browser, shop: ClientApp) -> None:
    token = shop.connect(john, scope="profile")["access_token"]
    save(john, email="eve@example.org", active="", memberships="other", password_hash="x")
    assert john.person is not None
    assert shop.me(token).json()["email"] == john.person.email


@pytest.mark.spec("RFC 6749 §10.12")
def test_profile_form_requires_its_own_csrf_token(john: Browser, eve: Browser) -> None:
    page = john.open(PATH)
    fields = {"fullname": "Mallory", "locale": "en", "timezone": "UTC"}
    for csrf_token in ("", eve.open(PATH).field("csrf_token"), john.open("/logout").field("csrf_token")):
        assert john.send(page, PATH, {**fields, "csrf_token": csrf_token}).status == 403
    assert john.open(PATH).field("fullname") == "John Doe"


def test_profile_page_is_at_most_30_kb(john: Browser) -> None:
    assert len(john.open(PATH).response.content) <= 30_000
