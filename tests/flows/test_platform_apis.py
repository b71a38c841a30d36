"""The platform's own APIs in the permission catalogue: what a token for one of them allows, and for how long."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from chalicelib import limits
from chalicelib.endpoints.api.lambda_authorizer import Unauthorized, authorizer
from chalicelib.models import application_access
from tests.actors import Browser, ClientApp
from tests.catalogues import scope, use
from tests.conftest import Clock
from tests.consent_form import answer, boxes
from tests.flows.test_lasting_permissions import introspected
from tests.flows.test_optional_permissions import DEVICE_GRANT, device
from tests.public_app import PublicApp

pytestmark = [pytest.mark.spec("docs/permissions.md", "RFC 8707 §2.2"), pytest.mark.usefixtures("_catalogue")]
DOOR = "https://door.example.com/scan"
Decide = Callable[..., int]


def catalogue(*door: str) -> str:
    """door: the lines of the API at the door."""
    door = door or ("scopes = ['scan', 'list']", "token_lifetime = '15 minutes'", "required_scopes = ['GET /* scan']")
    return (
        "default = ['see', 'scan']\nown_api.list_organizers = 'list'\n"
        + scope("me", "organizers = false", "always = true")
        + scope("see")
        + scope("list")
        + scope("scan", "implies = ['list', 'see']")
        + scope("pay", "optional = true", "implies = ['see']")
        + f'[resources."{DOOR}/"]\n'
        + "\n".join([*door, 'title = { en = "The door", de = "Der Einlass" }'])
    )


@pytest.fixture
def _catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, catalogue(), apis=f"abc123 {DOOR}/")


def connected(app: ClientApp, browser: Browser, **changed: str | None) -> dict[str, Any]:
    page = browser.open(app.authorize_path(**changed))
    page = page if page.left_to else answer(browser, page)
    found: dict[str, Any] = app.exchange(page.code).json()
    return found


@pytest.fixture
def decide() -> Decide:
    """The status that the API gives a request, by the authorizer's verdict."""

    def made(token: str, method: str = "GET", api: str = "abc123") -> int:
        arn = f"arn:aws:execute-api:eu-central-1:123456789012:{api}/prod/{method}/tickets"
        try:
            found = authorizer({"type": "TOKEN", "authorizationToken": f"Bearer {token}", "methodArn": arn}, {})
        except Unauthorized:
            return 401
        return 200 if found["policyDocument"]["Statement"][0]["Effect"] == "Allow" else 403

    return made


def test_token_for_an_api_has_the_scopes_that_it_knows(john: Browser, shop: ClientApp) -> None:
    page = john.open(shop.authorize_path(scope="see scan pay", resource=DOOR))
    will, _, _ = page.text.partition("It will not be able to")
    for words in ("scan it", "list it", f"At “The door” ( {DOOR}/ ) and nowhere else."):
        assert words in will, words
    for words in ("see it", "me it"):
        assert words not in will, "not even what scopes include, or what every application may do"
    assert boxes(page) == {}
    tokens = shop.exchange(answer(john, page).code).json()
    assert tokens["scope"] == "scan"
    found = introspected(shop, tokens["access_token"])
    assert (found["scope"], found["aud"]) == ("list scan", f"{DOOR}/")
    assert introspected(shop, tokens["refresh_token"])["scope"] == "scan"
    assert shop.me(tokens["access_token"]).status_code == 401, "it is for another API"


def test_request_without_a_scope_that_the_api_knows_is_refused(john: Browser, shop: ClientApp) -> None:
    for asked in ("see", "pay see"):
        page = john.open(shop.authorize_path(scope=asked, resource=DOOR))
        assert "invalid_scope : scope must be one or more of those for this resource: list, scan." in page.text
    assert "scan it" in john.open(shop.authorize_path(scope=None, resource=DOOR)).text, "from the default"


def test_token_for_an_api_lives_as_long_as_the_catalogue_says(
    john: Browser, shop: ClientApp, clock: Clock, decide: Decide
) -> None:
    clock.stop()
    tokens = connected(shop, john, scope="scan", resource=DOOR)
    assert tokens["expires_in"] == 900
    found = introspected(shop, tokens["access_token"])
    assert found["exp"] - found["iat"] == 900
    clock.advance(899)
    assert decide(tokens["access_token"]) == 200
    clock.advance(1)
    assert decide(tokens["access_token"]) == 401
    fresh = shop.refresh(tokens["refresh_token"]).json()
    assert (fresh["expires_in"], fresh["scope"]) == (900, "scan")
    assert decide(fresh["access_token"]) == 200


def test_refresh_narrows_to_an_api_and_back(john: Browser, shop: ClientApp) -> None:
    tokens = connected(shop, john, scope="see scan")
    assert tokens["expires_in"] == limits.ACCESS_TOKEN_LIFETIME_SECONDS
    narrow = shop.refresh(tokens["refresh_token"], resource=DOOR).json()
    assert (narrow["scope"], narrow["expires_in"]) == ("scan", 900)
    wide = shop.refresh(tokens["refresh_token"]).json()
    assert (wide["scope"], wide["expires_in"]) == ("see scan", limits.ACCESS_TOKEN_LIFETIME_SECONDS)
    refused = shop.refresh(tokens["refresh_token"], resource=DOOR, scope="see").json()
    assert refused["error"] == "invalid_scope"
    assert introspected(shop, wide["access_token"])["active"] is True, "a refused refresh ends nothing"


def test_code_is_not_used_up_by_a_request_for_an_api_that_knows_none_of_its_scopes(
    john: Browser, shop: ClientApp
) -> None:
    code = answer(john, john.open(shop.authorize_path(scope="see"))).code
    assert shop.exchange(code, resource=DOOR).json()["error"] == "invalid_scope"
    assert shop.exchange(code).json()["scope"] == "see"


def test_public_client_repeats_a_refresh_for_an_api(john: Browser, clock: Clock) -> None:
    clock.stop()
    app = PublicApp.registered_by(john)
    tokens = connected(app, john, scope="scan", resource=DOOR)
    assert app.refresh(tokens["refresh_token"]).json()["expires_in"] == 900
    clock.advance(10)
    assert app.refresh(tokens["refresh_token"]).json()["expires_in"] == 890


def test_device_asks_for_an_api(john: Browser) -> None:
    app = device(john)
    url, auth = f"{app.base_url}/api/v1/oauth/device_authorization", (app.client_id, app.secret)
    refused = app.http.post(url, data={"scope": "see", "resource": DOOR}, auth=auth).json()
    assert refused["error"] == "invalid_scope"
    codes = app.http.post(url, data={"scope": "see scan", "resource": DOOR}, auth=auth).json()
    page = john.open("/device", user_code=codes["user_code"])
    assert "see it" not in page.text.partition("It will not be able to")[0]
    answer(john, page)
    tokens = app.call_token(grant_type=DEVICE_GRANT, device_code=codes["device_code"]).json()
    assert (tokens["scope"], tokens["expires_in"]) == ("scan", 900)


def test_application_of_its_own_gets_a_token_for_an_api(john: Browser, shop: ClientApp, decide: Decide) -> None:
    application_access.allow(shop.client_id, ["scan", "see"], list(john.user.organizers))
    token = shop.call_token(grant_type="client_credentials", resource=DOOR).json()
    assert (token["scope"], token["expires_in"]) == ("scan", 900)
    assert decide(token["access_token"]) == 200
    refused = shop.call_token(grant_type="client_credentials", resource=DOOR, scope="see").json()
    assert refused["error"] == "invalid_scope"


def test_authorizer_has_the_rules_of_the_catalogue(john: Browser, shop: ClientApp, decide: Decide) -> None:
    for_door = connected(shop, john, scope="scan", resource=DOOR)["access_token"]
    assert decide(for_door) == 200
    assert decide(for_door, "POST") == 403, "no rule for this route"
    assert decide(for_door, api="other9") == 401
    listing = connected(shop, john, scope="list", resource=DOOR)["access_token"]
    assert decide(listing) == 403


def test_scope_that_an_api_no_longer_knows_is_gone_from_its_tokens(
    john: Browser, shop: ClientApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = connected(shop, john, scope="scan list", resource=DOOR)
    use(monkeypatch, catalogue("scopes = ['list']"))
    assert introspected(shop, tokens["access_token"])["scope"] == "list"
    assert shop.refresh(tokens["refresh_token"]).json()["scope"] == "list"
    use(monkeypatch, catalogue("scopes = ['pay']"))
    assert introspected(shop, tokens["access_token"]) == {"active": False}
    assert introspected(shop, tokens["refresh_token"]) == {"active": False}
    assert shop.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


@pytest.mark.spec("RFC 9728 §4")
def test_metadata_lists_the_platforms_apis(base_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = requests.get(f"{base_url}/.well-known/oauth-authorization-server").json()["protected_resources"]
    assert listed == [base_url, f"{DOOR}/"]
    own = requests.get(f"{base_url}/.well-known/oauth-protected-resource").json()
    assert own["scopes_supported"] == ["me", "see", "list", "scan", "pay"]
    use(monkeypatch, catalogue() + f"\n[resources.\"{base_url}\"]\nscopes = ['list', 'see']\n")
    own = requests.get(f"{base_url}/.well-known/oauth-protected-resource").json()
    assert own["scopes_supported"] == ["see", "list"]
    listed = requests.get(f"{base_url}/.well-known/oauth-authorization-server").json()["protected_resources"]
    assert listed == [f"{DOOR}/", base_url]
    use(monkeypatch, scope("see"))
    assert "protected_resources" not in requests.get(f"{base_url}/.well-known/oauth-authorization-server").json()


def test_consent_for_one_api_is_remembered_neither_for_another_nor_for_all(
    john: Browser, shop: ClientApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = "https://music.example.com"
    use(monkeypatch, catalogue() + f'\n[resources."{other}"]\nscopes = ["scan", "list", "see"]\n')
    first = john.open(shop.authorize_path(scope="scan", resource=DOOR))
    assert "and nowhere else" in first.text
    answer(john, first)
    assert john.open(shop.authorize_path(scope="list", resource=DOOR)).left_to
    for resource in (None, other):
        page = john.open(shop.authorize_path(scope="scan", resource=resource))
        assert not page.left_to, "a token that works elsewhere is not what the user allowed"
        assert "It keeps what you already allowed" not in page.text
        assert "scan it new" in page.text
    answer(john, john.open(shop.authorize_path(scope="scan", resource=None)))
    for resource in (None, other, DOOR):
        assert john.open(shop.authorize_path(scope="scan", resource=resource)).left_to, resource
