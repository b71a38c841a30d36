"""A request for more than was allowed before: the page shows what is new, and the token allows both."""

from __future__ import annotations

import pytest

from tests.actors import Browser, ClientApp, Page
from tests.catalogues import scope, use
from tests.consent_form import answer
from tests.flows.test_lasting_permissions import connected
from tests.flows.test_optional_permissions import begun, device

pytestmark = [pytest.mark.spec("docs/permissions.md"), pytest.mark.usefixtures("_catalogue")]
CATALOGUE = (
    "own_api.list_organizers = 'list'\n"
    + scope("see")
    + scope("list")
    + scope("pay", "risk = 'high'")
    + scope("pin", "lasts = '1 day'")
    + scope("mail", "optional = true")
)


@pytest.fixture
def _catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, CATALOGUE)


def listed(page: Page) -> list[str]:
    return [" ".join(item.get_text(" ").split()) for item in page.html.select(".scopes li")]


@pytest.mark.spec("RFC 6750 §3.1", "MCP")
def test_client_steps_up_with_what_the_challenge_names(john: Browser, shop: ClientApp) -> None:
    token = connected(shop, john, "see")["access_token"]
    refused = shop.organizers(token)
    assert refused.status_code == 403
    assert 'scope="list"' in refused.headers["WWW-Authenticate"]
    assert "Request it with the others: see list." in refused.headers["WWW-Authenticate"]
    page = john.open(shop.authorize_path(scope="see list"))
    assert listed(page) == ["list it new"]
    assert "It keeps what you already allowed: see it" in page.text
    tokens = shop.exchange(answer(john, page).code).json()
    assert tokens["scope"] == "see list"
    assert shop.organizers(tokens["access_token"]).status_code == 200


def test_high_risk_and_what_starts_anew_are_shown_each_time(john: Browser, shop: ClientApp) -> None:
    connected(shop, john, "see pay pin")
    page = john.open(shop.authorize_path(scope="see pay pin list"))
    assert listed(page) == ["list it new", "pay it high risk already allowed", "pin it for 1 day already allowed"]
    assert "It keeps what you already allowed: see it" in page.text


def test_what_came_with_a_permission_that_ends_is_shown_if_it_would_not_end_now(
    john: Browser, shop: ClientApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, CATALOGUE + scope("refund", "implies = ['list']", "lasts = '8 hours'"))
    connected(shop, john, "see refund")
    page = john.open(shop.authorize_path(scope="see list mail"))
    assert listed(page) == ["list it already allowed"], "it ended with the other one; now it is given for good"
    assert "It keeps what you already allowed: see it" in page.text


def test_page_that_asks_for_nothing_new_shows_everything(john: Browser, shop: ClientApp) -> None:
    connected(shop, john, "see list")
    page = john.open(shop.authorize_path(scope="see list", approval_prompt="force"))
    assert listed(page) == ["see it already allowed", "list it already allowed"]
    assert "It keeps" not in page.text


def test_page_names_what_stays_if_only_what_may_be_left_out_is_new(john: Browser, shop: ClientApp) -> None:
    connected(shop, john, "see")
    page = john.open(shop.authorize_path(scope="see mail"))
    assert listed(page) == []
    assert "It will be able to" not in page.text
    assert "It keeps what you already allowed: see it And if you select it mail it new" in page.text


def test_page_shows_everything_for_a_device(john: Browser) -> None:
    app = device(john)
    for asked, shown in (("see", ["see it"]), ("see list", ["see it already allowed", "list it new"])):
        page = john.open("/device", user_code=begun(app, asked)["user_code"])
        assert listed(page) == shown
        answer(john, page)


def test_page_shows_everything_if_the_answer_goes_to_another_place(john: Browser) -> None:
    app = john.register_application("Mine", "https://one.example.com/", "https://two.example.com/")
    page = john.open(app.authorize_path(scope="see", redirect_uri="https://one.example.com/"))
    answer(john, page)
    page = john.open(app.authorize_path(scope="see list", redirect_uri="https://two.example.com/"))
    assert listed(page) == ["see it already allowed", "list it new"]
    assert "It keeps" not in page.text
