"""Application: an OAuth client that somebody registered (RFC 6749 §2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pynamodb.attributes import BooleanAttribute, ListAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from chalicelib import clock, credentials
from chalicelib.models import store
from chalicelib.models.table import EpochSeconds, Item, Key, TableMeta, table_name

CONFIDENTIAL = "confidential"
PUBLIC = "public"


class OwnerIndex(GlobalSecondaryIndex["Application"]):
    """Lists a user's applications. Eventually consistent: it shows, it never decides."""

    class Meta:
        index_name = "owner"
        projection = AllProjection()

    owner_id = UnicodeAttribute(hash_key=True)


class Application(Item):
    class Meta(TableMeta):
        table_name = table_name("applications")

    client_id = UnicodeAttribute(hash_key=True)
    owner_id = UnicodeAttribute(null=True)
    name = UnicodeAttribute()
    client_type = UnicodeAttribute()
    redirect_uris: ListAttribute[Any] = ListAttribute(of=UnicodeAttribute)
    secret_digest = UnicodeAttribute(null=True)
    active = BooleanAttribute()
    created_at = EpochSeconds()
    by_owner = OwnerIndex()

    @classmethod
    def key(cls, client_id: str) -> Key[Application]:
        return Key(cls, client_id)

    @property
    def is_deleted(self) -> bool:
        return self.owner_id is None

    @property
    def is_confidential(self) -> bool:
        return self.client_type == CONFIDENTIAL


def create(client_id: str, *, owner_id: str, name: str, redirect_uris: Sequence[str]) -> tuple[Application, str]:
    """A new confidential application and its secret, which is not kept and cannot be shown again.

    Raises ConditionFailed where the client id is taken: the second click on the same form.
    """
    secret = credentials.mint(credentials.Kind.CLIENT_SECRET)
    application = Application(
        client_id=client_id,
        owner_id=owner_id,
        name=name,
        client_type=CONFIDENTIAL,
        redirect_uris=list(redirect_uris),
        secret_digest=credentials.digest(secret),
        active=True,
        created_at=clock.now(),
    )
    store.write(store.Put(application, Application.client_id.does_not_exist()))
    return application, secret


def get(client_id: str) -> Application | None:
    """The application, if there is one that is not deleted."""
    found = store.read(Application.key(client_id))[0] if client_id else None
    return found if found and not found.is_deleted else None


def edit(client_id: str, *, name: str, redirect_uris: Sequence[str]) -> None:
    """Raises ConditionFailed where it was deleted meanwhile."""
    store.change(
        Application.key(client_id),
        [Application.name.set(name), Application.redirect_uris.set(list(redirect_uris))],
        Application.owner_id.exists(),
    )


def rotate_secret(client_id: str) -> str:
    """A new secret; the old one stops at once. Raises ConditionFailed where there is no such application."""
    secret = credentials.mint(credentials.Kind.CLIENT_SECRET)
    stored = credentials.digest(secret)
    store.change(Application.key(client_id), [Application.secret_digest.set(stored)], Application.owner_id.exists())
    return secret


def disable(client_id: str) -> None:
    """From the next request on its secret and all its tokens are refused."""
    store.change(Application.key(client_id), [Application.active.set(False)], Application.owner_id.exists())


def delete(client_id: str) -> None:
    """Its tokens end with it: a token is good only while its application is active.

    Its id stays taken. Otherwise the form that registered it, sent again, would bring its users' tokens back to life.
    """
    try:
        store.change(
            Application.key(client_id),
            [Application.active.set(False), Application.secret_digest.remove(), Application.owner_id.remove()],
            Application.owner_id.exists(),
        )
    except store.ConditionFailed:
        pass  # there is no such application, which is what was asked for


def owned_by(owner_id: str) -> list[Application]:
    """A user's applications, oldest first. From an index: one registered a moment ago may be missing."""
    return sorted(store.query(Application, owner_id, index="by_owner"), key=lambda found: found.created_at)


def all_applications() -> Iterator[Application]:
    """Every application, by a scan: for the operator's commands, never in a request."""
    return (found for found in store.scan(Application) if not found.is_deleted)
