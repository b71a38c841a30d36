"""The operator's settings: environment variables, read once, into one frozen `Settings`.

Importing this module reads nothing: each process calls `load` when it starts, which sets SETTINGS.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib import environment as read
from chalicelib import environment_keys as read_keys
from chalicelib import identity_providers, limits, permissions
from chalicelib.environment import RequiredScope as RequiredScope
from chalicelib.environment import SettingsError as SettingsError
from chalicelib.imported_passwords import HashCost

LOCAL_STAGE = "local"
LOCAL_PUBLIC_URL = "http://127.0.0.1:8000"
SITE_NAME = "Lanyard"
SITE_COLOUR = "#1f5fbf"
LOCAL_MAIL_FOLDER = ".local/mail"
# Who may register an application over the protocol (RFC 7591): nobody, anybody with a token, everybody.
CLOSED, WITH_TOKEN, OPEN = "closed", "token", "open"
DEFAULT_TIMEZONE = "UTC"
# What the authorizer requires if neither the operator nor the catalogue says: `read` to read, `write` for the rest.
REQUIRED_SCOPES = "* GET /* read; * HEAD /* read; * * /* write"


@dataclass(frozen=True)
class Settings:
    """The values that differ between deployments.

    stage: the Chalice stage, which is also part of every table's name.
    permissions: what applications may be allowed to do.
    providers: where people sign in besides, or instead of, with a password of ours.
    provider_secrets: our secrets at them by name, if they are not in SSM.
    table_prefix: the start of the tables' names.
    public_url: the URL that users see, without a trailing slash; None if API Gateway's own URL is used.
    code_lifetime_seconds: how long an authorization code can be exchanged.
    sign_up_open: True if anybody can create an account, with an address that they can read mail at.
    mail_sender: the address that mail comes from, verified in SES; None if no mail is sent.
    mail_folder: where the local stage writes its mail instead.
    refresh_grace_seconds: how long a public client may repeat its last refresh, since responses get lost.
    registration: who may register an application over the protocol: CLOSED, WITH_TOKEN or OPEN.
    registration_token_digests: of the tokens that allow it, for WITH_TOKEN.
    resources: URLs of APIs that accept this provider's tokens, as clients may name them (RFC 8707).
    refresh_idle_days: after how many days without a refresh a public client's refresh token expires; 0 for never.
    server_key, previous_server_keys: the key that makes new tokens, and the ones before it, newest first.
    server_key_parameter: the SSM parameter that has all of them instead.
    signing_keys: a JWK Set with private keys: signing_keys.py; None if nothing is signed, or the keys are in SSM.
    signing_keys_parameter: the SSM parameter that has the list of keys instead; the private ones are below it.
    signing_kms_keys: the ARNs of the KMS keys that this list may name.
    logout_queue: the SQS queue of logout tokens to send; None if applications are not told of sign-outs.
    site_name, site_logo_url, site_colour: the branding of the pages; the color as #rrggbb, the logo None for ours.
    support_contact: the email or web address of somebody to ask; None for just "the administrator".
    required_scopes: the authorizer's rules, of which the first match decides: protocol/rules/required_scopes.py.
    authorizer_resources: for each API that uses the authorizer, its API Gateway id -> which of `resources` it is.
    imported_passwords: the most work that a check of an imported password hash takes, for each format there is.
    not_before: seconds since the epoch. Anything issued earlier counts as ended. Set after a restore, which brings back
    what was revoked since the backup.
    """

    stage: str
    permissions: permissions.Catalogue = field(repr=False)
    table_prefix: str
    public_url: str | None
    code_lifetime_seconds: int
    sign_up_open: bool
    mail_sender: str | None
    mail_folder: str
    refresh_grace_seconds: int
    registration: str
    registration_token_digests: tuple[str, ...]
    resources: tuple[str, ...]
    server_key: str | None = field(repr=False)
    server_key_parameter: str | None
    site_name: str
    site_logo_url: str | None
    site_colour: str
    support_contact: str | None = None
    required_scopes: tuple[RequiredScope, ...] = ()
    authorizer_resources: Mapping[str, str] = field(default_factory=dict)
    imported_passwords: tuple[HashCost, ...] = ()
    not_before: int = 0
    previous_server_keys: tuple[str, ...] = field(default=(), repr=False)
    providers: identity_providers.Providers = field(default_factory=identity_providers.Providers)
    provider_secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    refresh_idle_days: int = 90
    signing_keys: str | None = field(default=None, repr=False)
    signing_keys_parameter: str | None = None
    signing_kms_keys: tuple[str, ...] = ()
    logout_queue: str | None = None

    @property
    def is_local(self) -> bool:
        return self.stage == LOCAL_STAGE

    @property
    def is_https(self) -> bool:
        """API Gateway only speaks https, so only a PUBLIC_URL can be http."""
        return self.public_url is None or self.public_url.startswith("https://")


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Settings from environment variables.

    Raises SettingsError for an invalid value.
    """
    stage = environment.get("LANYARD_STAGE", "") or LOCAL_STAGE
    is_local = stage == LOCAL_STAGE
    if is_local and "AWS_LAMBDA_FUNCTION_NAME" in environment:
        raise SettingsError("LANYARD_STAGE is missing: a deployed stage must set it to its name")
    registration, digests = read.registration(environment, closed=CLOSED, with_token=WITH_TOKEN, opened=OPEN)
    catalogue = read.permission_catalogue(environment.get("PERMISSIONS", ""))
    resources = read.all_resources(read.resources(environment.get("RESOURCES", "")), catalogue)
    apis = read.authorizer_resources(environment.get("AUTHORIZER_RESOURCES", ""), known=resources)
    required = environment.get("REQUIRED_SCOPES", "")
    rules = None if required else read.catalogue_rules(catalogue, apis)
    server_keys = read_keys.server_keys(
        environment, shortest=limits.SERVER_KEY_MIN_CHARACTERS, most=limits.SERVER_KEYS_LIMIT
    )
    public_url = read.public_url(environment.get("PUBLIC_URL", ""), is_local=is_local)
    signs = bool(environment.get("SIGNING_KEYS") or environment.get("SIGNING_KEYS_PARAMETER"))
    read.check_token_formats(catalogue, signs=signs, public_url=public_url)
    return Settings(
        stage=stage,
        permissions=catalogue,
        table_prefix=environment.get("TABLE_PREFIX", "") or f"lanyard-{stage}-",
        public_url=public_url or (LOCAL_PUBLIC_URL if is_local else None),
        code_lifetime_seconds=read.seconds(
            environment, "CODE_LIFETIME_SECONDS", default=60, most=limits.CODE_MAX_LIFETIME_SECONDS
        ),
        sign_up_open=read.sign_up_open(environment.get("SIGN_UP", ""), is_local=is_local),
        mail_sender=read.mail_sender(environment.get("MAIL_SENDER", "")),
        mail_folder=environment.get("MAIL_FOLDER", "") or LOCAL_MAIL_FOLDER,
        refresh_grace_seconds=read.seconds(
            environment, "REFRESH_GRACE_SECONDS", default=60, least=0, most=limits.REFRESH_GRACE_MAX_SECONDS
        ),
        registration=registration,
        registration_token_digests=digests,
        resources=resources,
        server_key=server_keys[0] if server_keys else None,
        server_key_parameter=environment.get("SERVER_KEY_PARAMETER", "") or None,
        site_name=read.site_name(environment.get("SITE_NAME", "") or SITE_NAME, most=limits.SITE_NAME_LIMIT_CHARACTERS),
        site_logo_url=read.site_logo_url(
            environment.get("SITE_LOGO_URL", ""), most=limits.SITE_LOGO_URL_LIMIT_CHARACTERS
        ),
        site_colour=read.site_colour(environment.get("SITE_COLOUR", "") or SITE_COLOUR),
        support_contact=read.support_contact(
            environment.get("SUPPORT_CONTACT", ""), most=limits.SUPPORT_CONTACT_LIMIT_CHARACTERS
        ),
        required_scopes=read.required_scopes(required or REQUIRED_SCOPES) if rules is None else rules,
        authorizer_resources=apis,
        imported_passwords=read.imported_passwords(environment.get("IMPORTED_PASSWORDS", "")),
        not_before=read.moment(environment, "NOT_BEFORE"),
        previous_server_keys=server_keys[1:],
        providers=read.providers(environment.get("IDENTITY_PROVIDERS", ""), is_local=is_local),
        provider_secrets=read.provider_secrets(environment),
        refresh_idle_days=read.days(
            environment, "REFRESH_IDLE_DAYS", default=90, least=0, most=limits.REFRESH_IDLE_MAX_DAYS
        ),
        signing_keys=read_keys.signing_key_list(environment),
        signing_keys_parameter=read_keys.signing_keys_parameter(environment.get("SIGNING_KEYS_PARAMETER", "")),
        signing_kms_keys=read_keys.signing_kms_keys(environment),
        logout_queue=read_keys.logout_queue(environment.get("LOGOUT_QUEUE", ""), signs=signs),
    )


SETTINGS: Settings


def load(environment: Mapping[str, str]) -> None:
    """Read the settings of this process. Raises SettingsError for a value that cannot be used."""
    global SETTINGS
    SETTINGS = from_environment(environment)


if not TYPE_CHECKING:  # mypy would take every misspelled constant for a name that __getattr__ knows

    def __getattr__(name: str) -> object:
        if name == "SETTINGS":
            raise RuntimeError("There are no settings yet: call settings.load(os.environ) first.")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
