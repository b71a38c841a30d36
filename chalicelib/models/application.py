"""Application: an OAuth client that somebody registered (RFC 6749 §2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pynamodb.attributes import BooleanAttribute, ListAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.expressions.update import Action
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from chalicelib import clock, credentials, settings
from chalicelib.models import store
from chalicelib.models.table import EpochSeconds, Item, Key, TableMeta, table_name

CONFIDENTIAL = "confidential"
PUBLIC = "public"

# RFC 7591 §2's names for how a client authenticates.
BASIC = "client_secret_basic"
POST = "client_secret_post"
PRIVATE_KEY_JWT = "private_key_jwt"
NONE = "none"

# Where it runs; native ones have redirect URIs of their own (RFC 8252 §7).
WEB = "web"
NATIVE = "native"

# The owner of one that nobody here registered; no user id looks like it.
ITSELF = "-itself-"
# Of one that describes itself at its client id, which is an https address.
DOCUMENT = "-document-"


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
    application_type = UnicodeAttribute(default=WEB)
    auth_method = UnicodeAttribute(default=BASIC)
    pkce_required = BooleanAttribute(default=False)
    device_grant = BooleanAttribute(default=False)
    redirect_uris: ListAttribute[Any] = ListAttribute(of=UnicodeAttribute)
    secret_digest = UnicodeAttribute(null=True)
    previous_secret_digest = UnicodeAttribute(null=True)
    previous_secret_until = EpochSeconds(null=True)
    jwks = UnicodeAttribute(null=True)
    registration_digest = UnicodeAttribute(null=True)
    document_url = UnicodeAttribute(null=True)
    fetched_at = EpochSeconds(null=True)
    resource = UnicodeAttribute(null=True)
    own_scopes = UnicodeSetAttribute(null=True)
    own_organizers = UnicodeSetAttribute(null=True)
    active = BooleanAttribute()
    created_at = EpochSeconds()
    by_owner = OwnerIndex()

    @classmethod
    def key(cls, client_id: str) -> Key[Application]:
        return Key(cls, stored_id(client_id))

    @property
    def is_deleted(self) -> bool:
        return self.owner_id is None

    @property
    def is_confidential(self) -> bool:
        return self.client_type == CONFIDENTIAL

    @property
    def has_secret(self) -> bool:
        return self.auth_method in (BASIC, POST)

    @property
    def live_secret_digests(self) -> tuple[str, ...]:
        """Of the present secret and, until its end date, of the one before."""
        digests = (self.secret_digest, self.previous_secret_digest if self.has_previous_secret else None)
        return tuple(digest for digest in digests if digest)

    @property
    def has_previous_secret(self) -> bool:
        return self.previous_secret_until is not None and clock.now() < self.previous_secret_until

    @property
    def registered_itself(self) -> bool:
        return self.owner_id in (ITSELF, DOCUMENT)

    @property
    def public_id(self) -> str:
        """The client id as the application knows it."""
        return str(self.document_url or self.client_id)

    @property
    def is_fresh(self) -> bool:
        """Was its document fetched a short time ago?"""
        return self.fetched_at is not None and clock.now() - self.fetched_at < settings.DOCUMENT_FRESH_SECONDS

    @property
    def is_native(self) -> bool:
        return self.application_type == NATIVE

    @property
    def needs_pkce(self) -> bool:
        return bool(self.pkce_required) or not self.is_confidential


@dataclass(frozen=True)
class Profile:
    """What an application is.

    auth_method: how it authenticates. application_type: WEB or NATIVE. jwks: its public keys, for PRIVATE_KEY_JWT.
    device_grant: devices without a browser may use it (RFC 8628).
    pkce_required: refuse its requests without a challenge; those of public ones always are (RFC 7636, RFC 9700 §2.1.1).
    """

    auth_method: str = BASIC
    application_type: str = WEB
    pkce_required: bool = False
    device_grant: bool = False
    jwks: str | None = None

    @property
    def is_public(self) -> bool:
        return self.auth_method == NONE

    @property
    def has_secret(self) -> bool:
        return self.auth_method in (BASIC, POST)


CLASSIC = Profile()


def create(
    client_id: str,
    *,
    owner_id: str,
    name: str,
    redirect_uris: Sequence[str],
    profile: Profile = CLASSIC,
    registration_digest: str | None = None,
) -> tuple[Application, str]:
    """A new application and its secret, which is not kept and cannot be shown again; "" where it has none.

    registration_digest: of the token with which it manages itself, where it registered itself.
    Raises ConditionFailed where the client id is taken: the second click on the same form.
    """
    secret = credentials.mint(credentials.Kind.CLIENT_SECRET) if profile.has_secret else ""
    application = Application(
        client_id=client_id,
        owner_id=owner_id,
        name=name,
        client_type=PUBLIC if profile.is_public else CONFIDENTIAL,
        application_type=profile.application_type,
        auth_method=profile.auth_method,
        pkce_required=profile.pkce_required,
        device_grant=profile.device_grant,
        jwks=profile.jwks,
        registration_digest=registration_digest,
        redirect_uris=list(redirect_uris),
        secret_digest=credentials.digest(secret) if secret else None,
        active=True,
        created_at=clock.now(),
    )
    store.write(store.Put(application, Application.client_id.does_not_exist()))
    return application, secret


def stored_id(client_id: str) -> str:
    """What an application is stored under, and named by in grants: an address has an id that follows from it."""
    return credentials.derive_id("client", client_id) if client_id.startswith("https://") else client_id


def get(client_id: str) -> Application | None:
    """The application, if there is one that is not deleted."""
    found = store.read(Application.key(client_id))[0] if client_id else None
    return found if found and not found.is_deleted else None


def edit(client_id: str, *, name: str, redirect_uris: Sequence[str], profile: Profile | None = None) -> None:
    """Raises ConditionFailed where it was deleted meanwhile.

    profile: None leaves it as it is. Whether it is public and native was settled when it was registered.
    """
    actions: list[Action] = [Application.name.set(name), Application.redirect_uris.set(list(redirect_uris))]
    if profile is not None:
        actions.append(Application.pkce_required.set(profile.pkce_required))
        actions.append(Application.device_grant.set(profile.device_grant))
        actions.append(Application.auth_method.set(profile.auth_method))
        actions.append(Application.jwks.set(profile.jwks) if profile.jwks else Application.jwks.remove())
        if not profile.has_secret:  # or it would come back to life with the way that it was used in
            actions += [Application.secret_digest.remove(), Application.previous_secret_digest.remove()]
            actions.append(Application.previous_secret_until.remove())
    store.change(Application.key(client_id), actions, Application.owner_id.exists())


def rotate_secret(client_id: str, *, keep_old_seconds: int = 0) -> str:
    """A new secret. The old one goes on for so many seconds, by default for none; one before it stops at once.

    Raises ConditionFailed where no such application has a secret, and where two rotate it at once.
    """
    application = get(client_id)
    if application is None or not application.has_secret:
        raise store.ConditionFailed([])
    secret = credentials.mint(credentials.Kind.CLIENT_SECRET)
    actions: list[Action] = [Application.secret_digest.set(credentials.digest(secret))]
    old, until = application.secret_digest, clock.now() + keep_old_seconds
    if old and keep_old_seconds:
        actions += [Application.previous_secret_digest.set(old), Application.previous_secret_until.set(until)]
    else:
        actions += [Application.previous_secret_digest.remove(), Application.previous_secret_until.remove()]
    is_same = Application.secret_digest == old if old else Application.secret_digest.does_not_exist()
    store.change(Application.key(client_id), actions, Application.owner_id.exists() & is_same)
    return secret


def end_previous_secret(client_id: str) -> None:
    """The old secret stops now and not at its end date. Raises ConditionFailed where there is no such application."""
    actions: list[Action] = [Application.previous_secret_digest.remove(), Application.previous_secret_until.remove()]
    store.change(Application.key(client_id), actions, Application.owner_id.exists())


def serve_resource(client_id: str, resource: str) -> None:
    """Make it the API of this resource, which may introspect the tokens for it."""
    store.change(Application.key(client_id), [Application.resource.set(resource)], Application.owner_id.exists())


def disable(client_id: str) -> None:
    """From the next request on its secret and all its tokens are refused."""
    store.change(Application.key(client_id), [Application.active.set(False)], Application.owner_id.exists())


def enable(client_id: str) -> None:
    """Take `disable` back."""
    store.change(Application.key(client_id), [Application.active.set(True)], Application.owner_id.exists())


def delete(client_id: str) -> None:
    """Its tokens end with it: a token is good only while its application is active.

    Its id stays taken. Otherwise the form that registered it, sent again, would bring its users' tokens back to life.
    """
    try:
        store.change(
            Application.key(client_id),
            [
                Application.active.set(False),
                Application.secret_digest.remove(),
                Application.previous_secret_digest.remove(),
                Application.owner_id.remove(),
            ],
            Application.owner_id.exists(),
        )
    except store.ConditionFailed:
        pass  # there is no such application, which is what was asked for


def forget(client_id: str) -> None:
    """Leave nothing of it, for the operator: only where no form that registered it can come again, as after an erasure
    of its owner."""
    store.write(store.Delete(Application.key(client_id)))


def owned_by(owner_id: str) -> list[Application]:
    """A user's applications, oldest first. From an index: one registered a moment ago may be missing."""
    return sorted(store.query(Application, owner_id, index="by_owner"), key=lambda found: found.created_at)


def all_applications(*, after: str | None = None) -> Iterator[Application]:
    """Every application, by a scan: for the operator's commands, never in a request. after: start behind this id."""
    return (found for found in store.scan(Application, after=after) if not found.is_deleted)
