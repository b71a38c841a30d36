"""Application: an OAuth client that somebody registered (RFC 6749 §2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pynamodb.attributes import BooleanAttribute, ListAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from chalicelib import clock, credentials
from chalicelib.models import store
from chalicelib.models.client_profile import BASIC as BASIC
from chalicelib.models.client_profile import CLASSIC as CLASSIC
from chalicelib.models.client_profile import CONFIDENTIAL as CONFIDENTIAL
from chalicelib.models.client_profile import NATIVE as NATIVE
from chalicelib.models.client_profile import NONE as NONE
from chalicelib.models.client_profile import POST as POST
from chalicelib.models.client_profile import PRIVATE_KEY_JWT as PRIVATE_KEY_JWT
from chalicelib.models.client_profile import PUBLIC as PUBLIC
from chalicelib.models.client_profile import SILENT
from chalicelib.models.client_profile import WEB as WEB
from chalicelib.models.client_profile import About as About
from chalicelib.models.client_profile import Profile as Profile
from chalicelib.models.store.table import EpochSeconds, Item, Key, TableMeta, TableName, Whole

# The owner of an application that registered itself. No user id looks like this.
ITSELF = "-itself-"
# The owner of an application that describes itself at its client id, which is an https URL.
DOCUMENT = "-document-"


class OwnerIndex(GlobalSecondaryIndex["Application"]):
    """Lists a user's applications. Eventually consistent: good for showing them, never for decisions."""

    class Meta:
        index_name = "owner"
        projection = AllProjection()

    owner_id = UnicodeAttribute(hash_key=True)


@dataclass(frozen=True)
class OlderSecret:
    """A replaced secret that works until its end date. until, used_at: seconds since the epoch; used_at: None if no
    use was recorded."""

    digest: str
    until: int
    used_at: int | None


class Application(Item):
    class Meta(TableMeta):
        table_name = TableName("applications")

    client_id = UnicodeAttribute(hash_key=True)  # as stored: see `stored_id` and `public_id`
    foreign_id = UnicodeAttribute(null=True)  # the client id that another system made, if it was imported
    owner_id = UnicodeAttribute(null=True)
    co_owner_ids = UnicodeSetAttribute(null=True)  # see `ownership`
    name = UnicodeAttribute()
    client_type = UnicodeAttribute()
    application_type = UnicodeAttribute(default=WEB)
    auth_method = UnicodeAttribute(default=BASIC)
    auth_method_named = BooleanAttribute(null=True)  # None if stored by a version that did not record it
    pkce_required = BooleanAttribute(default=False)
    device_grant = BooleanAttribute(default=False)
    par_required = BooleanAttribute(null=True)  # see `Profile.rare`
    dpop_bound_access_tokens = BooleanAttribute(null=True)
    fapi = BooleanAttribute(null=True)
    redirect_uris: ListAttribute[Any] = ListAttribute(of=UnicodeAttribute)
    secret_digest = UnicodeAttribute(null=True)  # or another system's hash of it, until its first use: `hashed_secrets`
    secret_made_at = EpochSeconds(null=True)  # None if another system made it, or a version that did not record it
    secret_used_at = EpochSeconds(null=True)  # lags by at most a day; see `client_secret`
    previous_secret_digest = UnicodeAttribute(null=True)
    previous_secret_until = EpochSeconds(null=True)
    previous_secret_used_at = EpochSeconds(null=True)
    earlier_secret_digest = UnicodeAttribute(null=True)
    earlier_secret_until = EpochSeconds(null=True)
    earlier_secret_used_at = EpochSeconds(null=True)
    jwks = UnicodeAttribute(null=True)
    jwks_uri = UnicodeAttribute(null=True)  # where `jwks` was fetched; see `published_keys`
    jwks_fetched_at = EpochSeconds(null=True)
    jwks_asked_at = EpochSeconds(null=True)
    id_token_alg = UnicodeAttribute(null=True)  # what signs its ID tokens; None for what the stage prefers
    userinfo_signed = BooleanAttribute(null=True)  # it gets UserInfo as a signed JWT
    userinfo_alg = UnicodeAttribute(null=True)  # None for that of its ID tokens
    default_max_age = Whole(null=True)  # seconds; see `max_age` of OpenID Connect
    post_logout_redirect_uris: ListAttribute[Any] = ListAttribute(of=UnicodeAttribute, null=True)
    backchannel_logout_uri = UnicodeAttribute(null=True)
    backchannel_logout_session_required = BooleanAttribute(null=True)
    sector = UnicodeAttribute(null=True)  # None if users are public; see `sector`
    sector_key = UnicodeAttribute(null=True)
    sector_identifier_uri = UnicodeAttribute(null=True)
    description = UnicodeAttribute(null=True)
    client_uri = UnicodeAttribute(null=True)
    logo_uri = UnicodeAttribute(null=True)
    policy_uri = UnicodeAttribute(null=True)
    tos_uri = UnicodeAttribute(null=True)
    contacts: ListAttribute[Any] = ListAttribute(of=UnicodeAttribute, null=True)
    registration_digest = UnicodeAttribute(null=True)
    document_url = UnicodeAttribute(null=True)
    fetched_at = EpochSeconds(null=True)
    fresh_until = EpochSeconds(null=True)
    document_etag = UnicodeAttribute(null=True)
    document_modified = UnicodeAttribute(null=True)
    document_copied_on = UnicodeAttribute(null=True)  # if it is a copy shipped with Lanyard
    resource = UnicodeAttribute(null=True)
    own_scopes = UnicodeSetAttribute(null=True)
    own_organizers = UnicodeSetAttribute(null=True)
    active = BooleanAttribute()
    void_before = EpochSeconds(null=True)
    verified_digest = UnicodeAttribute(null=True)  # see `verification`
    created_at = EpochSeconds()
    by_owner = OwnerIndex()

    @classmethod
    def key(cls, client_id: str) -> Key[Application]:
        return Key(cls, stored_id(client_id))

    @property
    def is_deleted(self) -> bool:
        return self.owner_id is None

    @property
    def owner_ids(self) -> frozenset[str]:
        """The users who own it, the main owner among them. Empty if nobody does."""
        is_a_users = not self.is_deleted and not self.registered_itself
        return frozenset((self.owner_id, *(self.co_owner_ids or ()))) if is_a_users else frozenset()

    def is_owned_by(self, user_id: str) -> bool:
        return user_id in self.owner_ids

    @property
    def is_confidential(self) -> bool:
        return self.client_type == CONFIDENTIAL

    @property
    def rotates_refresh_tokens(self) -> bool:
        """True if each use of a refresh token returns a new one, so that theft is noticed (RFC 9700 §4.14.2)."""
        return not self.is_confidential

    @property
    def has_secret(self) -> bool:
        return self.auth_method in (BASIC, POST)

    @property
    def has_imported_secret(self) -> bool:
        """True if its secret is still the one that another system made."""
        return self.foreign_id is not None and self.secret_made_at is None

    @property
    def is_method_named(self) -> bool:
        """True if its registration named `auth_method`. If that is not known: whether the response to it did."""
        return self.registered_itself if self.auth_method_named is None else self.auth_method_named

    @property
    def older_secrets(self) -> tuple[OlderSecret, ...]:
        """The replaced secrets that still work, newest first."""
        slots = (
            (self.previous_secret_digest, self.previous_secret_until, self.previous_secret_used_at),
            (self.earlier_secret_digest, self.earlier_secret_until, self.earlier_secret_used_at),
        )
        return tuple(
            OlderSecret(digest, until, used_at)
            for digest, until, used_at in slots
            if digest and until and clock.now() < until
        )

    @property
    def live_secret_digests(self) -> tuple[str, ...]:
        """Digests of the current secret and of the replaced secrets that still work. One may be an imported hash."""
        present = (self.secret_digest,) if self.secret_digest else ()
        return (*present, *(older.digest for older in self.older_secrets))

    @property
    def registered_itself(self) -> bool:
        return self.owner_id in (ITSELF, DOCUMENT)

    @property
    def public_id(self) -> str:
        """The client id as the application knows it."""
        return str(self.document_url or self.foreign_id or self.client_id)

    @property
    def is_native(self) -> bool:
        return self.application_type == NATIVE

    @property
    def needs_pkce(self) -> bool:
        return bool(self.pkce_required) or not self.is_confidential or self.is_held_to_fapi

    @property
    def needs_par(self) -> bool:
        """True if it must push its authorization requests (RFC 9126 §6)."""
        return bool(self.par_required) or self.is_held_to_fapi

    @property
    def needs_proofs(self) -> bool:
        """True if its access tokens must be bound to a key (RFC 9449 §5.2)."""
        return bool(self.dpop_bound_access_tokens) or self.is_held_to_fapi

    @property
    def is_held_to_fapi(self) -> bool:
        """True if the FAPI 2.0 Security Profile decides; see `protocol.clients.fapi`."""
        return bool(self.fapi)

    @property
    def about(self) -> About:
        links = self.client_uri, self.logo_uri, self.policy_uri, self.tos_uri
        return About(self.description, *links, contacts=tuple(self.contacts or ()))


def made(
    client_id: str,
    *,
    owner_id: str,
    name: str,
    redirect_uris: Sequence[str],
    profile: Profile = CLASSIC,
    about: About = SILENT,
    registration_digest: str | None = None,
) -> tuple[Application, str]:
    """A new application, not yet stored, and its secret, "" if it has none. Only the secret's digest is kept.

    client_id: made by this server (`credentials.new_id`), never sent by a client.
    registration_digest: of the token that an application which registered itself manages itself with.
    """
    secret = credentials.mint(credentials.Kind.CLIENT_SECRET) if profile.has_secret else ""
    now = clock.now()
    application = Application(
        client_id=client_id,
        owner_id=owner_id,
        name=name,
        client_type=PUBLIC if profile.is_public else CONFIDENTIAL,
        application_type=profile.application_type,
        auth_method=profile.auth_method,
        auth_method_named=profile.auth_method_named,
        pkce_required=profile.pkce_required,
        device_grant=profile.device_grant,
        **profile.rare,
        jwks=profile.jwks,
        jwks_fetched_at=now if profile.jwks_uri else None,
        **stored(about),
        registration_digest=registration_digest,
        redirect_uris=list(redirect_uris),
        secret_digest=credentials.digest(secret) if secret else None,
        secret_made_at=now if secret else None,
        active=True,
        created_at=now,
    )
    return application, secret


def create(client_id: str, **described: Any) -> tuple[Application, str]:
    """Make an application (see `made`) and store it. `registration_form.register` makes those that a person owns and
    counts them.

    Raises ConditionFailed if the client id is taken.
    """
    application, secret = made(client_id, **described)
    store.write(store.Put(application, Application.client_id.does_not_exist()))
    return application, secret


def stored_id(client_id: str) -> str:
    """The id that an application is stored under and that grants name: a client id that this server made, as it is.

    From any other one, such as a URL or an imported client id, it is derived.
    """
    return client_id if credentials.is_id(client_id) else credentials.derive_id("client", client_id)


def get(client_id: str) -> Application | None:
    """The application; None if it does not exist or is deleted."""
    found = store.read(Application.key(client_id))[0] if client_id else None
    return found if found and not found.is_deleted else None


def stored(about: About) -> dict[str, Any]:
    """The attributes of an item that say this. Their value is None for what it leaves out."""
    return {**asdict(about), "contacts": list(about.contacts) or None}


def owned_by(owner_id: str) -> list[Application]:
    """A user's applications, oldest first. From an index, so one registered just now may be missing."""
    return sorted(store.query(Application, owner_id, index="by_owner"), key=lambda found: found.created_at)


def all_applications(*, after: str | None = None) -> Iterator[Application]:
    """Every application, by a scan: for the operator's commands, never in a request. after: start after this id."""
    found = store.scan(Application, after=stored_id(after) if after else None)
    return (application for application in found if not application.is_deleted)
