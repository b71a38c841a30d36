"""What an identity provider says of a sign-in is told to applications, and nothing that it did not say."""

from __future__ import annotations

from typing import Any

import pytest
from joserfc.jwk import RSAKey

from tests.actors import Browser, ClientApp
from tests.openid_connect.sign_in import checked, user_info
from tests.openid_provider import OpenIDProvider
from tests.openid_sign_in import sign_in, somebody

pytestmark = pytest.mark.spec("OpenID Connect Core §2")


@pytest.fixture
def browser(base_url: str, signing_key: RSAKey, provider: OpenIDProvider) -> Browser:
    """A browser in which nobody is signed in, at a stage that signs."""
    return Browser(base_url)


def told(app: ClientApp, browser: Browser) -> tuple[dict[str, Any], dict[str, Any]]:
    tokens = app.connect(browser, scope="openid email")
    return checked(app.base_url, tokens["id_token"]), user_info(app, tokens["access_token"]).json()


def test_amr_acr_and_verified_address_are_those_of_the_provider(
    browser: Browser, provider: OpenIDProvider, shop: ClientApp
) -> None:
    sign_in(browser, provider, somebody(amr=["pwd", "otp"], acr="urn:example:gold"))
    id_token, info = told(shop, browser)
    assert (id_token["amr"], id_token["acr"]) == (["pwd", "otp"], "urn:example:gold")
    assert info["email_verified"] is True


def test_provider_that_says_nothing_is_not_quoted(browser: Browser, provider: OpenIDProvider, shop: ClientApp) -> None:
    sign_in(browser, provider, somebody())
    id_token, _ = told(shop, browser)
    assert not {"amr", "acr"} & set(id_token)


@pytest.mark.parametrize(
    ("amr", "acr"), [("pwd", 1), ([1, None, "with space", "x" * 200], "two words"), ({"pwd": 1}, ""), (["ü"], [])]
)
def test_odd_words_of_the_provider_are_left_out(
    browser: Browser, provider: OpenIDProvider, shop: ClientApp, amr: Any, acr: Any
) -> None:
    assert sign_in(browser, provider, somebody(amr=amr, acr=acr)).status == 200
    id_token, _ = told(shop, browser)
    assert not {"amr", "acr"} & set(id_token)


def test_essential_acr_that_the_provider_said_is_met(
    browser: Browser, provider: OpenIDProvider, shop: ClientApp
) -> None:
    sign_in(browser, provider, somebody(acr="urn:example:gold"))
    asked = '{"id_token": {"acr": {"essential": true, "value": "urn:example:gold"}}}'
    page = browser.open(shop.authorize_path(scope="openid", claims=asked))
    assert browser.allow(page).code
