"""Permissions that end after hours or days, while the rest of the grant goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from chalicelib.endpoints.api.lambda_authorizer import Unauthorized, authorizer
from chalicelib.models import grant, store
from chalicelib.models.consent import Consent
from tests import people
from tests.actors import Browser, ClientApp
from tests.catalogues import scope, use
from tests.conftest import Clock
from tests.consent_form import answer
from tests.flows.test_optional_permissions import DEVICE_GRANT, begun, device
from tests.public_app import PublicApp
from tests.store_proxy import StoreProxy

pytestmark = [pytest.mark.spec("docs/permissions.md", "RFC 6749 §3.3"), pytest.mark.usefixtures("_lasting")]
HOUR = 3600
END = 8 * HOUR
PAY = ("implies = ['list']", "risk = 'high'", 'lasts = "8 hours"')
ARN = "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/GET/tickets"


def catalogue(*pay: str) -> str:
    own_api = "own_api.list_organizers = 'list'\n"
    return own_api + scope("see") + scope("list") + scope("pay", *pay) + scope("pin", "lasts = '1 day'")


@pytest.fixture
def _lasting(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    use(monkeypatch, catalogue(*PAY))
    clock.stop()


def connected(app: ClientApp, browser: Browser, scope: str, organizer: str = "Big Events LLC") -> dict[str, Any]:
    page = browser.open(app.authorize_path(scope=scope))
    page = page if page.left_to else answer(browser, page, organizer=organizer)
    found: dict[str, Any] = app.exchange(page.code).json()
    return found


def introspected(app: ClientApp, token: str) -> dict[str, Any]:
    url, auth = f"{app.base_url}/api/v1/oauth/introspect", (app.client_id, app.secret)
    found: dict[str, Any] = requests.post(url, data={"token": token}, auth=auth).json()
    return found


def later(browser: Browser) -> Browser:
    """The same person with a new session."""
    again = Browser(browser.base_url, browser.user)
    people.sign_in(again)
    return again


def test_scope_is_gone_from_its_end_and_the_rest_goes_on(john: Browser, shop: ClientApp, clock: Clock) -> None:
    tokens = connected(shop, john, "see pay")
    assert (tokens["scope"], tokens["expires_in"]) == ("see pay", 86_400)
    clock.advance(END - 1)
    assert introspected(shop, tokens["access_token"])["scope"] == "see list pay"
    assert shop.organizers(tokens["access_token"]).status_code == 200
    clock.advance(1)
    assert introspected(shop, tokens["access_token"])["scope"] == "see"
    assert introspected(shop, tokens["refresh_token"])["scope"] == "see"
    assert shop.organizers(tokens["access_token"]).status_code == 403
    assert shop.me(tokens["access_token"]).status_code == 200
    assert (
        authorizer({"type": "TOKEN", "authorizationToken": f"Bearer {tokens['access_token']}", "methodArn": ARN}, {})[
            "context"
        ]["scope"]
        == "see"
    )
    refreshed = shop.refresh(tokens["refresh_token"]).json()
    assert refreshed["scope"] == "see"
    assert introspected(shop, refreshed["access_token"])["scope"] == "see"


def test_client_that_keeps_sending_the_scope_it_was_granted_gets_what_is_left(
    john: Browser, shop: ClientApp, clock: Clock
) -> None:
    tokens = connected(shop, john, "see pay")
    clock.advance(END)
    assert shop.refresh(tokens["refresh_token"], scope="see pay").json()["scope"] == "see"
    for scope_ in ("pay", "see pin"):
        assert shop.refresh(tokens["refresh_token"], scope=scope_).json()["error"] == "invalid_scope", scope_


def test_grant_of_which_nothing_is_left_is_over(john: Browser, shop: ClientApp, clock: Clock) -> None:
    tokens = connected(shop, john, "pay")
    clock.advance(END)
    refused = shop.me(tokens["access_token"])
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_token")
    for kind in ("access_token", "refresh_token"):
        assert introspected(shop, tokens[kind]) == {"active": False}
    with pytest.raises(Unauthorized):
        authorizer({"type": "TOKEN", "authorizationToken": f"Bearer {tokens['access_token']}", "methodArn": ARN}, {})
    answer = shop.refresh(tokens["refresh_token"])
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert "has ended" in answer.json()["error_description"]


def test_code_that_is_exchanged_after_the_end_gives_nothing(john: Browser, shop: ClientApp, clock: Clock) -> None:
    connected(shop, john, "pay")
    clock.advance(END - 30)
    page = later(john).open(shop.authorize_path(scope="pay"))
    clock.advance(30)
    assert shop.exchange(page.code).json()["error"] == "invalid_grant"


def test_remembered_consent_does_not_put_the_end_off(john: Browser, shop: ClientApp, clock: Clock) -> None:
    connected(shop, john, "see pay")
    clock.advance(END - HOUR)
    for asked, left in (("see pay", "see"), ("list", None)):
        again = connected(shop, later(john), asked)
        assert again["scope"] == asked, "allowed without asking"
        assert introspected(shop, again["refresh_token"])["active"] is True
        clock.advance(HOUR)
        assert introspected(shop, again["access_token"]).get("scope") == left, "what came with it ends with it"
        clock.advance(-HOUR)
    clock.advance(HOUR)
    page = later(john).open(shop.authorize_path(scope="see pay"))
    assert page.left_to is None, "asked again from its end"
    assert "It keeps what you already allowed: see it" in page.text
    assert later(john).open(shop.authorize_path(scope="see")).left_to is not None


def test_allowing_it_again_starts_the_time_anew_for_the_new_grant_only(
    john: Browser, shop: ClientApp, clock: Clock
) -> None:
    old = connected(shop, john, "see pay", organizer="Small Shows")
    clock.advance(END)
    new = connected(shop, later(john), "see pay")
    assert shop.refresh(old["refresh_token"]).json()["scope"] == "see", "it was allowed for other organizers now"
    clock.advance(END - 1)
    assert introspected(shop, new["access_token"])["scope"] == "see list pay"
    assert later(john).open(shop.authorize_path(scope="see pay")).left_to is not None
    clock.advance(1)
    assert introspected(shop, new["access_token"])["scope"] == "see"


def test_public_client_repeats_a_refresh_across_the_end(john: Browser, clock: Clock) -> None:
    app = PublicApp.registered_by(john)
    tokens = connected(app, john, "see pay")
    clock.advance(END - 10)
    assert app.refresh(tokens["refresh_token"]).json()["scope"] == "see pay"
    clock.advance(10)
    repeated = app.refresh(tokens["refresh_token"]).json()
    assert repeated["scope"] == "see"
    assert app.refresh(repeated["refresh_token"]).json()["scope"] == "see"


def test_device_keeps_it_from_when_the_user_allowed_it(john: Browser, clock: Clock) -> None:
    app = device(john)
    codes = begun(app, "see pay")
    answer(john, john.open("/device", user_code=codes["user_code"]))
    clock.advance(60)
    tokens = app.call_token(grant_type=DEVICE_GRANT, device_code=codes["device_code"]).json()
    assert tokens["scope"] == "see pay"
    clock.advance(END - 60)
    assert app.refresh(tokens["refresh_token"]).json()["scope"] == "see"


def test_people_are_told_for_how_long_and_until_when(
    john: Browser, shop: ClientApp, clock: Clock, a_person: Callable[..., Any]
) -> None:
    page = john.open(shop.authorize_path(scope="see pay pin"))
    will = page.text.partition("It will not be able to")[0]
    assert "see it list it for 8 hours pay it high risk for 8 hours pin it for 1 day" in will
    shop.exchange(answer(john, page).code)
    text = john.open("/settings/authorized").text
    assert text.count("until ") == 3
    clock.advance(END)
    listed = later(john).open("/settings/authorized").text
    assert "pay it" not in listed
    assert "list it" not in listed
    assert listed.count("until ") == 1
    berta = Browser(john.base_url, a_person("Big Events LLC", locale="de"))
    people.sign_in(berta)
    assert "pay es hohes Risiko für 8 Stunden" in berta.open(shop.authorize_path(scope="pay")).text


def test_change_of_the_catalogue_brings_an_end_forward_and_never_puts_it_off(
    john: Browser, shop: ClientApp, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = connected(shop, john, "see pay")
    clock.advance(HOUR)
    for lasts, scope_ in (
        ('lasts = "1 hour"', "see"),
        ('lasts = "9 hours"', "see list pay"),
        ("", "see list pay"),
    ):
        use(monkeypatch, catalogue(*PAY[:2], lasts))
        assert introspected(shop, tokens["access_token"])["scope"] == scope_, lasts
    clock.advance(END - HOUR)
    for lasts in ('lasts = "9 hours"', ""):
        use(monkeypatch, catalogue(*PAY[:2], lasts))
        assert introspected(shop, tokens["access_token"])["scope"] == "see", lasts


def test_scope_that_was_allowed_before_it_had_an_end_has_ended(
    john: Browser, shop: ClientApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, catalogue(*PAY[:2]))
    tokens = connected(shop, john, "see pay")
    use(monkeypatch, catalogue(*PAY))
    assert introspected(shop, tokens["access_token"])["scope"] == "see"
    assert john.open(shop.authorize_path(scope="see pay")).left_to is None


def test_only_what_ends_is_stored_with_its_moment(john: Browser, shop: ClientApp, clock: Clock) -> None:
    given, began = connected(shop, john, "see pay"), clock.now()
    consent = store.read(Consent.key(john.user.user_id, shop.client_id))[0]
    (held,) = grant.held_for(john.user.user_id, shop.client_id)
    assert consent is not None
    assert consent.scopes == {"see", f"pay@{began}+{END}"}
    assert consent.remembered_at == {f"{shop.redirect_uri.removesuffix('/callback')} pay@{began}+{END} see"}
    assert held.scope == f"see pay@{began}+{END}"
    assert given["scope"] == "see pay"


def test_check_and_refresh_cost_what_they_cost_without_an_end(
    john: Browser, shop: ClientApp, clock: Clock, store: StoreProxy
) -> None:
    tokens = connected(shop, john, "see pay")
    clock.advance(END)
    assert shop.me(tokens["access_token"]).status_code == 200, "which records the use of the grant"
    with store.count() as calls:
        assert shop.organizers(tokens["access_token"]).status_code == 403
    assert [call.operation for call in calls] == ["BatchGetItem"]
    with store.count() as calls:
        assert shop.refresh(tokens["refresh_token"]).status_code == 200
    assert [call.operation for call in calls] == ["BatchGetItem", "TransactWriteItems"]
