"""An application gets access of its own, without a user (RFC 6749 §4.4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from chalicelib.models import application_access, application_edit
from tests.actors import Browser, ClientApp
from tests.conftest import Clock
from tests.public_app import PublicApp
from tests.signing_app import SigningApp
from tests.store_proxy import StoreProxy

pytestmark = pytest.mark.spec("RFC 6749 §4.4")


@pytest.fixture
def slugs(a_person: Callable[..., Any]) -> list[str]:
    """Two organizers."""
    return sorted(a_person("Big Events LLC", "Small Shows").organizers)


@pytest.fixture
def machine(shop: ClientApp, slugs: list[str]) -> ClientApp:
    """An application that the operator allowed to read and write one organizer."""
    application_access.allow(shop.client_id, ["read", "write"], slugs[:1])
    return shop


def ask(app: ClientApp, **more: Any) -> requests.Response:
    return app.call_token(grant_type="client_credentials", **more)


@pytest.mark.spec("RFC 6749 §4.4.3")
def test_client_credentials_give_an_access_token_without_a_refresh_token(machine: ClientApp, slugs: list[str]) -> None:
    answer = ask(machine)
    assert answer.status_code == 200, answer.text
    tokens = answer.json()
    assert answer.headers["Cache-Control"] == "no-store"
    assert (tokens["token_type"], tokens["expires_in"], tokens["scope"]) == ("Bearer", 86400, "read write")
    assert "refresh_token" not in tokens
    listed = machine.organizers(tokens["access_token"]).json()["results"]
    assert [found["slug"] for found in listed] == slugs[:1]
    renamed = machine.call(f"/api/v1/organizers/{slugs[0]}/", tokens["access_token"], "PATCH", json={"name": "Renamed"})
    assert renamed.json()["name"] == "Renamed"
    assert machine.call(f"/api/v1/organizers/{slugs[1]}/", tokens["access_token"]).status_code == 403


def test_application_token_has_no_user(machine: ClientApp) -> None:
    answer = machine.me(ask(machine).json()["access_token"])
    assert (answer.status_code, answer.json()["error"]) == (403, "access_denied")


def test_application_may_request_fewer_scopes_than_allowed_but_no_others(machine: ClientApp, slugs: list[str]) -> None:
    token = ask(machine, scope="read").json()
    assert token["scope"] == "read"
    answer = machine.call(f"/api/v1/organizers/{slugs[0]}/", token["access_token"], "PATCH", json={"name": "X"})
    assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")
    for scope in ("profile", "read profile", "admin"):
        answer = ask(machine, scope=scope)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope"), scope


@pytest.mark.spec("RFC 6749 §5.2")
def test_application_without_access_of_its_own_is_refused(other_shop: ClientApp) -> None:
    answer = ask(other_shop)
    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")


@pytest.mark.spec("RFC 6749 §4.4.2")
def test_client_credentials_need_a_confidential_client_that_authenticates(
    machine: ClientApp, a_browser: Callable[..., Browser]
) -> None:
    assert ask(machine, auth=(machine.client_id, "wrong")).json()["error"] == "invalid_client"
    public = PublicApp.registered_by(a_browser())
    assert ask(public).json()["error"] == "unauthorized_client"


@pytest.mark.spec("RFC 7523 §2.2")
def test_application_may_get_its_own_token_with_a_signed_assertion(
    a_browser: Callable[..., Browser], slugs: list[str]
) -> None:
    bank = SigningApp.registered_by(a_browser())
    application_access.allow(bank.client_id, ["read"], slugs)
    assert ask(bank).json()["scope"] == "read"


def test_each_process_of_an_application_has_its_own_token(machine: ClientApp) -> None:
    tokens = [ask(machine).json()["access_token"] for _ in range(3)]
    assert [machine.organizers(token).status_code for token in tokens] == [200, 200, 200]
    assert machine.revoke(tokens[0]).status_code == 200
    assert [machine.organizers(token).status_code for token in tokens] == [401, 200, 200]


@pytest.mark.spec("RFC 7009 §2.1", "CVE-2016-6582")
def test_application_cannot_revoke_another_applications_token(machine: ClientApp, other_shop: ClientApp) -> None:
    token = ask(machine).json()["access_token"]
    assert other_shop.revoke(token).status_code == 200
    assert machine.organizers(token).status_code == 200


def test_application_token_expires_after_a_day(machine: ClientApp, clock: Clock) -> None:
    token = ask(machine).json()["access_token"]
    clock.advance(86400)
    assert machine.organizers(token).status_code == 401


@pytest.mark.spec("docs/architecture.md")
def test_access_the_operator_takes_away_is_gone_at_the_next_request(machine: ClientApp, slugs: list[str]) -> None:
    token = ask(machine).json()["access_token"]
    application_access.allow(machine.client_id, ["read"], slugs[1:])
    assert machine.organizers(token).json()["count"] == 0
    assert machine.call(f"/api/v1/organizers/{slugs[1]}/", token, "PATCH", json={"name": "X"}).status_code == 403
    application_access.allow(machine.client_id, [], [])
    assert machine.organizers(token).status_code == 403
    assert ask(machine).json()["error"] == "unauthorized_client"
    application_edit.disable(machine.client_id)
    assert machine.organizers(token).status_code == 401


@pytest.mark.spec("RFC 7662 §2.2")
def test_introspection_of_an_application_token_names_the_application_and_its_organizers(
    machine: ClientApp, other_shop: ClientApp, slugs: list[str]
) -> None:
    token = ask(machine).json()["access_token"]
    url = machine.base_url + "/api/v1/oauth/introspect"
    auth = (other_shop.client_id, other_shop.secret)
    described = requests.post(url, data={"token": token}, auth=auth, timeout=30).json()
    assert described["active"] is True
    assert described["sub"] == described["client_id"] == machine.client_id
    assert described["organizers"] == slugs[:1]


@pytest.mark.spec("RFC 8707 §2.2")
def test_application_token_for_an_unknown_resource_is_refused(machine: ClientApp) -> None:
    assert ask(machine, resource="https://unknown.example.com").json()["error"] == "invalid_target"
    assert machine.organizers(ask(machine, resource=machine.base_url).json()["access_token"]).status_code == 200


@pytest.mark.spec("docs/operations.md")
def test_application_token_costs_one_read_and_one_write(machine: ClientApp, store: StoreProxy) -> None:
    with store.count() as calls:
        token = ask(machine).json()["access_token"]
    assert [call.operation for call in calls] == ["GetItem", "PutItem"]
    with store.count() as calls:
        assert machine.organizers(token).status_code == 200
    assert [call.operation for call in calls] == ["BatchGetItem", "GetItem"]  # the token, then its one organizer
