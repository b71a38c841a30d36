"""Permissions whose meaning grew: what was allowed before does not count for them until the user has allowed more."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chalicelib.models import grant, store
from chalicelib.models.consent import Consent
from tests.actors import Browser, ClientApp
from tests.catalogues import scope, use
from tests.conftest import Clock
from tests.consent_form import answer
from tests.flows.test_lasting_permissions import connected, introspected, later
from tests.flows.test_optional_permissions import DEVICE_GRANT, begun, device
from tests.public_app import PublicApp

pytestmark = [pytest.mark.spec("docs/permissions.md", "RFC 6749 §3.3"), pytest.mark.usefixtures("_first")]
Change = Callable[..., None]


@pytest.fixture
def change(monkeypatch: pytest.MonkeyPatch) -> Change:
    """Deploy the catalogue with these versions, and so many hours that `pay` lasts."""

    def made(*, hours: int = 0, **versions: int) -> None:
        lines = {name: [f"version = {version}"] for name, version in versions.items()}
        pay = [*lines.get("pay", []), "implies = ['list']", *([f"lasts = '{hours} hours'"] if hours else [])]
        more = scope("see", *lines.get("see", [])) + scope("list", *lines.get("list", []))
        use(monkeypatch, "own_api.list_organizers = 'list'\n" + more + scope("pay", *pay))

    return made


@pytest.fixture
def _first(change: Change) -> None:
    change()


def test_grown_scope_is_gone_from_tokens_and_the_rest_goes_on(john: Browser, shop: ClientApp, change: Change) -> None:
    tokens = connected(shop, john, "see pay")
    change(pay=2)
    assert introspected(shop, tokens["access_token"])["scope"] == "see"
    assert introspected(shop, tokens["refresh_token"])["scope"] == "see"
    assert shop.organizers(tokens["access_token"]).status_code == 403
    assert shop.refresh(tokens["refresh_token"], scope="see pay").json()["scope"] == "see"


def test_grant_of_a_grown_scope_alone_is_over(john: Browser, shop: ClientApp, change: Change) -> None:
    tokens = connected(shop, john, "pay")
    change(pay=2)
    assert (shop.me(tokens["access_token"]).status_code, introspected(shop, tokens["access_token"])) == (
        401,
        {"active": False},
    )
    refused = shop.refresh(tokens["refresh_token"]).json()
    assert refused["error"] == "invalid_grant"
    assert "has changed" in refused["error_description"]


def test_grown_scope_is_asked_for_again_and_given_to_the_new_grant(
    john: Browser, shop: ClientApp, change: Change
) -> None:
    old = connected(shop, john, "see pay", organizer="Small Shows")
    change(pay=2)
    page = john.open(shop.authorize_path(scope="see pay"))
    assert page.left_to is None
    assert "It keeps what you already allowed: see it" in page.text
    assert "pay it This permission now allows more" in page.text
    assert "list it new" in page.text
    new = shop.exchange(answer(john, page).code).json()
    assert new["scope"] == "see pay"
    assert introspected(shop, new["access_token"])["scope"] == "see list pay"
    assert shop.refresh(new["refresh_token"]).json()["scope"] == "see pay"
    assert shop.refresh(old["refresh_token"]).json()["scope"] == "see", "it was allowed for other organizers now"
    assert connected(shop, john, "see pay")["scope"] == "see pay"
    assert john.open(shop.authorize_path(scope="see pay")).left_to is not None, "and is not asked a third time"


def test_scope_that_includes_a_grown_one_grows_with_it(john: Browser, shop: ClientApp, change: Change) -> None:
    tokens = connected(shop, john, "see pay")
    change(list=2)
    assert introspected(shop, tokens["access_token"])["scope"] == "see"
    page = john.open(shop.authorize_path(scope="see pay"))
    for words in ("list it This permission now allows more", "pay it This permission now allows more"):
        assert words in page.text
    new = shop.exchange(answer(john, page).code).json()
    assert introspected(shop, new["access_token"])["scope"] == "see list pay"
    assert john.open(shop.authorize_path(scope="list")).left_to is not None
    change(list=3)
    assert introspected(shop, new["access_token"])["scope"] == "see"


def test_lower_version_than_the_allowed_one_asks_nobody(john: Browser, shop: ClientApp, change: Change) -> None:
    change(pay=2)
    tokens = connected(shop, john, "see pay")
    change()
    assert introspected(shop, tokens["access_token"])["scope"] == "see list pay"
    assert john.open(shop.authorize_path(scope="see pay")).left_to is not None


def test_code_and_device_request_from_before_give_what_has_not_grown(
    john: Browser, shop: ClientApp, change: Change
) -> None:
    app = device(john)
    codes = begun(app, "see pay")
    answer(john, john.open("/device", user_code=codes["user_code"]))
    page = answer(john, john.open(shop.authorize_path(scope="see pay")))
    change(pay=2)
    assert shop.exchange(page.code).json()["scope"] == "see"
    tokens = app.call_token(grant_type=DEVICE_GRANT, device_code=codes["device_code"]).json()
    assert tokens["scope"] == "see"


def test_public_client_loses_it_with_the_next_refresh(john: Browser, change: Change) -> None:
    app = PublicApp.registered_by(john)
    tokens = connected(app, john, "see pay")
    change(pay=2)
    assert app.refresh(tokens["refresh_token"]).json()["scope"] == "see"


def test_list_of_authorized_applications_shows_what_is_left(john: Browser, shop: ClientApp, change: Change) -> None:
    connected(shop, john, "see pay")
    change(pay=2)
    text = john.open("/settings/authorized").text
    assert "see it" in text
    assert "pay it" not in text


def test_grown_scope_can_end_too(john: Browser, shop: ClientApp, change: Change, clock: Clock) -> None:
    clock.stop()
    change(pay=2, hours=2)
    connected(shop, john, "see pay")
    again = connected(shop, john, "pay")
    assert introspected(shop, again["access_token"])["scope"] == "list pay"
    clock.advance(7200)
    assert introspected(shop, again["access_token"]) == {"active": False}
    page = later(john).open(shop.authorize_path(scope="pay"))
    assert "now allows more" not in page.text, "it has ended, not grown"


def test_only_versions_above_the_first_are_stored(john: Browser, shop: ClientApp, change: Change, clock: Clock) -> None:
    clock.stop()
    for versions, stored in (
        ({}, {"see", "pay"}),
        ({"see": 1, "pay": 2}, {"see", "pay#pay=2"}),
        ({"list": 3, "pay": 2, "hours": 1}, {"see", f"pay#list=3,pay=2@{clock.now()}+3600"}),
    ):
        change(**versions)
        connected(shop, john, "see pay")
        consent = store.read(Consent.key(john.user.user_id, shop.client_id))[0]
        assert consent is not None
        assert consent.scopes == stored
        held = grant.held_for(john.user.user_id, shop.client_id)
        assert stored in [set(one.scope.split()) for one in held]
