"""Permissions that the user may leave out, in a browser and for a device."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.actors import Browser, ClientApp, Page
from tests.catalogues import scope, use
from tests.consent_form import answer, boxes

pytestmark = [pytest.mark.spec("docs/permissions.md", "RFC 6749 §3.3"), pytest.mark.usefixtures("_optional")]
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
CATALOGUE = (
    scope("see")
    + scope("sell", "optional = true")
    + scope("pay", "optional = true", "risk = 'high'", "implies = ['list']")
    + scope("list", "optional = true")
    + scope("plan", "implies = ['list']")
    + scope("mail", "optional = true", "organizers = false")
    + scope("call", "organizers = false")
)


@pytest.fixture
def _optional(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, CATALOGUE)


def granted(app: ClientApp, page: Page) -> str:
    return str(app.exchange(page.code).json()["scope"])


def test_optional_scope_is_selected_at_first_unless_it_is_risky(john: Browser, shop: ClientApp) -> None:
    page = john.open(shop.authorize_path(scope="see sell pay"))
    assert boxes(page) == {"sell": True, "pay": False}
    will, _, will_not = page.text.partition("It will not be able to")
    assert "list it" in will, "what a risky one includes stands beside it"
    assert "sell it" not in will_not
    assert granted(shop, answer(john, page, "sell")) == "see sell"


def test_user_leaves_out_what_is_optional_and_nothing_else(john: Browser, shop: ClientApp) -> None:
    page = john.open(shop.authorize_path(scope="see sell mail"))
    assert granted(shop, answer(john, page)) == "see"
    page = john.open(shop.authorize_path(scope="see sell mail"))
    assert page.left_to is None, "what was left out is asked again"
    assert "It keeps what you already allowed: see it And if you select it sell it new" in page.text
    assert granted(shop, answer(john, page, "sell", "mail")) == "see sell mail"
    assert john.open(shop.authorize_path(scope="see sell mail")).left_to is not None


def test_selecting_what_was_not_asked_for_gives_nothing(john: Browser, shop: ClientApp) -> None:
    page = john.open(shop.authorize_path(scope="see sell"))
    assert granted(shop, answer(john, page, "pay", "list", "sell", "nonsense")) == "see sell"


def test_scope_that_comes_with_one_which_stays_cannot_be_left_out(john: Browser, shop: ClientApp) -> None:
    assert boxes(john.open(shop.authorize_path(scope="list pay plan"))) == {"pay": False}
    assert boxes(john.open(shop.authorize_path(scope="list"))) == {"list": True}


def test_scope_that_comes_with_an_optional_one_can_be_left_out_too(john: Browser, shop: ClientApp) -> None:
    page = john.open(shop.authorize_path(scope="see list pay"))
    assert boxes(page) == {"pay": False, "list": True}
    assert granted(shop, answer(john, page)) == "see"


def test_leaving_out_everything_is_no_permission(john: Browser, shop: ClientApp) -> None:
    page = answer(john, john.open(shop.authorize_path(scope="sell pay")), "sell", decision="filter")
    assert boxes(page) == {"sell": True, "pay": False}, "what was selected stays so while a search is shown"
    page = answer(john, page)
    assert page.status == 400
    assert "Choose at least one permission, or deny." in page.text
    assert boxes(page) == {"sell": False, "pay": False}
    assert granted(shop, answer(john, page, "pay")) == "pay"


def test_without_a_scope_for_organizers_none_has_to_be_selected(john: Browser, shop: ClientApp) -> None:
    page = john.open(shop.authorize_path(scope="sell mail"))
    assert granted(shop, answer(john, page, "mail", organizer="")) == "mail"


def device(developer: Browser) -> ClientApp:
    """An application with the device grant."""
    app = developer.register_application("TV")
    devices = "Devices without a browser People connect them by entering a code. They need no redirect URL."
    developer.press(developer.open(f"/settings/applications/{app.client_id}"), "Save", tick=[devices])
    return app


def begun(app: ClientApp, scope: str) -> dict[str, str]:
    url = f"{app.base_url}/api/v1/oauth/device_authorization"
    found: dict[str, str] = app.http.post(url, data={"scope": scope}, auth=(app.client_id, app.secret)).json()
    return found


def test_device_gets_what_its_user_selected(john: Browser) -> None:
    app = device(john)
    codes = begun(app, "see sell mail")
    page = john.open("/device", user_code=codes["user_code"])
    assert boxes(page) == {"sell": True, "mail": True}
    answer(john, page, "mail")
    tokens = app.call_token(grant_type=DEVICE_GRANT, device_code=codes["device_code"]).json()
    assert tokens["scope"] == "see mail"


def test_person_without_an_organizer_allows_what_needs_none(a_browser: Callable[..., Browser], shop: ClientApp) -> None:
    nobody = a_browser()
    page = nobody.open(shop.authorize_path(scope="sell mail call"))
    assert page.title == "Authorize A shop?"
    assert boxes(page) == {"mail": True}
    will, _, will_not = page.text.partition("It will not be able to")
    assert "call it" in will
    assert "sell it" not in will
    assert "sell it It asks for this, and you do not belong to an organizer." in will_not
    assert "For help, contact" in will_not
    assert granted(shop, answer(nobody, page, "mail", "sell")) == "mail call", "a posted tick for the rest is ignored"
    page = nobody.open(shop.authorize_path(scope="sell mail"))
    page = answer(nobody, page, "sell")
    assert page.status == 400
    assert "Choose at least one permission, or deny." in page.text


def test_person_without_an_organizer_is_stopped_if_nothing_is_left_or_what_needs_one_must_stay(
    a_browser: Callable[..., Browser], shop: ClientApp
) -> None:
    nobody = a_browser()
    for asked in ("sell", "see mail", "sell pay", "plan mail list"):
        assert nobody.open(shop.authorize_path(scope=asked)).title == "You have no organizer yet", asked


def test_request_without_a_page_says_what_the_person_without_an_organizer_would_see(
    a_browser: Callable[..., Browser], shop: ClientApp
) -> None:
    nobody = a_browser()
    for asked, error in (("sell mail", "consent_required"), ("sell", "interaction_required")):
        assert error in nobody.open(shop.authorize_path(scope=asked, prompt="none")).text


def test_person_without_an_organizer_allows_a_device_what_needs_none(
    john: Browser, a_browser: Callable[..., Browser]
) -> None:
    app, nobody = device(john), a_browser()
    codes = begun(app, "sell mail call")
    page = nobody.open("/device", user_code=codes["user_code"])
    assert boxes(page) == {"mail": True}
    answer(nobody, page, "sell", "mail")
    tokens = app.call_token(grant_type=DEVICE_GRANT, device_code=codes["device_code"]).json()
    assert tokens["scope"] == "mail call"
