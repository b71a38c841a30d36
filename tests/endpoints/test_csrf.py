"""Every form carries a token that belongs to that form and that session."""

from __future__ import annotations

import re

import pytest
import requests

from tests.actors import Browser, ClientApp

FORMS = {
    "sign-out": ("/logout", "Sign out"),
    "registration": ("/settings/applications/new", "Register"),
    "edit": ("/settings/applications/{mine}", "Save"),
    "secret": ("/settings/applications/{mine}/secret", "Regenerate secret"),
    "deletion": ("/settings/applications/{mine}/delete", "Delete application"),
    "revocation": ("/settings/authorized", "Revoke"),
    "consent": ("{authorize}", "Authorize"),
}


@pytest.fixture
def mine(john: Browser, shop: ClientApp) -> ClientApp:
    """John's own application; he has also authorized another."""
    shop.connect(john, "Small Shows")
    return john.register_application("Mine")


def path_of(form: str, mine: ClientApp) -> str:
    return FORMS[form][0].format(mine=mine.client_id, authorize=mine.authorize_path())


@pytest.mark.spec("RFC 6749 §10.12", "docs/security.md")
@pytest.mark.parametrize("form", FORMS)
def test_form_without_its_csrf_token_changes_nothing(john: Browser, mine: ClientApp, form: str) -> None:
    page, button = john.open(path_of(form, mine)), FORMS[form][1]
    fields: dict[str, str | list[str]] = {"name": "x", "redirect_uris": "https://x.example.com/", **page.fields(button)}
    if form == "consent":
        fields = page.fields(button, "Small Shows")
    elsewhere = john.open(path_of("sign-out" if form != "sign-out" else "registration", mine)).field("csrf_token")
    other_session = Browser(john.base_url, john.user)
    other_session.sign_in()
    copied = other_session.open(path_of(form, mine)).field("csrf_token")
    without = {name: value for name, value in fields.items() if name != "csrf_token"}
    forgeries: list[str | list[str] | None] = [None, "", "x", "é", elsewhere, copied, [str(fields["csrf_token"])] * 2]
    for token in forgeries:
        forged = without if token is None else {**without, "csrf_token": token}
        page_after = john.send(page, str(page.form_with(button).get("action", "")), forged)
        assert (page_after.status, page_after.left_to) == (403, None)
        said = "Check it and answer once more" if form == "consent" else "form (is|was) out of date"
        assert re.search(said, page_after.text), page_after.text
        assert page_after.title == page.title
    # Nothing has changed, so the original form still works.
    tick = ["Small Shows"] if form == "consent" else []
    fill = {"name": "Mine", "redirect_uris": mine.redirect_uri} if form in ("registration", "edit") else {}
    done = john.press(page, button, tick=tick, **fill)
    assert done.status in (200, 303)
    assert (done.left_to is not None) == (form == "consent")


@pytest.mark.spec("RFC 6749 §10.12")
@pytest.mark.parametrize("form", ["edit", "secret", "deletion"])
def test_form_for_one_application_does_not_work_for_another(john: Browser, mine: ClientApp, form: str) -> None:
    second = john.register_application("Second")
    page, button = john.open(path_of(form, second)), FORMS[form][1]
    assert john.send(page, path_of(form, mine), page.fields(button)).status == 403
    assert john.open(path_of("edit", mine)).field("name") == "Mine"


@pytest.mark.spec("RFC 6749 §10.12", "RFC 9110 §9.2.1")
def test_opening_a_page_changes_nothing(john: Browser, mine: ClientApp) -> None:
    for form in FORMS:
        path = path_of(form, mine)
        john.http.head(john.base_url + path)
        john.open(path + ("&" if "?" in path else "?") + "csrf_token=x&decision=allow&client_id=" + mine.client_id)
    assert john.open("/settings/applications").text.count("Client ID") == 1
    assert "A shop" in john.open("/settings/authorized").text
    assert mine.connect(john, "Small Shows")["scope"] == "read write", "the secret is unchanged"


@pytest.mark.spec("RFC 6749 §10.12", "docs/security.md")
def test_sign_out_form_of_another_site_does_not_make_the_browser_drop_its_session(john: Browser) -> None:
    """The form arrives without the SameSite=Lax cookie, but a cookie set by the response would still be stored."""
    answer = requests.post(
        john.base_url + "/logout", headers={"Sec-Fetch-Site": "cross-site"}, allow_redirects=False, timeout=30
    )
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert "lanyard-session" not in answer.headers.get("Set-Cookie", "")
    john.http.cookies.update(answer.cookies)
    page = john.open("/")
    assert john.user.email in page.text
    assert "You are signed out." not in page.text
