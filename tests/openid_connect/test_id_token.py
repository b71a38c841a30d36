"""The ID token of the code exchange and of a refresh (OpenID Connect Core §2, §3.1.3, §12.2)."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from chalicelib import credentials, limits, settings
from chalicelib.models import application_edit
from chalicelib.models import store as storage
from chalicelib.models.application import Profile
from chalicelib.models.authorization_code import AuthorizationCode
from tests.actors import Browser, ClientApp
from tests.conftest import Clock
from tests.openid_connect.sign_in import checked, signed_in
from tests.public_app import PublicApp
from tests.store_proxy import StoreProxy

pytestmark = [pytest.mark.spec("OpenID Connect Core §2"), pytest.mark.usefixtures("signing_key")]


def test_id_token_says_who_signed_in_when_and_for_whom(john: Browser, shop: ClientApp, clock: Clock) -> None:
    clock.stop()
    tokens = shop.connect(john, scope="openid", nonce="n-0S6_WzA2Mj")
    claims = checked(shop.base_url, tokens["id_token"])
    digest = hashlib.sha256(tokens["access_token"].encode()).digest()
    assert claims.pop("at_hash") == base64.urlsafe_b64encode(digest[:16]).decode().rstrip("=")
    assert abs(claims.pop("auth_time") - clock.now()) < 60
    assert len(claims.pop("sid")) == 16
    assert claims == {
        "iss": shop.base_url,
        "sub": john.user.user_id,
        "aud": shop.client_id,
        "iat": clock.now(),
        "exp": clock.now() + limits.ID_TOKEN_LIFETIME_SECONDS,
        "nonce": "n-0S6_WzA2Mj",
    }


def test_password_that_was_typed_is_what_amr_says(base_url: str, john: Browser, shop: ClientApp) -> None:
    browser = Browser(base_url, john.user)
    browser.sign_in()
    assert signed_in(shop, browser)["amr"] == ["pwd"]


def test_session_that_predates_the_keys_proves_nothing_in_particular(john: Browser, shop: ClientApp) -> None:
    assert "amr" not in signed_in(shop, john)


def test_sid_names_one_session_and_is_not_the_cookies_value(base_url: str, john: Browser, shop: ClientApp) -> None:
    elsewhere = Browser(base_url, john.user)
    elsewhere.sign_in()
    first, again, other = (signed_in(shop, browser)["sid"] for browser in (john, john, elsewhere))
    assert first == again != other
    assert not any(first in str(value) for value in john.http.cookies.values())


@pytest.mark.spec("OpenID Connect Core §3.1.2.1")
def test_nonce_is_that_of_the_request_and_absent_without_one(john: Browser, shop: ClientApp) -> None:
    assert signed_in(shop, john, nonce="first")["nonce"] == "first"
    assert signed_in(shop, john, nonce="second")["nonce"] == "second"
    assert "nonce" not in signed_in(shop, john, nonce=None)


def test_pushed_request_keeps_its_nonce(john: Browser, shop: ClientApp) -> None:
    form = shop.parameters(scope="openid", nonce="pushed")
    pushed = shop.http.post(shop.base_url + "/api/v1/oauth/par", data=form, auth=(shop.client_id, shop.secret)).json()
    page = john.open(
        "/api/v1/oauth/authorize", client_id=shop.client_id, request_uri=pushed["request_uri"], nonce="other"
    )
    tokens = shop.exchange(john.allow(page).code).json()
    assert checked(shop.base_url, tokens["id_token"])["nonce"] == "pushed"


def test_grant_without_openid_gets_no_id_token(john: Browser, shop: ClientApp) -> None:
    tokens = shop.connect(john, "Small Shows", scope="read", nonce="n")
    assert "id_token" not in tokens
    assert "id_token" not in shop.refresh(tokens["refresh_token"]).json()


@pytest.mark.spec("OpenID Connect Core §12.2")
def test_refresh_repeats_the_sign_in_without_its_nonce(john: Browser, shop: ClientApp, clock: Clock) -> None:
    tokens = shop.connect(john, scope="openid", nonce="n-1")
    first = checked(shop.base_url, tokens["id_token"])
    clock.advance(100)
    refreshed = shop.refresh(tokens["refresh_token"]).json()
    again = checked(shop.base_url, refreshed["id_token"])
    assert "nonce" not in again
    for name in ("iss", "sub", "aud", "auth_time", "sid"):
        assert again[name] == first[name]
    assert again["iat"] >= first["iat"] + 100
    assert again["at_hash"] != first["at_hash"]


def test_refresh_without_openid_gets_no_id_token_and_the_next_one_does(john: Browser, shop: ClientApp) -> None:
    token = shop.connect(john, "Small Shows", scope="openid read")["refresh_token"]
    assert "id_token" not in shop.refresh(token, scope="read").json()
    assert "id_token" in shop.refresh(token).json()


def test_refresh_repeated_after_a_lost_answer_gets_the_same_id_token(
    base_url: str, john: Browser, clock: Clock
) -> None:
    app = PublicApp.registered_by(john)
    token = app.connect(john, scope="openid")["refresh_token"]
    first = app.refresh(token).json()
    clock.advance(2)
    again = app.refresh(token).json()
    assert again["id_token"] == first["id_token"]
    assert checked(base_url, again["id_token"])["sub"] == john.user.user_id


def test_code_of_another_application_gets_no_id_token(john: Browser, shop: ClientApp, other_shop: ClientApp) -> None:
    code = john.allow(john.open(shop.authorize_path(scope="openid", nonce="n"))).code
    mixed_up = other_shop.exchange(code, redirect_uri=shop.redirect_uri)
    assert (mixed_up.status_code, mixed_up.json()["error"]) == (400, "invalid_grant")
    assert "id_token" not in mixed_up.json()


def test_code_used_twice_gives_no_second_id_token(john: Browser, shop: ClientApp) -> None:
    code = john.allow(john.open(shop.authorize_path(scope="openid", nonce="n"))).code
    assert "id_token" in shop.exchange(code).json()
    assert shop.exchange(code).json()["error"] == "invalid_grant"


def test_exchange_and_refresh_stay_at_two_round_trips(john: Browser, shop: ClientApp, store: StoreProxy) -> None:
    page = john.open(shop.authorize_path(scope="openid email", claims=json.dumps({"id_token": {"email": None}})))
    code = john.allow(page).code
    with store.count() as calls:
        tokens = shop.exchange(code).json()
        assert "id_token" in shop.refresh(tokens["refresh_token"]).json()
    assert [call.operation for call in calls] == ["BatchGetItem", "TransactWriteItems"] * 2


def test_id_token_header_names_the_key(john: Browser, shop: ClientApp, signing_key: RSAKey) -> None:
    header = shop.connect(john, scope="openid")["id_token"].partition(".")[0]
    assert json.loads(base64.urlsafe_b64decode(header + "==")) == {"alg": "RS256", "kid": "first", "typ": "JWT"}


@pytest.mark.spec("OpenID Connect Core §5.5")
def test_claims_parameter_puts_claims_into_the_id_token_with_the_users_consent(john: Browser, shop: ClientApp) -> None:
    asked = json.dumps({"id_token": {"email": {"essential": True}, "email_verified": None, "phone_number": None}})
    page = john.open(shop.authorize_path(scope="openid", claims=asked))
    assert "See your email address" in page.text, "the consent page says what the claims need"
    tokens = shop.exchange(john.allow(page).code).json()
    assert tokens["scope"] == "openid email"
    refreshed = shop.refresh(tokens["refresh_token"]).json()
    for one in (tokens, refreshed):
        claims = checked(shop.base_url, one["id_token"])
        assert (claims["email"], claims["email_verified"]) == (john.user.email, False)
        assert "phone_number" not in claims
    without = shop.refresh(tokens["refresh_token"], scope="openid").json()
    assert "email" not in checked(shop.base_url, without["id_token"])


def test_used_code_keeps_nothing_about_its_user(john: Browser, shop: ClientApp) -> None:
    asked = json.dumps({"id_token": {"email": None}})
    code = john.allow(john.open(shop.authorize_path(scope="openid", claims=asked))).code
    key = AuthorizationCode.key(credentials.digest(code))
    (waiting,) = storage.read(key)
    assert waiting is not None
    assert john.user.email in str(waiting.id_token_claims)
    shop.exchange(code)
    (used,) = storage.read(key)
    assert used is not None
    assert used.id_token_claims is None


def test_exchange_that_cannot_be_signed_leaves_the_code_unused(
    john: Browser, shop: ClientApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = john.allow(john.open(shop.authorize_path(scope="openid"))).code
    with monkeypatch.context() as without:
        retired: Any = replace(
            settings.SETTINGS, signing_keys=str(settings.SETTINGS.signing_keys).replace("active", "old")
        )
        without.setattr(settings, "SETTINGS", retired)
        assert shop.exchange(code).status_code == 500
    assert "id_token" in shop.exchange(code).json()


@pytest.mark.spec("RFC 8628 §3.5")
def test_device_gets_an_id_token_without_a_time_of_sign_in(john: Browser, shop: ClientApp, clock: Clock) -> None:
    application_edit.edit(
        shop.client_id, name="A shop", redirect_uris=[shop.redirect_uri], profile=Profile(device_grant=True)
    )
    url = shop.base_url + "/api/v1/oauth/device_authorization"
    started = shop.http.post(url, data={"scope": "openid email"}, auth=(shop.client_id, shop.secret)).json()
    john.allow(john.open(started["verification_uri_complete"]))
    clock.advance(started["interval"])
    grant_type = "urn:ietf:params:oauth:grant-type:device_code"
    tokens = shop.call_token(grant_type=grant_type, device_code=started["device_code"]).json()
    claims = checked(shop.base_url, tokens["id_token"])
    assert claims["sub"] == john.user.user_id
    assert not {"auth_time", "sid", "nonce"} & set(claims)
    assert "id_token" in shop.refresh(tokens["refresh_token"]).json()


@pytest.mark.parametrize(
    "claims",
    ["no json", "[]", '{"id_token": []}', '{"userinfo": {"email": 1}}', '{"a":' * 40 + "1" + "}" * 40, '{"a": NaN}'],
)
def test_malformed_claims_are_refused(john: Browser, claims: str) -> None:
    mine = john.register_application("A shop")
    answer = john.open(mine.authorize_path(scope="openid", claims=claims)).answer
    assert answer["error"] == "invalid_request"
    assert answer["error_description"].startswith("claims")


def test_claims_of_great_length_are_refused(john: Browser, shop: ClientApp) -> None:
    long = json.dumps({"id_token": {"x" * 100_000: None}})
    assert john.open(shop.authorize_path(scope="openid", claims=long)).status in (400, 413, 414)
    form = shop.parameters(scope="openid", claims=long)
    pushed = shop.http.post(shop.base_url + "/api/v1/oauth/par", data=form, auth=(shop.client_id, shop.secret))
    assert pushed.status_code in (400, 413)
