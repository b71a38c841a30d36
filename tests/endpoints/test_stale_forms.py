"""A stale form has no effect and is shown again, with what was typed if that is safe."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chalicelib import limits
from tests.actors import PASSWORD, Browser, ClientApp, Page, Person
from tests.conftest import Clock
from tests.mailbox import Mailbox
from tests.store_proxy import StoreProxy

NEW, PROFILE, PASSWORD_PAGE = "/settings/applications/new", "/settings/profile", "/settings/password"
OUT_OF_DATE = "This form was out of date, so nothing has been changed."
TYPED = {"name": "Ticket desk", "redirect_uris": "https://desk.example.com/a\r\nhttps://desk.example.com/b"}

pytestmark = pytest.mark.spec("RFC 6749 §10.12", "docs/security.md")


def end_session(browser: Browser, clock: Clock) -> None:
    clock.advance(limits.SESSION_IDLE_SECONDS + 1)


def sign_in_again(browser: Browser) -> None:
    """Sign in in another tab of the same browser, which replaces its session."""
    page = browser.open("/login?switch=1")
    browser.press(page, "Sign in", email=browser.user.email, password=browser.user.password)


def sign_in_on(browser: Browser, page: Page, *, password: str = PASSWORD, person: Person | None = None) -> Page:
    assert page.title == "Sign in"
    return browser.press(page, "Sign in", email=(person or browser.user).email, password=password)


def typed(page: Page) -> dict[str, str]:
    uris = page.html.find("textarea", attrs={"name": "redirect_uris"})
    assert uris is not None, page.text
    return {"name": page.field("name"), "redirect_uris": uris.get_text().lstrip("\n").replace("\n", "\r\n")}


def test_form_sent_after_the_session_ended_is_restored_after_signing_in(john: Browser, clock: Clock) -> None:
    form = john.open(NEW)
    end_session(john, clock)
    page = john.press(form, "Register", type="native", pkce_required="on", **TYPED)
    assert (page.status, page.title) == (401, "Sign in")
    assert "Your session has ended. Sign in, and you will find your form as you filled it in." in page.text
    assert sign_in_on(john, page, password="wrong").status == 401
    page = sign_in_on(john, sign_in_on(john, page, password="wrong"))
    assert page.title == "You are signed in again"
    assert john.open("/settings/applications").text.count("Client ID") == 0
    page = john.press(page, "Go back to your form")
    assert (page.status, page.path) == (403, NEW)
    assert OUT_OF_DATE in page.text
    assert typed(page) == TYPED
    assert page.html.find("input", attrs={"value": "native", "checked": True})
    assert john.open("/settings/applications").text.count("Client ID") == 0
    assert john.press(page, "Register").html.find(id="client-id")


def test_edit_sent_after_another_sign_in_is_shown_again_with_what_was_typed(john: Browser) -> None:
    mine = john.register_application("Mine")
    path = f"/settings/applications/{mine.client_id}"
    form = john.open(path)
    sign_in_again(john)
    page = john.press(form, "Save", **TYPED)
    assert (page.status, page.path) == (403, path)
    assert OUT_OF_DATE in page.text
    assert typed(page) == TYPED
    assert john.open(path).field("name") == "Mine"
    assert "Saved." in john.press(page, "Save").text
    assert john.open(path).field("name") == TYPED["name"]


@pytest.mark.parametrize("how", ["signed out elsewhere", "password changed"])
def test_profile_form_is_restored_however_the_session_ended(john: Browser, how: str) -> None:
    form, other = john.open(PROFILE), Browser(john.base_url, john.person)
    other.sign_in()
    password = PASSWORD
    if how == "signed out elsewhere":
        other.press(other.open("/settings/security"), "Sign out everywhere else")
    else:
        password = "another good one"
        other.press(other.open(PASSWORD_PAGE), "Change password", present=PASSWORD, password=password)
    page = sign_in_on(john, john.press(form, "Save", fullname="Johanna"), password=password)
    page = john.press(page, "Go back to your form")
    assert page.field("fullname") == "Johanna"
    assert john.open(PROFILE).field("fullname") == "John Doe"
    assert "Your profile has been saved." in john.press(page, "Save").text
    assert john.open(PROFILE).field("fullname") == "Johanna"


def test_error_in_the_typed_text_is_shown_when_a_stale_form_is_shown_again(john: Browser) -> None:
    form = john.open(NEW)
    sign_in_again(john)
    page = john.press(form, "Register", name="Desk", redirect_uris="ftp://desk.example.com/")
    assert page.status == 403
    assert "Line 1: ftp://desk.example.com/" in page.text


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", None])
def test_another_site_can_never_fill_in_a_form(john: Browser, clock: Clock, site: str | None) -> None:
    """This holds for signed-in users, for users who must sign in first, and through the sign-in form."""
    mine = john.register_application("Mine")
    path = f"/settings/applications/{mine.client_id}"
    evil = {"name": "Mine", "redirect_uris": "https://evil.example/", "csrf_token": john.open(path).field("csrf_token")}
    sign_in_again(john)
    page = john.send(john.open("/"), path, evil, site=site)
    assert (page.status, page.title) == (403, "Mine")
    assert "evil" not in page.response.text
    end_session(john, clock)
    page = john.send(john.open("/"), path, evil, site=site)
    assert (page.status, page.title) == (200, "Sign in")
    assert "evil" not in page.response.text
    carried = {f"typed.{name}": value for name, value in evil.items()}
    page = john.send(page, "/login", {"next": path, **carried}, site=site)
    assert (page.status, page.title, page.field("next")) == (403, "Sign in", path)
    assert "evil" not in page.response.text
    assert sign_in_on(john, page).field("name") == "Mine"
    assert "evil" not in john.open(path).response.text


def test_text_typed_by_one_user_is_not_shown_in_another_users_form(john: Browser, eve: Browser, clock: Clock) -> None:
    form = john.open(NEW)
    page = eve.send(form, NEW, {**form.fields("Register"), **TYPED})
    assert (page.status, page.path) == (403, NEW)
    assert typed(page) == {"name": "", "redirect_uris": ""}
    form = john.open(PROFILE)
    end_session(john, clock)
    page = john.press(form, "Save", fullname="Johanna")
    page = john.press(page, "Sign in", email=eve.user.email, password=PASSWORD)
    assert (page.path, page.field("fullname")) == (PROFILE, "John Doe")
    assert eve.user.email in page.text


# The form's path, its button, and the page its user reaches after signing in.
FORMS = {
    "password": (PASSWORD_PAGE, "Change password", PASSWORD_PAGE),
    "secret": ("/settings/applications/{mine}/secret", "Regenerate secret", "/settings/applications/{mine}/secret"),
    "deletion": ("/settings/applications/{mine}/delete", "Delete application", "/settings/applications"),
    "revocation": ("/settings/authorized", "Revoke", "/settings/authorized"),
    "all revocations": ("/settings/authorized/all", "Revoke all", "/settings/authorized"),
    "sessions": ("/settings/security", "Sign out everywhere else", "/settings/security"),
}


@pytest.fixture
def mine(john: Browser, shop: ClientApp, other_shop: ClientApp) -> ClientApp:
    """John's own application; he has authorized two others, and is signed in in another browser."""
    Browser(john.base_url, john.person).sign_in()
    for connected in (shop, other_shop):
        connected.connect(john, "Small Shows")
    return john.register_application("Mine")


@pytest.mark.parametrize("form", FORMS)
def test_form_with_a_password_or_a_destructive_button_is_shown_again_empty(
    john: Browser, mine: ClientApp, clock: Clock, form: str
) -> None:
    path, button, after = (part.format(mine=mine.client_id) for part in FORMS[form])
    first = john.open(path)
    sign_in_again(john)
    page = john.press(
        first, button, **({"present": "s3cret-present", "password": "s3cret-new"} if form == "password" else {})
    )
    assert (page.status, page.title) == (403, first.title)
    assert OUT_OF_DATE in page.text
    assert "s3cret" not in page.response.text
    end_session(john, clock)
    page = john.press(page, button, **({"present": "s3cret-present"} if form == "password" else {}))
    assert (page.status, page.path, page.title) == (200, "/login", "Sign in")
    ended = "Your session has ended, so nothing has been changed. Sign in to continue."
    if form == "password":  # an earlier click may have changed the password
        ended = "Your session has ended. Sign in to continue, with the new password if you have just changed it."
    assert ended in page.text
    assert "typed." not in page.response.text
    page = sign_in_on(john, page)
    assert (page.status, page.path) == (200, after)
    assert john.open("/settings/authorized").text.count("Revoke") >= 2
    assert "Mine" in john.open("/settings/applications").text


def test_stale_form_without_a_page_of_its_own_leads_back_to_the_page_it_was_on(john: Browser) -> None:
    mine = john.register_application("Mine")
    path = f"/settings/applications/{mine.client_id}"
    john.press(john.open(f"{path}/secret"), "Regenerate secret", keep_old_seconds="86400")
    form = john.open(path)
    sign_in_again(john)
    page = john.press(form, "End the previous secret now")
    assert (page.status, page.path) == (200, path)
    assert OUT_OF_DATE in page.text
    assert "The previous secret keeps working" in page.text
    assert OUT_OF_DATE not in john.open(path).text


def test_sign_in_form_whose_cookie_is_gone_keeps_the_email_and_the_destination(
    base_url: str, a_person: Callable[..., Person]
) -> None:
    browser = Browser(base_url, a_person())
    form = browser.open("/login", next=PROFILE)
    browser.http.cookies.clear()
    page = browser.press(form, "Sign in", email=browser.user.email, password=PASSWORD)
    assert (page.status, page.title) == (403, "Sign in")
    assert OUT_OF_DATE in page.text
    assert (page.field("email"), page.field("password"), page.field("next")) == (browser.user.email, "", PROFILE)
    assert PASSWORD not in page.response.text
    assert browser.press(page, "Sign in", password=PASSWORD).path == PROFILE


def test_waiting_form_survives_a_stale_sign_in_form(john: Browser, clock: Clock) -> None:
    form = john.open(PROFILE)
    end_session(john, clock)
    page = john.press(form, "Save", fullname="Johanna")
    john.http.cookies.clear()
    page = sign_in_on(john, page)
    assert (page.status, page.title) == (403, "Sign in")
    page = john.press(sign_in_on(john, page), "Go back to your form")
    assert page.field("fullname") == "Johanna"


def test_waiting_form_survives_a_sign_in_in_another_tab(john: Browser, clock: Clock) -> None:
    form = john.open(PROFILE)
    end_session(john, clock)
    page = john.press(form, "Save", fullname="Johanna")
    sign_in_again(john)
    page = john.press(sign_in_on(john, page, password="not looked at"), "Go back to your form")
    assert page.field("fullname") == "Johanna"


@pytest.mark.parametrize("path", ["/sign-up", "/password/reset"])
def test_stale_form_that_sends_a_link_keeps_the_email_and_the_destination(
    base_url: str, a_person: Callable[..., Person], mailbox: Mailbox, path: str
) -> None:
    browser, person = Browser(base_url), a_person()
    form = browser.open(path, next=PROFILE)
    browser.http.cookies.clear()
    page = browser.press(form, "Send the link", email=person.email)
    assert (page.status, page.path) == (403, path)
    assert (page.field("email"), page.field("next")) == (person.email, PROFILE)
    assert mailbox.of(person.email) == []
    browser.press(page, "Send the link")
    assert len(mailbox.of(person.email)) == 1


def test_stale_form_behind_a_sign_up_link_keeps_the_link_and_the_name_but_no_password(
    base_url: str, mailbox: Mailbox
) -> None:
    browser, email = Browser(base_url), "newcomer@stale.example.org"
    browser.press(browser.open("/sign-up"), "Send the link", email=email)
    form = browser.open(mailbox.link(email))
    browser.http.cookies.clear()
    page = browser.press(form, "Create account", fullname="New Comer", password="a very good one")
    assert (page.status, page.title) == (403, "Create your account")
    assert (page.field("fullname"), page.field("password")) == ("New Comer", "")
    assert "a very good one" not in page.response.text
    assert browser.press(page, "Create account", password="a very good one").path == PROFILE


def test_stale_reset_form_keeps_its_link(base_url: str, a_person: Callable[..., Person], mailbox: Mailbox) -> None:
    browser = Browser(base_url, a_person())
    browser.press(browser.open("/password/reset"), "Send the link", email=browser.user.email)
    form = browser.open(mailbox.link(browser.user.email))
    browser.http.cookies.clear()
    page = browser.press(form, "Change password", password="another good one")
    assert (page.status, page.title) == (403, "Choose a new password")
    assert Browser(base_url, browser.person).sign_in().path == "/", "the old password still works"
    assert browser.press(page, "Change password", password="another good one").title == "Your password has been changed"


def test_form_too_long_to_carry_leads_to_the_sign_in_page_without_it(john: Browser, clock: Clock) -> None:
    form = john.open(NEW)
    end_session(john, clock)
    page = john.press(form, "Register", name="Long", redirect_uris="x" * limits.CARRIED_FORM_LIMIT_BYTES)
    assert (page.status, page.path, page.title) == (200, "/login", "Sign in")
    page = sign_in_on(john, page)
    assert (page.path, page.status) == (NEW, 200)


def test_longest_carried_form_leaves_room_for_the_longest_credentials(john: Browser, clock: Clock) -> None:
    form = john.open(NEW)
    end_session(john, clock)
    length = limits.CARRIED_FORM_LIMIT_BYTES - 400
    page = john.press(form, "Register", name="Long", redirect_uris="x" * length)
    assert page.status == 401
    email = "e" * limits.EMAIL_LIMIT_CHARACTERS
    page = john.press(page, "Sign in", email=email, password="p" * limits.PASSWORD_LIMIT_CHARACTERS)
    assert page.status == 401
    page = john.press(sign_in_on(john, page), "Go back to your form")
    assert typed(page)["redirect_uris"] == "x" * length


def test_showing_a_stale_form_again_writes_nothing(john: Browser, store: StoreProxy) -> None:
    form = john.open(NEW)
    sign_in_again(john)
    with store.count() as calls:
        assert john.press(form, "Register", **TYPED).status == 403
    assert [call.operation for call in calls] == ["BatchGetItem", "BatchGetItem"]
