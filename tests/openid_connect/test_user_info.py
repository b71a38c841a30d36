"""UserInfo: the claims that the user allowed (OpenID Connect Core §5.3), and what is proven of them (§5.1)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests

from chalicelib.models import application_access, user
from tests.actors import Browser, ClientApp, Person
from tests.mailbox import Mailbox
from tests.openid_connect.sign_in import checked, signed_in, user_info
from tests.store_proxy import StoreProxy

pytestmark = [pytest.mark.spec("OpenID Connect Core §5.3"), pytest.mark.usefixtures("signing_key")]
EVERYTHING = "openid profile email"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_user_info_has_the_claims_of_the_allowed_scopes(john: Browser, shop: ClientApp, method: str) -> None:
    token = shop.connect(john, scope=EVERYTHING)["access_token"]
    answer = user_info(shop, token, method)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {
        "sub": john.user.user_id,
        "name": "John Doe",
        "locale": "en",
        "zoneinfo": "Europe/Berlin",
        "email": john.user.email,
        "email_verified": False,
    }


@pytest.mark.parametrize(
    ("scope", "names"),
    [("openid", {"sub"}), ("openid email", {"sub", "email", "email_verified"}), ("openid read", {"sub"})],
)
def test_user_info_has_no_other_claims(john: Browser, shop: ClientApp, scope: str, names: set[str]) -> None:
    token = shop.connect(john, *(["Small Shows"] if "read" in scope else []), scope=scope)["access_token"]
    assert set(user_info(shop, token).json()) == names


def test_sub_is_the_same_wherever_it_is(john: Browser, shop: ClientApp) -> None:
    tokens = shop.connect(john, scope="openid")
    url = shop.base_url + "/api/v1/oauth/introspect"
    introspected = [
        shop.http.post(url, data={"token": tokens[kind]}, auth=(shop.client_id, shop.secret)).json()["sub"]
        for kind in ("access_token", "refresh_token")
    ]
    told = checked(shop.base_url, tokens["id_token"])["sub"]
    said = user_info(shop, tokens["access_token"]).json()["sub"]
    mine = shop.me(tokens["access_token"]).json()["sub"]
    assert {told, said, mine, *introspected} == {john.user.user_id}


def test_user_info_takes_one_round_trip(john: Browser, shop: ClientApp, store: StoreProxy) -> None:
    token = shop.connect(john, scope=EVERYTHING)["access_token"]
    with store.count() as calls:
        assert user_info(shop, token).status_code == 200
    assert [call.operation for call in calls] == ["BatchGetItem"]


@pytest.mark.spec("RFC 6750 §3.1")
def test_token_without_openid_has_too_little_scope(john: Browser, shop: ClientApp) -> None:
    answer = user_info(shop, shop.connect(john, "Small Shows")["access_token"])
    assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")
    assert 'scope="openid"' in _challenge(answer)


@pytest.mark.spec("RFC 6750 §3.1")
def test_missing_token_and_bad_token_are_challenged(shop: ClientApp) -> None:
    assert user_info(shop, None).status_code == 401
    assert "error=" not in _challenge(user_info(shop, None))
    bad = user_info(shop, "lyat_nonsense")
    assert (bad.status_code, bad.json()["error"]) == (401, "invalid_token")
    sent = requests.get(shop.base_url + "/api/v1/userinfo", params={"access_token": "x"}, timeout=30)
    assert sent.status_code == 401


def _challenge(answer: requests.Response) -> str:
    return next(value for name, value in answer.headers.items() if name.lower().endswith("www-authenticate"))


def test_disabled_user_is_described_no_longer(john: Browser, shop: ClientApp) -> None:
    token = shop.connect(john, scope=EVERYTHING)["access_token"]
    user.disable(john.user.user_id)
    assert user_info(shop, token).status_code == 401


def test_own_token_of_an_application_describes_nobody(shop: ClientApp, a_person: Callable[..., Person]) -> None:
    application_access.allow(shop.client_id, ["read"], [next(iter(a_person("Big Events LLC").organizers))])
    token = shop.call_token(grant_type="client_credentials").json()["access_token"]
    assert user_info(shop, token).status_code == 403


def test_token_for_our_own_api_is_good_at_user_info(john: Browser, shop: ClientApp) -> None:
    token = shop.connect(john, scope="openid", resource=shop.base_url)["access_token"]
    assert user_info(shop, token).status_code == 200


@pytest.mark.spec("OpenID Connect Core §5.1")
def test_address_is_verified_once_its_owner_used_a_mailed_link(
    base_url: str, john: Browser, shop: ClientApp, mailbox: Mailbox
) -> None:
    tokens = shop.connect(john, scope="openid email")
    assert user_info(shop, tokens["access_token"]).json()["email_verified"] is False
    browser = Browser(base_url)
    browser.press(browser.open("/password/reset"), "Send", email=john.user.email)
    link = mailbox.link(john.user.email)
    browser.press(browser.open(link), "Change password", password="another long passphrase")
    assert user_info(shop, tokens["access_token"]).json()["email_verified"] is True


def test_address_that_the_platform_changes_has_to_be_proven_anew(john: Browser, shop: ClientApp) -> None:
    found = user.find_by_email(john.user.email)
    assert found is not None
    found.verified_email = found.email
    assert found.has_verified_email
    found.email = "someone.else@example.org"
    assert not found.has_verified_email


def test_id_token_and_user_info_are_about_the_same_user(john: Browser, eve: Browser, shop: ClientApp) -> None:
    assert signed_in(shop, john)["sub"] != signed_in(shop, eve)["sub"]
