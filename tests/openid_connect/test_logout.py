"""An application asks to sign its user out here (OpenID Connect RP-Initiated Logout 1.0)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import requests
from joserfc.jwk import RSAKey

from chalicelib import settings
from chalicelib.models import application, application_edit
from tests.actors import CALLBACK, Browser, ClientApp, Page
from tests.conftest import Clock
from tests.openid_connect import forged
from tests.openid_connect.sign_in import checked
from tests.openid_connect.signing_out import END_SESSION, SIGNED_OUT, asking, is_signed_in, set_up
from tests.public_app import PublicApp
from tests.store_proxy import StoreProxy

pytestmark = [pytest.mark.spec("OpenID Connect RP-Initiated Logout §2"), pytest.mark.usefixtures("signing_key")]


@pytest.fixture
def shop(shop: ClientApp) -> ClientApp:
    """An application that has an address to return to after a sign-out."""
    set_up(shop, post_logout_redirect_uris=[SIGNED_OUT])
    return shop


@pytest.fixture
def hint(shop: ClientApp, john: Browser) -> str:
    """The ID token that the application got for John."""
    return str(shop.connect(john, scope="openid")["id_token"])


def let_sign_up(monkeypatch: pytest.MonkeyPatch, *, is_open: bool) -> None:
    changed: Any = replace(settings.SETTINGS, sign_up_open=is_open)
    monkeypatch.setattr(settings, "SETTINGS", changed)


def test_user_is_asked_signed_out_and_sent_back_with_the_state(john: Browser, hint: str) -> None:
    page = john.open(asking(id_token_hint=hint, post_logout_redirect_uri=SIGNED_OUT, state="a b&c\r\n"))
    assert page.title == "Sign out of Lanyard?"
    assert "A shop asks whether you want to sign out here as well." in page.text
    assert f"You are signed in as {john.user.email}" in page.text
    assert "return to shop.example.com ." in page.text
    assert is_signed_in(john), "only the form signs out"
    page = john.press(page, "Sign out")
    assert page.left_to == SIGNED_OUT + "&state=a%20b%26c%0D%0A"
    assert not is_signed_in(john)


@pytest.mark.spec("OpenID Connect RP-Initiated Logout §3")
def test_without_a_state_the_address_comes_back_as_registered(john: Browser, hint: str) -> None:
    page = john.open(asking(id_token_hint=hint, post_logout_redirect_uri=SIGNED_OUT))
    assert john.press(page, "Sign out").left_to == SIGNED_OUT


def test_without_an_address_the_user_stays_here_and_is_told(john: Browser, hint: str) -> None:
    for path in (asking(id_token_hint=hint), END_SESSION):
        page = john.press(john.open(path), "Sign out")
        assert (page.status, page.path) == (200, "/")
        assert "You are signed out." in page.text
        assert not is_signed_in(john)
        john.sign_in()


def test_session_itself_ends(john: Browser, hint: str) -> None:
    kept = john.http.cookies["lanyard-session"]
    john.press(john.open(asking(id_token_hint=hint)), "Sign out")
    john.http.cookies["lanyard-session"] = kept
    assert not is_signed_in(john)


def test_application_keeps_its_access(john: Browser, shop: ClientApp) -> None:
    tokens = shop.connect(john, scope="openid profile")
    john.press(john.open(asking(id_token_hint=tokens["id_token"])), "Sign out")
    assert shop.me(tokens["access_token"]).status_code == 200


def test_user_who_stays_signed_in_is_led_home(john: Browser, hint: str) -> None:
    page = john.open(asking(id_token_hint=hint, post_logout_redirect_uri=SIGNED_OUT))
    assert page.link("Stay signed in") == "/"
    assert is_signed_in(john)


def test_hint_may_have_expired(john: Browser, hint: str, clock: Clock) -> None:
    clock.advance(2 * 3600)
    page = john.open(asking(id_token_hint=hint, post_logout_redirect_uri=SIGNED_OUT))
    assert john.press(page, "Sign out").left_to == SIGNED_OUT


def test_client_id_is_enough_to_name_the_application(john: Browser, shop: ClientApp, hint: str) -> None:
    for named in ({"client_id": shop.client_id}, {"client_id": shop.client_id, "id_token_hint": hint}):
        page = john.open(asking(post_logout_redirect_uri=SIGNED_OUT, logout_hint="somebody", **named))
        assert "A shop asks" in page.text
        assert john.press(page, "Sign out").left_to == SIGNED_OUT
        john.sign_in()


def test_page_has_the_language_that_the_application_asks_for(john: Browser, hint: str) -> None:
    page = john.open(asking(id_token_hint=hint, post_logout_redirect_uri=SIGNED_OUT, ui_locales="fr de"))
    assert page.title == "Von Lanyard abmelden?"
    assert "A shop fragt, ob Sie sich auch hier abmelden möchten." in page.text
    assert john.press(page, "Abmelden").left_to == SIGNED_OUT


def test_request_may_be_a_post_from_another_site(john: Browser, hint: str) -> None:
    """Browsers send it without the session's cookie (SameSite=Lax), and follow its redirect with the cookie."""
    sent = {"id_token_hint": hint, "post_logout_redirect_uri": SIGNED_OUT, "state": "s"}
    answer = requests.post(john.base_url + END_SESSION, data=sent, allow_redirects=False, timeout=30)
    assert answer.status_code == 303
    page = john.open(answer.headers["Location"])
    assert "A shop asks" in page.text
    assert john.press(page, "Sign out").left_to == SIGNED_OUT + "&state=s"


def test_hint_of_another_user_is_told_to_the_one_who_is_signed_in(eve: Browser, hint: str) -> None:
    page = eve.open(asking(id_token_hint=hint, post_logout_redirect_uri=SIGNED_OUT))
    assert f"It means another account than {eve.user.email} , which is signed in here." in page.text
    assert eve.press(page, "Sign out").left_to == SIGNED_OUT


@pytest.mark.parametrize("is_open", [False, True])
def test_nobody_who_is_signed_out_is_asked(
    base_url: str, shop: ClientApp, hint: str, monkeypatch: pytest.MonkeyPatch, is_open: bool
) -> None:
    """Where strangers can register applications, nobody is redirected without a click (RFC 9700 §4.11.2)."""
    let_sign_up(monkeypatch, is_open=is_open)
    page = Browser(base_url).open(asking(id_token_hint=hint, post_logout_redirect_uri=SIGNED_OUT, state="s"))
    if is_open:
        assert (page.status, page.title, page.left_to) == (200, "You are signed out", None)
        assert SIGNED_OUT + "&state=s" in [str(link["href"]) for link in page.html.find_all("a")]
    else:
        assert page.left_to == SIGNED_OUT + "&state=s"
    assert Browser(base_url).open(asking(id_token_hint=hint)).title == "You are signed out"
    assert Browser(base_url).open(END_SESSION).title == "You are signed out"


def test_application_that_registered_itself_gets_nobody_without_a_click(
    base_url: str, shop: ClientApp, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_sign_up(monkeypatch, is_open=False)
    set_up(shop, owner_id=application.ITSELF)
    page = Browser(base_url).open(asking(id_token_hint=hint, post_logout_redirect_uri=SIGNED_OUT))
    assert (page.title, page.left_to) == ("You are signed out", None)


def refused(browser: Browser, saying: str, **sent: str | None) -> Page:
    page = browser.open(asking(**sent))
    assert (page.status, page.left_to) == (400, None), sent
    assert saying in page.text
    assert "evil.example" not in str(page.html)
    return page


@pytest.mark.spec("OpenID Connect RP-Initiated Logout §3", "RFC 9700 §4.11.2")
@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/",
        SIGNED_OUT + "&x=https://evil.example",
        SIGNED_OUT.upper(),
        SIGNED_OUT + "/",
        SIGNED_OUT.removesuffix("us"),
        "https://shop.example.com:443/signed-out?from=us",
        "https://shop.example.com@evil.example/signed-out",
        "//evil.example/",
        "javascript:alert(1)//evil.example",
        CALLBACK,
    ],
)
def test_address_that_is_not_registered_leads_nowhere(base_url: str, john: Browser, hint: str, uri: str) -> None:
    for browser in (john, Browser(base_url)):
        refused(browser, "not one of the addresses", id_token_hint=hint, post_logout_redirect_uri=uri)
    assert is_signed_in(john)


def test_address_of_another_application_leads_nowhere(john: Browser, hint: str, other_shop: ClientApp) -> None:
    evil = "https://evil.example/"
    set_up(other_shop, post_logout_redirect_uris=[evil])
    refused(john, "not one of the addresses", id_token_hint=hint, post_logout_redirect_uri=evil)
    refused(
        john, "another application", id_token_hint=hint, client_id=other_shop.client_id, post_logout_redirect_uri=evil
    )
    refused(john, "needs an id_token_hint", post_logout_redirect_uri=evil)
    refused(john, "There is no application", client_id="nobody", post_logout_redirect_uri=evil)


def test_address_that_was_taken_away_leads_nowhere(john: Browser, shop: ClientApp, hint: str) -> None:
    page = john.open(asking(id_token_hint=hint, post_logout_redirect_uri=SIGNED_OUT))
    set_up(shop, post_logout_redirect_uris=None)
    page = john.press(page, "Sign out")
    assert (page.status, page.left_to) == (400, None)
    assert is_signed_in(john)


def test_disabled_application_leads_nowhere(john: Browser, shop: ClientApp, hint: str) -> None:
    application_edit.disable(shop.client_id)
    page = refused(john, "it is disabled", id_token_hint=hint, post_logout_redirect_uri=SIGNED_OUT)
    assert page.link("Sign out") == "/logout", "without the application, it goes on"


def test_developer_is_told_of_an_address_that_is_not_registered(john: Browser, eve: Browser) -> None:
    mine = john.register_application("Mine")
    refused(eve, "not one of", client_id=mine.client_id, post_logout_redirect_uri="https://evil.example/x?code=7")
    told = john.open(f"/settings/applications/{mine.client_id}/requests").text
    assert "post_logout_redirect_uri is not one of the addresses" in told
    assert "https://evil.example" in told
    assert "code=7" not in told


@pytest.mark.spec("OpenID Connect RP-Initiated Logout §4")
def test_hint_that_we_did_not_make_is_refused(
    base_url: str, john: Browser, hint: str, signing_key: RSAKey, shop: ClientApp
) -> None:
    for token in forged.every_kind(checked(base_url, hint), signing_key).values():
        for browser in (john, Browser(base_url)):
            sent = {"client_id": shop.client_id, "post_logout_redirect_uri": SIGNED_OUT}
            refused(browser, "id_token_hint", id_token_hint=token, **sent)
    assert is_signed_in(john)


def test_repeated_parameter_is_refused(john: Browser, hint: str) -> None:
    page = john.open(asking(id_token_hint=hint, post_logout_redirect_uri=SIGNED_OUT) + "&state=a&state=b")
    assert (page.status, page.left_to) == (400, None)
    assert "state was sent more than once" in page.text


@pytest.mark.spec("OpenID Connect RP-Initiated Logout §6", "RFC 6749 §10.12")
def test_no_other_site_can_sign_anybody_out(john: Browser, eve: Browser, hint: str) -> None:
    path = asking(id_token_hint=hint, post_logout_redirect_uri=SIGNED_OUT)
    of_eve = eve.open(path).field("csrf_token")
    of_another_form = john.open("/logout").field("csrf_token")
    for csrf_token in ("", "x", of_eve, of_another_form):
        page = john.send(john.open(path), path, {"csrf_token": csrf_token}, site="cross-site")
        assert (page.status, page.title) == (403, "Sign out of Lanyard?"), "the form is shown again"
        assert is_signed_in(john)


@pytest.mark.spec("OpenID Connect RP-Initiated Logout §6", "RFC 6749 §10.13")
def test_page_cannot_be_framed_and_its_form_leads_only_to_the_registered_address(john: Browser, hint: str) -> None:
    headers = john.open(asking(id_token_hint=hint, post_logout_redirect_uri=SIGNED_OUT)).response.headers
    assert headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "form-action 'self' https:;" in headers["Content-Security-Policy"] + ";"
    assert headers["Referrer-Policy"] == "no-referrer", "the address has an ID token"
    assert headers["Cache-Control"] == "no-store"
    plain = john.open(asking(id_token_hint=hint)).response.headers["Content-Security-Policy"]
    assert "form-action 'self';" in plain + ";"


@pytest.mark.spec("docs/operations.md")
def test_asking_takes_one_read_and_signing_out_one_write(john: Browser, hint: str, store: StoreProxy) -> None:
    with store.count() as calls:
        page = john.open(asking(id_token_hint=hint, post_logout_redirect_uri=SIGNED_OUT))
    assert [call.operation for call in calls] == ["BatchGetItem"]
    with store.count() as calls:
        john.press(page, "Sign out")
    assert [call.operation for call in calls] == ["BatchGetItem", "DeleteItem"]


def test_stage_that_does_not_sign_has_no_such_page(john: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    changed: Any = replace(settings.SETTINGS, signing_keys=None)
    monkeypatch.setattr(settings, "SETTINGS", changed)
    assert john.open(END_SESSION).status == 404
    assert "sign-out" not in john.open("/settings/applications/new").text


@pytest.mark.spec("OpenID Connect RP-Initiated Logout §2.1")
def test_metadata_names_the_endpoint(base_url: str) -> None:
    found = requests.get(base_url + "/.well-known/openid-configuration", timeout=30).json()
    assert found["end_session_endpoint"] == base_url + END_SESSION


def test_developer_registers_the_addresses_on_the_settings_page(john: Browser) -> None:
    mine = john.register_application("Mine")
    path = f"/settings/applications/{mine.client_id}"
    page = john.press(john.open(path), "Save", post_logout_redirect_uris="http://shop.example.com/\nnonsense")
    assert page.status == 400
    assert "Line 1: http://shop.example.com/ must start with https://" in page.text
    assert "Line 2: nonsense must be a full address" in page.text
    page = john.press(page, "Save", post_logout_redirect_uris=f"{SIGNED_OUT}\n\nhttp://localhost:8080/out")
    assert page.status == 200
    assert john.open(path).html.find(id="post_logout_redirect_uris").get_text().split() == [  # type: ignore[union-attr]
        SIGNED_OUT,
        "http://localhost:8080/out",
    ]
    page = john.open(asking(client_id=mine.client_id, post_logout_redirect_uri=SIGNED_OUT))
    assert john.press(page, "Sign out").left_to == SIGNED_OUT


def test_app_on_a_device_returns_to_its_own_scheme(john: Browser) -> None:
    app = PublicApp.registered_by(john, "com.example.app:/connected", type="native")
    set_up(app, post_logout_redirect_uris=["com.example.app:/out"])
    hint = app.connect(john, scope="openid")["id_token"]
    page = john.open(asking(id_token_hint=hint, post_logout_redirect_uri="com.example.app:/out", state="s"))
    assert "an app on this device ( com.example.app: )" in page.text
    assert "com.example.app:" in page.response.headers["Content-Security-Policy"]
    assert john.press(page, "Sign out").left_to == "com.example.app:/out?state=s"
