"""What OpenID Connect adds to an authorization request (OpenID Connect Core §3.1.2.1)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from joserfc.jwk import RSAKey

from chalicelib import settings
from tests.actors import Browser, ClientApp, Page, Person
from tests.conftest import Clock
from tests.openid_connect import forged
from tests.openid_connect.sign_in import checked, signed_in

pytestmark = [pytest.mark.spec("OpenID Connect Core §3.1.2.1"), pytest.mark.usefixtures("signing_key")]


@pytest.fixture
def mine(john: Browser) -> ClientApp:
    """John's own application, so that its errors are redirected to it at once. He has allowed it `openid`."""
    made = john.register_application("A shop")
    made.connect(john, scope="openid")
    return made


def push(app: ClientApp, **asked: str) -> str:
    """The path for a browser that carries a pushed request."""
    form = app.parameters(**asked)
    answer = app.http.post(app.base_url + "/api/v1/oauth/par", data=form, auth=(app.client_id, app.secret))
    assert answer.status_code == 201, answer.text
    return f"/api/v1/oauth/authorize?client_id={app.client_id}&request_uri={answer.json()['request_uri']}"


def plain(app: ClientApp, **asked: str) -> str:
    return app.authorize_path(**asked)


def test_request_without_a_redirect_uri_leads_nowhere(john: Browser, mine: ClientApp) -> None:
    page = john.open(mine.authorize_path(scope="openid", redirect_uri=None))
    assert (page.status, page.left_to) == (400, None)
    assert "redirect_uri is missing. OpenID Connect needs it." in page.text
    form = {name: value for name, value in mine.parameters(scope="openid").items() if name != "redirect_uri"}
    answer = mine.http.post(mine.base_url + "/api/v1/oauth/par", data=form, auth=(mine.client_id, mine.secret))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert "redirect_uri is missing" in answer.json()["error_description"]
    assert john.open(mine.authorize_path(redirect_uri=None)).status == 200, "there is a default without OpenID Connect"


def enter(browser: Browser, page: Page, person: Person | None = None) -> Page:
    person = person or browser.user
    return browser.press(page, "Sign in", email=person.email, password=person.password)


WAYS = pytest.mark.parametrize("ask", [plain, push])
Ask = Callable[..., str]


@WAYS
def test_session_older_than_max_age_is_signed_in_anew_once(
    john: Browser, mine: ClientApp, clock: Clock, ask: Ask
) -> None:
    before = signed_in(mine, john)["auth_time"]
    clock.advance(100)
    assert john.open(ask(mine, scope="openid", max_age="1000")).code, "young enough"
    page = john.open(ask(mine, scope="openid", max_age="60"))
    assert page.path == "/login"
    clock.advance(5)
    claims = checked(mine.base_url, mine.exchange(enter(john, page).code).json()["id_token"])
    assert claims["auth_time"] >= before + 100


@WAYS
def test_max_age_of_zero_asks_once_and_not_in_a_circle(john: Browser, mine: ClientApp, clock: Clock, ask: Ask) -> None:
    clock.advance(1)
    page = john.open(ask(mine, scope="openid", max_age="0"))
    clock.advance(5)
    page = enter(john, page)
    assert page.code


def test_old_moment_in_the_address_does_not_outwit_max_age(john: Browser, mine: ClientApp, clock: Clock) -> None:
    clock.advance(4000)
    assert john.open(mine.authorize_path(scope="openid", max_age="60") + "&asked_at=1").path == "/login"


def test_max_age_of_a_silent_request_is_login_required(john: Browser, mine: ClientApp, clock: Clock) -> None:
    assert john.open(mine.authorize_path(scope="openid", prompt="none")).code
    clock.advance(100)
    answer = john.open(mine.authorize_path(scope="openid", prompt="none", max_age="60")).answer
    assert answer["error"] == "login_required"


@pytest.mark.parametrize("max_age", ["-1", "soon", "1.5", "99999999999", "٣"])
def test_max_age_that_is_no_number_is_refused(john: Browser, mine: ClientApp, max_age: str) -> None:
    assert john.open(mine.authorize_path(scope="openid", max_age=max_age)).answer["error"] == "invalid_request"


def test_max_age_without_openid_is_ignored_as_before(john: Browser, shop: ClientApp) -> None:
    assert john.open(shop.authorize_path(scope="read", max_age="soon")).path.endswith("/authorize")


def test_prompt_login_gives_a_new_time_of_sign_in(john: Browser, mine: ClientApp, clock: Clock) -> None:
    before = signed_in(mine, john)
    clock.advance(50)
    page = enter(john, john.open(mine.authorize_path(scope="openid", prompt="login")))
    after = checked(mine.base_url, mine.exchange(page.code).json()["id_token"])
    assert after["auth_time"] >= before["auth_time"] + 50
    assert after["sid"] != before["sid"]
    assert after["amr"] == ["pwd"]


@WAYS
def test_login_hint_is_in_the_form_for_signing_in(base_url: str, mine: ClientApp, ask: Ask) -> None:
    page = Browser(base_url).open(ask(mine, scope="openid", login_hint="ann@example.org"))
    assert page.field("email") == "ann@example.org"


def test_login_hint_is_escaped_and_limited(base_url: str, mine: ClientApp) -> None:
    page = Browser(base_url).open(mine.authorize_path(scope="openid", login_hint='"><script>x</script>' + "y" * 500))
    assert page.field("email").startswith('"><script>x</script>yyy')
    assert len(page.field("email")) <= 254
    assert "<script>x" not in page.response.text


def test_login_hint_without_openid_is_ignored_as_before(base_url: str, mine: ClientApp) -> None:
    assert Browser(base_url).open(mine.authorize_path(scope="read", login_hint="ann@example.org")).field("email") == ""


@WAYS
def test_ui_locales_choose_the_language_of_both_pages(base_url: str, john: Browser, mine: ClientApp, ask: Ask) -> None:
    path = ask(mine, scope="openid email", ui_locales="fr de-AT en")
    assert Browser(base_url).open(path).html.html["lang"] == "de"  # type: ignore[index]
    page = john.open(path)
    assert page.html.html["lang"] == "de"  # type: ignore[index]
    assert "Ihre E-Mail-Adresse sehen" in page.text


@pytest.mark.parametrize("ui_locales", ["fr", "x" * 500, "de;q=1", ""])
def test_ui_locales_that_there_are_not_change_nothing(john: Browser, mine: ClientApp, ui_locales: str) -> None:
    page = john.open(mine.authorize_path(scope="openid email", ui_locales=ui_locales))
    assert page.html.html["lang"] == "en"  # type: ignore[index]


@WAYS
def test_hint_of_the_signed_in_user_changes_nothing_even_expired(
    john: Browser, mine: ClientApp, clock: Clock, ask: Ask
) -> None:
    hint = mine.connect(john, scope="openid")["id_token"]
    clock.advance(10_000)
    assert john.open(ask(mine, scope="openid", prompt="none", id_token_hint=hint)).code


def test_hint_of_another_user_is_login_required_or_asks_them(
    base_url: str, john: Browser, eve: Browser, mine: ClientApp
) -> None:
    hint = mine.connect(eve, scope="openid")["id_token"]
    silent = john.open(mine.authorize_path(scope="openid", prompt="none", id_token_hint=hint)).answer
    assert silent["error"] == "login_required"
    page = john.open(mine.authorize_path(scope="openid", id_token_hint=hint))
    assert page.path == "/login"
    assert enter(john, page, eve.user).code, "the user whom the hint names signed in"


def test_other_user_who_signs_in_despite_the_hint_is_refused(john: Browser, eve: Browser, mine: ClientApp) -> None:
    hint = mine.connect(eve, scope="openid")["id_token"]
    page = john.open(mine.authorize_path(scope="openid", id_token_hint=hint))
    assert enter(john, page).answer["error"] == "login_required"


def test_hint_that_we_did_not_make_for_this_application_is_refused(
    john: Browser, mine: ClientApp, other_shop: ClientApp, signing_key: RSAKey
) -> None:
    real = checked(mine.base_url, mine.connect(john, scope="openid")["id_token"])
    hints = {
        **forged.every_kind(real, signing_key),
        "another application": other_shop.connect(john, scope="openid")["id_token"],
    }
    for what, hint in hints.items():
        form = mine.parameters(scope="openid", id_token_hint=hint)
        answer = mine.http.post(mine.base_url + "/api/v1/oauth/par", data=form, auth=(mine.client_id, mine.secret))
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request"), what


@pytest.mark.spec("OpenID Connect Core §5.5.1")
def test_claims_that_name_another_user_are_login_required(john: Browser, eve: Browser, mine: ClientApp) -> None:
    claims = json.dumps({"id_token": {"sub": {"value": eve.user.user_id}}})
    answer = john.open(mine.authorize_path(scope="openid", prompt="none", claims=claims)).answer
    assert answer["error"] == "login_required"
    own = json.dumps({"id_token": {"sub": {"value": john.user.user_id}}})
    assert john.open(mine.authorize_path(scope="openid", prompt="none", claims=own)).code


@pytest.mark.spec("OpenID Connect Core §5.5.1.1")
def test_essential_acr_that_was_not_proven_is_refused(john: Browser, mine: ClientApp) -> None:
    claims = json.dumps({"id_token": {"acr": {"essential": True, "values": ["urn:mace:incommon:iap:silver"]}}})
    answer = john.open(mine.authorize_path(scope="openid", claims=claims)).answer
    assert answer["error"] == "unmet_authentication_requirements"
    wish = json.dumps({"id_token": {"acr": {"values": ["urn:mace:incommon:iap:silver"]}}})
    assert john.open(mine.authorize_path(scope="openid", claims=wish)).code
    assert john.open(mine.authorize_path(scope="openid", acr_values="urn:mace:incommon:iap:silver")).code


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"request": "e30.e30."}, "request_not_supported"),
        ({"request_uri": "https://shop.example.com/request.jwt"}, "request_uri_not_supported"),
        ({"response_type": "id_token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
    ],
)
def test_what_is_not_supported_is_refused_by_its_name(
    john: Browser, mine: ClientApp, asked: dict[str, str], error: str
) -> None:
    assert john.open(mine.authorize_path(scope="openid", **asked)).answer["error"] == error


@pytest.mark.spec("OpenID Connect Core §6.1")
@pytest.mark.parametrize("inside", ["e30", "x", "bnVsbA", "eyJzdGF0ZSI6IDF9"])
def test_refusal_of_a_request_object_goes_back_as_the_object_asks(john: Browser, mine: ClientApp, inside: str) -> None:
    how = base64.urlsafe_b64encode(json.dumps({"state": "s-1", "response_mode": "form_post"}).encode()).decode()
    page = john.open(mine.authorize_path(scope="openid", state=None, request=f"e30.{how.rstrip('=')}."))
    assert (_posted(page)["error"], _posted(page)["state"]) == ("request_not_supported", "s-1")
    said = john.open(mine.authorize_path(scope="openid", request=f"e30.{how.rstrip('=')}.", response_mode="query"))
    assert said.answer["state"] == "xyz", "what is beside the object comes first"
    other = john.open(mine.authorize_path(scope="openid", state=None, request=f"e30.{inside}.")).answer
    assert (other["error"], "state" in other) == ("request_not_supported", False)


def test_repeated_nonce_is_refused(john: Browser, mine: ClientApp) -> None:
    path = mine.authorize_path(scope="openid", nonce="a") + "&nonce=b"
    assert john.open(path).answer["error"] == "invalid_request"


def test_display_is_ignored(john: Browser, mine: ClientApp) -> None:
    assert john.open(mine.authorize_path(scope="openid", display="popup")).code


def _posted(page: Page) -> dict[str, str]:
    """What the form on the page sends to the application."""
    form = page.form_with("Continue")
    return {str(field["name"]): str(field["value"]) for field in form.find_all("input")}


@pytest.mark.spec("OAuth 2.0 Form Post Response Mode §2")
@WAYS
def test_form_post_carries_the_answer_in_a_form(john: Browser, shop: ClientApp, ask: Ask) -> None:
    page = john.open(ask(shop, scope="openid", response_mode="form_post", state='<"x">', nonce="n"))
    page = john.allow(page)
    assert page.left_to is None
    assert page.form_with("Continue")["action"] == shop.redirect_uri
    answer = _posted(page)
    assert (answer["state"], answer["iss"]) == ('<"x">', shop.base_url)
    assert checked(shop.base_url, shop.exchange(answer["code"]).json()["id_token"])["nonce"] == "n"


@pytest.mark.spec("OAuth 2.0 Form Post Response Mode §2")
def test_form_post_page_loads_our_script_and_allows_no_other(john: Browser, mine: ClientApp) -> None:
    page = john.open(mine.authorize_path(scope="openid", response_mode="form_post"))
    policy = page.response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe-inline" not in policy
    assert page.response.headers["Cache-Control"] == "no-store"
    (script,) = page.html.find_all("script")
    assert not script.get_text()
    loaded = requests.get(mine.base_url + str(script["src"]), timeout=30)
    assert (loaded.status_code, "submit()" in loaded.text) == (200, True)


@pytest.mark.spec("OAuth 2.0 Form Post Response Mode §2")
def test_form_post_carries_errors_and_denials(john: Browser, mine: ClientApp) -> None:
    page = john.open(mine.authorize_path(scope="openid nonsense", response_mode="form_post"))
    assert (_posted(page)["error"], _posted(page)["state"]) == ("invalid_scope", "xyz")
    page = john.open(mine.authorize_path(scope="openid email", response_mode="form_post"))
    assert _posted(john.press(page, "Deny"))["error"] == "access_denied"


@pytest.mark.spec("RFC 9700 §4.11.2")
@pytest.mark.parametrize("mode", ["query", "form_post"])
def test_silent_request_of_a_strangers_application_leads_nowhere_by_itself(
    eve: Browser, shop: ClientApp, mode: str
) -> None:
    page = eve.open(shop.authorize_path(scope="openid", prompt="none", response_mode=mode))
    assert (page.status, page.left_to) == (400, None)
    assert "data-post" not in page.response.text


def test_stage_without_keys_knows_none_of_it(john: Browser, mine: ClientApp, monkeypatch: pytest.MonkeyPatch) -> None:
    changed: Any = replace(settings.SETTINGS, signing_keys=None)
    monkeypatch.setattr(settings, "SETTINGS", changed)
    answer = john.open(mine.authorize_path(scope="openid read", response_mode="form_post")).answer
    assert answer["error_description"] == "response_mode must be query."
    page = john.open(mine.authorize_path(scope="openid read", nonce="n", max_age="0", claims="no json"))
    tokens = mine.exchange(john.allow(page, "Small Shows").code).json()
    assert tokens["scope"] == "read"
    assert "id_token" not in tokens
    assert requests.get(mine.base_url + "/api/v1/userinfo", timeout=30).status_code == 404


def test_address_of_the_sign_in_page_keeps_the_whole_request(base_url: str, mine: ClientApp) -> None:
    page = Browser(base_url).open(mine.authorize_path(scope="openid", nonce="n", max_age="5", claims="{}"))
    query = parse_qs(urlsplit(page.field("next")).query)
    assert (query["nonce"], query["max_age"], query["claims"]) == (["n"], ["5"], ["{}"])
