"""A user's data can be exported and erased."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import click
import pytest
from click.testing import CliRunner

from chalicelib import credentials
from chalicelib.models import application, store, user
from chalicelib.models.store.table import Item
from infra.commands import Operator, erasure
from infra.commands.users import users
from infra.deployment import tables
from tests import people
from tests.actors import Browser, ClientApp, Person

# Keyed by something else and without a TTL, but `erasure` finds these models through the attributes that name a user,
# and nothing else in them is about a person.
FOUND_OTHERWISE = {"User", "EmailAddress", "LinkedIdentity", "Membership", "Application"}


def test_export_contains_all_of_a_users_data_and_no_secret(john: Browser, shop: ClientApp) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    mine = john.register_application("Mine")
    assert john.person is not None
    found = user.find_by_email(john.person.email)
    assert found is not None
    kept = json.loads(json.dumps(erasure.export(found)))
    assert kept["users"][0]["email"] == john.person.email
    assert [one["client_id"] for one in kept["applications"]] == [mine.client_id]
    assert [one["client_id"] for one in kept["consents"]] == [shop.client_id]
    assert [one["client_id"] for one in kept["grants"]] == [shop.client_id]
    assert len(kept["sessions"]) == 1
    text = json.dumps(kept)
    for secret in (
        "argon2",
        "digest",
        "device_key",
        found.device_key,
        tokens["access_token"],
        tokens["refresh_token"],
        mine.secret,
    ):
        assert secret not in text


def test_nothing_is_left_and_nothing_works_after_an_erasure(john: Browser, shop: ClientApp) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    assert john.person is not None
    found = user.find_by_email(john.person.email)
    assert found is not None
    for _, step in erasure.steps(found):
        step()
    assert shop.me(tokens["access_token"]).status_code == 401
    assert shop.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert john.open("/settings/applications").path == "/login"
    assert john.sign_in().status == 401
    assert user.find_by_email(john.person.email) is None
    left = erasure.export(found)
    assert {name: items for name, items in left.items() if items and name != "users"} == {}
    user.create(email=john.person.email, password="another password", fullname="J", locale="en", timezone="UTC")


def test_imported_application_is_exported_without_its_hash_and_erased_with_its_owner(
    base_url: str, john: Browser, a_person: Callable[..., Person]
) -> None:
    owner, secret = a_person(), "0123456789abcdef" * 2
    hashed = credentials.hash_password(secret)
    app = people.import_application(base_url, "their-own-id", secret, stored_secret=hashed, owner=owner)
    tokens = app.connect(john, "Big Events LLC")
    found = user.find_by_email(owner.email)
    assert found is not None
    (exported,) = erasure.export(found)["applications"]
    assert exported["foreign_id"] == "their-own-id"
    assert "argon2" not in json.dumps(exported)
    for _, step in erasure.steps(found):
        step()
    assert application.get("their-own-id") is None
    assert app.me(tokens["access_token"]).status_code == 401
    with pytest.raises(store.ConditionFailed):
        people.import_application(base_url, "their-own-id", secret)


def test_connections_of_other_users_to_erased_applications_are_counted_separately(
    john: Browser, eve: Browser, shop: ClientApp
) -> None:
    mine = john.register_application("Mine")
    mine.connect(eve, "Other Org")
    for app in (mine, shop):
        app.connect(john, "Big Events LLC")
    command: Any = click.Group(commands={"users": users})
    erase = ["users", "erase", john.user.email, "--dry-run"]
    would = json.loads(CliRunner().invoke(command, [*erase, "--json"], obj=Operator()).stdout)
    assert (would["items"]["consents"], would["connections_of_others"]) == (2, 1)
    said = CliRunner().invoke(command, erase, obj=Operator()).stdout
    assert "2 in consents" in said
    assert said.endswith(", and 1 of other users' connections.\n")


@pytest.mark.parametrize("done", range(6))
def test_interrupted_erasure_is_finished_by_the_same_command(john: Browser, shop: ClientApp, done: int) -> None:
    tokens = shop.connect(john, "Big Events LLC")
    john.register_application("Mine")
    assert john.person is not None
    found = user.find_by_email(john.person.email)
    assert found is not None
    for _, step in erasure.steps(found)[: done + 1]:
        step()
    assert shop.me(tokens["access_token"]).status_code == 401
    assert john.sign_in().status == 403, "the account is disabled first"
    again = user.find_by_email(john.person.email)
    assert again is not None
    for _, step in erasure.steps(again):
        step()
    assert user.find_by_email(john.person.email) is None
    left = erasure.export(found)
    assert {name: items for name, items in left.items() if items and name != "users"} == {}


@pytest.mark.parametrize("model", tables.MODELS, ids=lambda model: model.__name__)
def test_every_model_that_names_a_user_is_erased_or_expires(model: type[Item]) -> None:
    names_a_user = {"user_id", "owner_id", "email"} & set(model.get_attributes())
    goes_by_itself = model.ttl_name() is not None
    found = model in erasure.keyed_by_user() or model.__name__ in FOUND_OTHERWISE
    assert found or goes_by_itself or not names_a_user
