"""What the operator, the developer or the user takes away is gone at the next request."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chalicelib.models import application_deletion, application_edit, organizer, user
from tests.actors import Browser, ClientApp

pytestmark = pytest.mark.spec("docs/architecture.md")

End = Callable[[Browser, ClientApp], object]


def disable_user(browser: Browser, shop: ClientApp) -> None:
    assert browser.person
    user.disable(browser.person.user_id)


def disable_application(browser: Browser, shop: ClientApp) -> None:
    application_edit.disable(shop.client_id)


def delete_application(browser: Browser, shop: ClientApp) -> None:
    application_deletion.delete(shop.client_id)


@pytest.mark.parametrize("end", [disable_user, disable_application, delete_application])
def test_disabling_or_deleting_ends_tokens_codes_and_refreshes_at_once(
    john: Browser, shop: ClientApp, end: End
) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    code = john.open(shop.authorize_path()).code
    end(john, shop)
    refused = shop.me(tokens["access_token"])
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_token")
    expected = (400, "invalid_grant") if end is disable_user else (401, "invalid_client")
    for answer in (shop.refresh(tokens["refresh_token"]), shop.exchange(code)):
        assert (answer.status_code, answer.json()["error"]) == expected


def test_disabled_or_deleted_application_gets_the_same_answer_as_an_unknown_one(john: Browser, shop: ClientApp) -> None:
    unknown = ClientApp(shop.base_url, "nobody", shop.secret, shop.redirect_uri).refresh("x")
    for end in (disable_application, delete_application):
        end(john, shop)
        refused = shop.refresh("x")
        assert (refused.status_code, refused.json()) == (unknown.status_code, unknown.json())


def test_user_removed_from_an_organizer_loses_its_access_in_every_token(john: Browser, shop: ClientApp) -> None:
    assert john.person
    slugs = {name: slug for slug, name in john.person.organizers.items()}
    tokens = shop.connect(john, "Big Events LLC", "Small Shows")
    path = f"/api/v1/organizers/{slugs['Big Events LLC']}/"
    assert shop.call(path, tokens["access_token"]).status_code == 200
    user.remove_member(john.person.user_id, slugs["Big Events LLC"])
    for refreshed in (False, True):
        token = (shop.refresh(tokens["refresh_token"]).json() if refreshed else tokens)["access_token"]
        assert shop.call(path, token).status_code == 403
        assert shop.call(path, token, "PATCH", json={"name": "Mine"}).status_code == 403
        assert [one["slug"] for one in shop.organizers(token).json()["results"]] == [slugs["Small Shows"]]


@pytest.mark.spec("docs/security.md")
def test_deleted_organizer_is_out_of_reach_of_every_token(john: Browser, shop: ClientApp) -> None:
    assert john.person
    slugs = {name: slug for slug, name in john.person.organizers.items()}
    token = shop.connect(john, "Big Events LLC", "Small Shows")["access_token"]
    organizer.delete(slugs["Big Events LLC"])
    path = f"/api/v1/organizers/{slugs['Big Events LLC']}/"
    assert shop.call(path, token).status_code == 404
    assert shop.call(path, token, "PATCH", json={"name": "Mine"}).status_code == 404
    assert [one["slug"] for one in shop.organizers(token).json()["results"]] == [slugs["Small Shows"]]
    page = john.open(shop.authorize_path(approval_prompt="force"))
    assert list(page.choices()) == ["Small Shows"]
    assert "Big Events LLC" not in page.text


def test_joining_another_organizer_adds_nothing_to_existing_tokens(
    john: Browser, eve: Browser, shop: ClientApp
) -> None:
    assert john.person
    assert eve.person
    other = next(iter(eve.person.organizers))
    tokens = shop.connect(john, "Big Events LLC")
    user.add_member(john.person.user_id, other)
    token = shop.refresh(tokens["refresh_token"]).json()["access_token"]
    assert shop.call(f"/api/v1/organizers/{other}/", token).status_code == 403
    assert shop.organizers(token).json()["count"] == 1


def test_revoking_on_the_settings_page_also_ends_unused_codes(john: Browser, shop: ClientApp) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    code = john.open(shop.authorize_path()).code
    john.press(john.open("/settings/authorized"), "Revoke")
    assert shop.me(tokens["access_token"]).status_code == 401
    assert shop.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert shop.exchange(code).json()["error"] == "invalid_grant"
