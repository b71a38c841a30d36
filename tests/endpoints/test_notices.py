"""A page confirms once what the user did, on the page that follows, and no link can fake it."""

from __future__ import annotations

import re
from collections.abc import Callable
from http.cookies import SimpleCookie

import pytest
import requests

from chalicelib.endpoints.http.notices import Notice
from tests.actors import Browser, ClientApp, Page

NOTICE = "lanyard-notice"


def notices(page: Page) -> list[str]:
    return [" ".join(found.get_text().split()) for found in page.html.select("main > .done, main > .warning")]


def save_profile(john: Browser, _: ClientApp) -> Page:
    return john.press(john.open("/settings/profile"), "Save", fullname="Johanna")


def change_password(john: Browser, _: ClientApp) -> Page:
    page = john.open("/settings/password")
    return john.press(page, "Change password", present=john.user.password, password="another good one")


def save_application(john: Browser, mine: ClientApp) -> Page:
    return john.press(john.open(f"/settings/applications/{mine.client_id}"), "Save", name="Yours")


def delete_application(john: Browser, mine: ClientApp) -> Page:
    return john.press(john.open(f"/settings/applications/{mine.client_id}/delete"), "Delete application")


def revoke(john: Browser, mine: ClientApp) -> Page:
    mine.connect(john, "Small Shows")
    return john.press(john.open("/settings/authorized"), "Revoke")


def revoke_all(john: Browser, mine: ClientApp) -> Page:
    mine.connect(john, "Small Shows")
    return john.press(john.open("/settings/authorized/all"), "Revoke all")


def sign_out_there(john: Browser, _: ClientApp) -> Page:
    Browser(john.base_url, john.person).sign_in()
    return john.press(john.open("/settings/security"), "Sign out")


def sign_out_elsewhere(john: Browser, _: ClientApp) -> Page:
    Browser(john.base_url, john.person).sign_in()
    return john.press(john.open("/settings/security"), "Sign out everywhere else")


def sign_out(john: Browser, _: ClientApp) -> Page:
    return john.sign_out()


DOES: dict[Callable[[Browser, ClientApp], Page], str] = {
    save_profile: "Your profile has been saved.",
    change_password: "Your password has been changed, and you have been signed out everywhere else.",
    save_application: "Saved.",
    delete_application: "The application has been deleted, and everyone who had connected it is disconnected.",
    revoke: "The application no longer has access.",
    revoke_all: "All access has been revoked.",
    sign_out_there: "That session is signed out.",
    sign_out_elsewhere: "You are signed out everywhere else.",
    sign_out: "You are signed out.",
}


@pytest.mark.parametrize("do", DOES, ids=lambda do: do.__name__)
def test_finished_action_is_confirmed_once(john: Browser, do: Callable[[Browser, ClientApp], Page]) -> None:
    page = do(john, john.register_application("Mine"))
    assert (page.status, notices(page)) == (200, [DOES[do]])
    assert "?" not in page.response.url
    assert notices(john.open(page.path)) == []
    assert NOTICE not in john.http.cookies


@pytest.mark.parametrize(
    "path",
    [
        "/settings/profile?saved=1",
        "/settings/security?done=password-changed",
        "/settings/security?done=signed-out",
        "/settings/applications?done=deleted",
        "/settings/authorized?done=all-revoked",
        "/?notice=signed-out",
    ],
)
def test_link_cannot_show_a_confirmation(john: Browser, path: str) -> None:
    assert notices(john.open(path)) == []


def test_second_click_on_sign_out_is_not_confirmed_again(john: Browser) -> None:
    Browser(john.base_url, john.person).sign_in()
    page = john.open("/settings/security")
    assert notices(john.press(page, "Sign out")) == ["That session is signed out."]
    assert notices(john.press(page, "Sign out")) == []
    assert notices(john.press(page, "Sign out everywhere else")) == []


def test_user_who_is_already_signed_out_is_told_so(john: Browser) -> None:
    page = john.open("/logout")
    assert notices(john.press(page, "Sign out")) == ["You are signed out."]
    for again in (john.press(page, "Sign out"), john.open("/logout")):
        assert (again.status, again.path, notices(again)) == (200, "/", ["You are signed out."])
    assert notices(john.open("/")) == []


def test_signed_in_user_is_never_told_that_they_are_signed_out(john: Browser) -> None:
    """Another site's form, for example, makes the browser send no cookie."""
    john.http.cookies.set(NOTICE, Notice.SIGNED_OUT)
    assert notices(john.open("/")) == []


def register(browser: Browser, page: Page, **fill: str) -> Page:
    return browser.press(page, "Register", name="Mine", redirect_uris="https://shop.example.com/cb", **fill)


def test_second_click_on_register_says_what_happened_to_the_secret(john: Browser) -> None:
    page = john.open("/settings/applications/new")
    assert register(john, page).html.find(id="client-secret")
    again = register(john, page)
    assert (again.status, again.title) == (200, "Mine")
    assert notices(again) == [
        "You have registered this application already. If you did not keep its secret, regenerate it below."
    ]
    assert again.link("Regenerate secret")
    assert notices(john.open(again.path)) == []


def test_second_click_on_register_mentions_no_secret_if_there_is_none(john: Browser) -> None:
    page = john.open("/settings/applications/new")
    register(john, page, type="browser")
    again = register(john, page, type="browser")
    assert (again.title, notices(again)) == ("Mine", ["You have registered this application already."])


def test_second_click_on_register_after_a_deletion_confirms_nothing(john: Browser) -> None:
    page = john.open("/settings/applications/new")
    client_id = register(john, page).html.find(id="client-id")
    assert client_id is not None
    john.press(john.open(f"/settings/applications/{client_id.get_text()}/delete"), "Delete application")
    assert register(john, page).status == 404
    assert notices(john.open("/")) == []


def test_unknown_notice_in_the_cookie_is_ignored(john: Browser) -> None:
    for word in ("<b>evil</b>", "", "none-of-ours", "SIGNED_OUT"):
        john.http.cookies.set(NOTICE, word)
        page = john.open("/")
        assert notices(page) == []
        assert "evil" not in page.response.text


def test_every_notice_has_its_own_sentence(base_url: str) -> None:
    said = set()
    for notice in Notice:
        page = Page(requests.get(base_url + "/login", cookies={NOTICE: notice}, timeout=30))
        (sentence,) = notices(page)
        said.add(sentence)
    assert len(said) == len(Notice)


def test_notice_cookie_is_short_lived_and_hidden_from_scripts(john: Browser) -> None:
    page = john.open("/logout")
    answer = john.http.post(john.base_url + "/logout", data=page.fields("Sign out"), allow_redirects=False)
    lines = answer.raw.headers.getlist("Set-Cookie")
    (cookie,) = [found for line in lines for found in SimpleCookie(line).values() if found.key == NOTICE]
    assert (cookie.value, cookie["max-age"]) == ("signed-out", "60")
    assert cookie["httponly"]
    assert (cookie["samesite"], cookie["path"]) == ("Lax", "/")


def test_notice_survives_a_head_request_and_an_error_page(john: Browser) -> None:
    john.http.cookies.set(NOTICE, "profile-saved")
    john.http.head(john.base_url + "/")
    assert notices(john.open("/nothing-here")) == []
    assert notices(john.open("/")) == ["Your profile has been saved."]


def test_visitor_is_told_of_the_sign_out_in_their_language(john: Browser) -> None:
    john.http.headers["Accept-Language"] = "de"
    assert re.search("Sie sind abgemeldet.", john.press(john.open("/logout"), "Sign out").text)
