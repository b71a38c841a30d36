"""Another team's API that trusts Lanyard's tokens: examples/protected_api, deployed beside it by `make rehearse`."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests

from chalicelib.models.access_token import AccessToken
from tests.actors import Browser, ClientApp
from tests.rehearsed import REHEARSED

pytestmark = pytest.mark.skipif(REHEARSED is None, reason="needs the deployment of make rehearse")

Call = Callable[..., requests.Response]


@pytest.fixture
def call() -> Call:
    """Call the other team's API with a token."""

    def made(token: str | None, path: str, method: str = "GET") -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        assert REHEARSED is not None
        return requests.request(method, REHEARSED.example_url + path, headers=headers)

    return made


@pytest.fixture
def here() -> str:
    """The API's address, one of Lanyard's RESOURCES."""
    assert REHEARSED is not None
    return REHEARSED.example_url


@pytest.fixture
def big(john: Browser) -> str:
    """The slug of Big Events LLC."""
    assert john.person is not None
    return next(slug for slug, name in john.person.organizers.items() if name == "Big Events LLC")


@pytest.fixture
def small(john: Browser) -> str:
    assert john.person is not None
    return next(slug for slug, name in john.person.organizers.items() if name == "Small Shows")


def tickets(slug: str) -> str:
    return f"/organizers/{slug}/tickets"


def report(slug: str) -> str:
    return f"/organizers/{slug}/report"


def test_token_with_the_scope_and_the_organizer_is_accepted(
    john: Browser, shop: ClientApp, call: Call, big: str
) -> None:
    token = shop.connect(john, "Big Events LLC")["access_token"]
    answer = call(token, tickets(big))
    assert answer.status_code == 200, answer.text
    assert john.person is not None
    assert answer.json() == {"tickets": [], "organizer": big, "for": john.person.user_id, "through": shop.client_id}
    assert call(token, tickets(big), "POST").status_code == 201
    assert call(token, report(big)).json() == {"organizer": big, "tickets_sold": 0}


def test_token_with_too_little_scope_gets_403(john: Browser, shop: ClientApp, call: Call, big: str) -> None:
    token = shop.connect(john, "Big Events LLC", scope="read")["access_token"]
    assert call(token, tickets(big)).status_code == 200
    assert call(token, tickets(big), "POST").status_code == 403


def test_token_without_a_matching_scope_gets_403(john: Browser, shop: ClientApp, call: Call, big: str) -> None:
    token = shop.connect(john, scope="profile")["access_token"]
    assert call(token, tickets(big)).status_code == 403
    refused = call(token, report(big))
    assert refused.status_code == 403
    assert refused.json()["error"] == "insufficient_scope"


def test_token_for_another_organizer_gets_403(john: Browser, shop: ClientApp, call: Call, small: str) -> None:
    token = shop.connect(john, "Big Events LLC")["access_token"]
    assert call(token, tickets(small)).status_code == 403
    assert call(token, report(small)).status_code == 403


def test_revoked_token_gets_401_from_the_next_request(john: Browser, shop: ClientApp, call: Call, big: str) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    assert call(tokens["access_token"], tickets(big)).status_code == 200
    assert shop.revoke(tokens["refresh_token"]).status_code == 200
    assert call(tokens["access_token"], tickets(big)).status_code == 401
    refused = call(tokens["access_token"], report(big))
    assert refused.status_code == 401
    assert refused.json()["error"] == "invalid_token"


def test_token_replaced_by_a_refresh_gets_401(john: Browser, shop: ClientApp, call: Call, big: str) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    fresh = shop.refresh(tokens["refresh_token"]).json()["access_token"]
    assert call(tokens["access_token"], tickets(big)).status_code == 401
    assert call(fresh, tickets(big)).status_code == 200


def test_expired_token_gets_401(john: Browser, shop: ClientApp, call: Call, big: str) -> None:
    token = shop.connect(john, "Big Events LLC")["access_token"]
    grant_id = token[len("lyat_") :][: 2 * 16 + 11]
    stored = AccessToken.get(grant_id)
    stored.expires_at = 1
    stored.save()
    assert call(token, tickets(big)).status_code == 401
    assert call(token, report(big)).status_code == 401


@pytest.mark.spec("RFC 8707 §2")
def test_token_for_this_api_is_accepted_and_one_for_lanyards_own_api_gets_401(
    john: Browser, shop: ClientApp, call: Call, big: str, here: str
) -> None:
    token = shop.connect(john, "Big Events LLC", resource=here)["access_token"]
    assert call(token, tickets(big)).status_code == 200
    assert call(token, report(big)).status_code == 200
    assert shop.me(token).status_code == 401
    lanyards = shop.connect(john, "Big Events LLC", resource=shop.base_url)["access_token"]
    assert call(lanyards, tickets(big)).status_code == 401
    assert call(lanyards, report(big)).status_code == 401
    assert shop.me(lanyards).status_code == 200


def test_foreign_or_missing_token_gets_401(call: Call, big: str) -> None:
    for token in ("somebody-elses-token", "lyat_" + "x" * 92, None):
        assert call(token, tickets(big)).status_code == 401
        assert call(token, report(big)).status_code == 401


def test_unknown_address_gets_a_page_in_browsers_and_json_in_programs(base_url: str) -> None:
    for path in ("/nothing", "/nothing/here", "/settings/nothing/here", "/api/v1/organizers/a/b"):
        answer = requests.get(base_url + path)
        assert answer.status_code == 404
        assert answer.json() == {"error": "not_found", "error_description": "There is nothing at this address."}
    page = requests.get(f"{base_url}/nothing/here", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert "There is nothing at this address." in page.text


def test_api_gateways_own_errors_have_the_oauth_format(base_url: str) -> None:
    """No endpoint of ours answers OPTIONS where scripts may not call."""
    answer = requests.options(f"{base_url}/login")
    assert answer.status_code == 404
    assert answer.json() == {"error": "not_found", "error_description": "There is nothing at this address."}
    assert answer.headers["Cache-Control"] == "no-store"
