"""Another platform's permissions: what applications can ask for, and all that follows from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import requests

from chalicelib import permissions
from chalicelib.endpoints.api.lambda_authorizer import Unauthorized, authorizer
from chalicelib.models import application_access
from tests import people
from tests.actors import Browser, ClientApp, Person
from tests.catalogues import use
from tests.conftest import Clock
from tests.consent_form import answer

pytestmark = [pytest.mark.spec("docs/permissions.md"), pytest.mark.usefixtures("_box_office")]
BIG = "Big Events LLC"
SCANNERS = "https://scan.example.com/"


@pytest.fixture
def _box_office(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, permissions.load("box_office"))


def without(name: str) -> permissions.Catalogue:
    """The catalogue once the operator has removed a scope, and everything that includes it."""
    found = permissions.load("box_office")
    return replace(found, scopes={key: scope for key, scope in found.scopes.items() if name not in scope.implies})


def connected(app: ClientApp, browser: Browser, scope: str) -> dict[str, str]:
    """Connect, and select every optional scope too."""
    page = browser.open(app.authorize_path(scope=scope))
    if page.left_to is None:
        selected = [value for field in page.html.select("input[name=scopes]") if (value := str(field["value"]))]
        slugs = [slug for slug, name in browser.user.organizers.items() if name == BIG]
        form = page.form_with("Authorize")
        fields = {**page.fields("Authorize"), "scopes": selected, "organizers": slugs}
        page = browser.send(page, str(form["action"]), fields)
    tokens: dict[str, str] = app.exchange(page.code).json()
    return tokens


def verdict(token: str, method: str, path: str) -> str:
    """The authorizer's, for the scanners' API."""
    arn = f"arn:aws:execute-api:eu-central-1:123456789012:scan1/prod/{method}/{path}"
    found = authorizer({"type": "TOKEN", "authorizationToken": f"Bearer {token}", "methodArn": arn}, {})
    return str(found["policyDocument"]["Statement"][0]["Effect"])


def introspected(app: ClientApp, token: str) -> str:
    url, auth = f"{app.base_url}/api/v1/oauth/introspect", (app.client_id, app.secret)
    return str(requests.post(url, data={"token": token}, auth=auth).json().get("scope"))


def test_metadata_lists_the_scopes_of_the_catalogue(base_url: str) -> None:
    names = ["account", "events.read", "events.write", "orders.read", "orders.refund", "checkin"]
    for document in ("oauth-authorization-server", "oauth-protected-resource"):
        assert requests.get(f"{base_url}/.well-known/{document}").json()["scopes_supported"] == names


def test_description_of_the_api_lists_them_too(base_url: str) -> None:
    described = requests.get(f"{base_url}/api/v1/openapi.json").json()
    flows = described["components"]["securitySchemes"]["oauth2"]["flows"]
    assert flows["authorizationCode"]["scopes"]["orders.refund"] == "Refund orders"
    assert "account" not in flows["clientCredentials"]["scopes"]
    assert "read" not in flows["authorizationCode"]["scopes"]


def test_scope_of_another_catalogue_is_refused(john: Browser, shop: ClientApp) -> None:
    page = john.open(shop.authorize_path(scope="read"))
    assert "invalid_scope : scope must be one or more of: account, events.read," in page.text


def test_consent_page_says_what_is_included_and_what_is_not(john: Browser, shop: ClientApp) -> None:
    page = john.open(shop.authorize_path(scope="orders.refund"))
    text = page.text
    will, _, will_not = text.partition("It will not be able to")
    for words in (
        "See your events",
        "See orders",
        "Refund orders high risk It can pay out your money for 8 hours",
        "See your name",
    ):
        assert words in will, words
    for words in ("Change your events", "Check tickets at the door"):
        assert words in will_not, words
        assert words not in will, words


def test_consent_page_warns_of_a_high_risk(john: Browser, shop: ClientApp) -> None:
    assert "high risk" in john.open(shop.authorize_path(scope="orders.refund")).text
    assert "high risk" not in john.open(shop.authorize_path(scope="orders.read")).text


def test_words_are_in_the_readers_language(base_url: str, shop: ClientApp, a_person: Callable[..., Person]) -> None:
    berta = Browser(base_url, a_person(BIG, locale="de"))
    people.sign_in(berta)
    assert "Bestellungen erstatten" in berta.open(shop.authorize_path(scope="orders.refund")).text


def test_token_allows_what_its_scopes_include(john: Browser, shop: ClientApp) -> None:
    tokens = connected(shop, john, "orders.refund")
    assert tokens["scope"] == "orders.refund", "as it was granted (RFC 6749 §5.1)"
    assert introspected(shop, tokens["access_token"]) == "events.read orders.read orders.refund"
    assert shop.organizers(tokens["access_token"]).status_code == 200
    narrowed = shop.refresh(tokens["refresh_token"], scope="orders.read").json()
    assert narrowed["scope"] == "orders.read"
    assert introspected(shop, narrowed["access_token"]) == "events.read orders.read"


def test_what_is_included_needs_no_second_consent(john: Browser, shop: ClientApp) -> None:
    connected(shop, john, "orders.refund")
    assert john.open(shop.authorize_path(scope="orders.read events.read")).left_to is not None
    page = john.open(shop.authorize_path(scope="checkin"))
    assert page.left_to is None
    assert "Check tickets at the door new" in page.text


def test_missing_scope_is_named_so_that_the_client_can_ask_for_it(john: Browser, shop: ClientApp) -> None:
    tokens = connected(shop, john, "checkin")
    answer = shop.organizers(tokens["access_token"])
    assert answer.status_code == 403
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
    assert 'scope="events.read"' in answer.headers["WWW-Authenticate"]


def test_part_of_our_api_that_the_catalogue_does_not_name_is_switched_off(john: Browser, shop: ClientApp) -> None:
    tokens = connected(shop, john, "events.write")
    slug = next(iter(john.user.organizers))
    answer = shop.call(f"/api/v1/organizers/{slug}", tokens["access_token"], "PATCH", json={"name": "Renamed"})
    assert answer.status_code == 404
    assert "switched this part of the API off" in answer.text


def test_request_that_names_no_scope_gets_the_default(
    john: Browser, shop: ClientApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = john.open(shop.authorize_path(scope=None))
    assert "See your events" in page.text.partition("It will not be able to")[0]
    use(monkeypatch, replace(permissions.load("box_office"), default=()))
    assert "invalid_scope" in john.open(shop.authorize_path(scope=None)).text


def test_scope_that_is_removed_from_the_catalogue_ends_with_the_next_request(
    john: Browser, shop: ClientApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    both, one = connected(shop, john, "orders.read checkin"), connected(shop, john, "orders.read")
    use(monkeypatch, without("orders.read"))
    assert introspected(shop, both["access_token"]) == "checkin"
    assert shop.refresh(both["refresh_token"]).json()["scope"] == "checkin"
    answer = shop.refresh(one["refresh_token"]).json()
    assert answer["error"] == "invalid_grant"
    assert "no longer exist" in answer["error_description"]
    assert "orders" not in john.open("/settings/authorized").text


def test_application_of_its_own_gets_what_its_scopes_include(
    john: Browser, shop: ClientApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    application_access.allow(shop.client_id, ["orders.refund"], list(john.user.organizers))
    token = shop.call_token(grant_type="client_credentials", scope="events.read").json()
    assert token["scope"] == "events.read"
    assert shop.organizers(token["access_token"]).status_code == 200
    use(monkeypatch, without("orders.refund"))
    assert shop.organizers(token["access_token"]).status_code == 403
    assert shop.call_token(grant_type="client_credentials").json()["error"] == "unauthorized_client"


def test_refunds_end_after_eight_hours_and_reading_goes_on(john: Browser, shop: ClientApp, clock: Clock) -> None:
    clock.stop()
    tokens = connected(shop, john, "orders.read orders.refund")
    assert "Refund orders high risk It can pay out your money until " in john.open("/settings/authorized").text
    clock.advance(8 * 3600 - 1)
    assert introspected(shop, tokens["access_token"]) == "events.read orders.read orders.refund"
    clock.advance(1)
    assert introspected(shop, tokens["access_token"]) == "events.read orders.read"
    assert shop.refresh(tokens["refresh_token"]).json()["scope"] == "orders.read"


@pytest.mark.spec("RFC 8707 §2.2")
def test_scanner_gets_short_tokens_for_the_door_and_nothing_else(
    john: Browser, shop: ClientApp, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.stop()
    use(monkeypatch, permissions.load("box_office"), apis=f"scan1 {SCANNERS}")
    page = john.open(shop.authorize_path(scope="checkin orders.read", resource=SCANNERS))
    assert f"At “Ticket scanning” ( {SCANNERS} ) and nowhere else." in page.text
    assert "See orders" not in page.text.partition("It will not be able to")[0]
    tokens = shop.exchange(answer(john, page, "checkin").code).json()
    assert (tokens["scope"], tokens["expires_in"]) == ("checkin", 900)
    assert verdict(tokens["access_token"], "POST", "tickets/5") == "Allow"
    assert verdict(tokens["access_token"], "GET", "events") == "Deny"
    assert shop.organizers(tokens["access_token"]).status_code == 401
    clock.advance(900)
    with pytest.raises(Unauthorized):
        verdict(tokens["access_token"], "POST", "tickets/5")
    fresh = shop.refresh(tokens["refresh_token"]).json()
    assert (fresh["scope"], fresh["expires_in"]) == ("checkin", 900)


def test_scopes_that_clients_add_by_habit_are_left_out(john: Browser, shop: ClientApp) -> None:
    page = john.open(shop.authorize_path(scope="openid profile email offline_access checkin"))
    assert shop.exchange(john.allow(page, BIG).code).json()["scope"] == "checkin"


def test_what_developers_copy_asks_for_the_default_scopes(john: Browser) -> None:
    app = john.register_application("Mine")
    own = f"/settings/applications/{app.client_id}"
    assert "scope=events.read" in john.open(own).text
    assert "scope=events.read" in john.open(f"{own}/connect").text
    assert "events.write" in john.open("/guide").text
