"""Applications are stored once, can be changed, and stay deleted."""

from __future__ import annotations

import pytest

from chalicelib import credentials
from chalicelib.models import application, application_deletion, application_edit, client_secret, store

pytestmark = [pytest.mark.spec("docs/architecture.md", "RFC 6749 §4.1"), pytest.mark.usefixtures("engine")]
URIS = ["https://shop.example.com/callback", "https://shop.example.com/other"]


def test_application_is_stored_once_and_its_secret_as_a_digest() -> None:
    client_id = credentials.new_id()
    made, secret = application.create(client_id, owner_id="owner", name="A shop", redirect_uris=URIS)
    with pytest.raises(store.ConditionFailed):
        application.create(client_id, owner_id="thief", name="Another", redirect_uris=URIS)
    kept = application.get(client_id)
    assert kept
    assert (kept.owner_id, kept.name, list(kept.redirect_uris)) == ("owner", "A shop", URIS)
    assert kept.active
    assert kept.is_confidential
    assert kept.secret_digest == credentials.digest(secret) == made.secret_digest


def test_new_secret_replaces_the_old_one() -> None:
    made, old = application.create(credentials.new_id(), owner_id="owner", name="A shop", redirect_uris=URIS)
    _, new = client_secret.rotate(made)
    kept = application.get(made.client_id)
    assert kept
    assert credentials.matches(new, kept.secret_digest)
    assert not credentials.matches(old, kept.secret_digest)


def test_rotating_a_secret_returns_the_application_as_stored() -> None:
    made, _ = application.create(credentials.new_id(), owner_id="owner", name="A shop", redirect_uris=URIS)
    for seconds in (60, 60, 0):
        before = application.get(made.client_id)
        assert before
        changed, _ = client_secret.rotate(before, keep_old_seconds=seconds)
        kept = application.get(made.client_id)
        assert kept
        given = {name: value for name, value in changed.attribute_values.items() if value is not None}
        assert kept.attribute_values == given


def test_deleted_application_cannot_be_changed_back_into_existence() -> None:
    made, _ = application.create(credentials.new_id(), owner_id="owner", name="A shop", redirect_uris=URIS)
    application_edit.edit(made.client_id, name="Renamed", redirect_uris=URIS[1:])
    application_deletion.delete(made.client_id)
    for change in (
        lambda: application_edit.edit(made.client_id, name="Back", redirect_uris=URIS),
        lambda: client_secret.rotate(made),
        lambda: client_secret.end_older(made.client_id),
        lambda: application_edit.enable(made.client_id),
        lambda: application_edit.disable(made.client_id),
    ):
        with pytest.raises(store.ConditionFailed):
            change()
    assert application.get(made.client_id) is None


def test_owners_applications_are_listed_oldest_first() -> None:
    owner = credentials.new_id()
    for name in ("One", "Two"):
        application.create(credentials.new_id(), owner_id=owner, name=name, redirect_uris=URIS)
    listed = application.owned_by(owner)
    assert sorted(found.name for found in listed) == ["One", "Two"]
    assert [found.created_at for found in listed] == sorted(found.created_at for found in listed)
