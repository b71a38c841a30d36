"""The operator's settings: environment variables, read once, into one frozen `Settings`.

Every lifetime and limit of the product is defined here, with its unit in its name. Importing this module reads nothing:
each process calls `load` when it starts, which sets SETTINGS.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib import environment as read
from chalicelib.environment import RequiredScope as RequiredScope
from chalicelib.environment import SettingsError as SettingsError

LOCAL_STAGE = "local"
LOCAL_PUBLIC_URL = "http://127.0.0.1:8000"
SITE_NAME = "Lanyard"
SITE_COLOUR = "#1f5fbf"
LOCAL_MAIL_FOLDER = ".local/mail"

DAY_SECONDS = 86_400
ACCESS_TOKEN_LIFETIME_SECONDS = 86_400
CODE_MAX_LIFETIME_SECONDS = 600  # RFC 6749 §4.1.2
# A used code is kept as long as the access token that it was exchanged for, so that a late replay ends the grant.
USED_CODE_KEPT_SECONDS = ACCESS_TOKEN_LIFETIME_SECONDS

REFRESH_GRACE_MAX_SECONDS = 600
# How many rotations back a replayed refresh token of a public client is still recognized.
REFRESH_GENERATIONS_LIMIT = 1000
# A client repeats a refresh now and then, when a response is lost. If each of this many rotations in a row is followed
# by a repeat, two clients share one token, and one of them stole it: the next repeat ends the grant.
REFRESH_REPEATED_ROTATIONS_LIMIT = 5
REFRESH_IDLE_MAX_DAYS = 3650
# A grant that ended because nobody used it is kept this long, so that a late refresh is told why.
IDLE_GRANT_KEPT_SECONDS = 30 * 86_400
# How long an old client secret can work after a rotation, and how many old ones can work beside the current one.
SECRET_OVERLAP_MAX_SECONDS = 30 * 86_400
OLDER_SECRETS_LIMIT = 2
ASSERTION_LIFETIME_MAX_SECONDS = 600  # a client makes a new one for each request
ASSERTION_SKEW_SECONDS = 60  # between a client's clock and ours
# A used assertion is kept this long after it expires: clocks of servers differ, and so does that of the table.
ASSERTION_KEPT_SECONDS = 300
ASSERTION_REPEAT_SECONDS = 60  # how long the same request may be repeated until it is answered
SERVER_KEY_MIN_CHARACTERS = 43  # 256 bits of base64url
SERVER_KEYS_LIMIT = 10  # an unknown token costs a walk along the chain with each key
PUSHED_REQUEST_LIFETIME_SECONDS = 600  # long enough for the user to sign in
DEVICE_CODE_LIFETIME_SECONDS = 600
# What applications may push and start per minute: enough for a busy shop, whose users all come from its server's
# address.
REQUESTS_WINDOW_SECONDS = 60
PUSHED_REQUESTS_PER_CLIENT = 600
PUSHED_REQUESTS_PER_ADDRESS = 1200
DEVICE_REQUESTS_PER_CLIENT = 120
DEVICE_REQUESTS_PER_ADDRESS = 300
DEVICE_POLL_SECONDS = 5
DEVICE_SLOWER_SECONDS = 5  # RFC 8628 §3.5
DEVICE_WINDOW_SECONDS = 900
DEVICE_TRIES_PER_ACCOUNT = 10
DEVICE_TRIES_PER_ADDRESS = 50

APPLICATIONS_PER_OWNER_LIMIT = 50
REGISTRATIONS_PER_OWNER = 100  # per day: a deleted application makes room for another, but its id stays forever
REGISTRATION_FORM_KEPT_SECONDS = 86_400  # longer than the session that can send the form
# Who may register an application over the protocol (RFC 7591): nobody, anybody with a token, everybody.
CLOSED, WITH_TOKEN, OPEN = "closed", "token", "open"
REGISTRATION_WINDOW_SECONDS = 3600
REGISTRATIONS_PER_ADDRESS = 20
REGISTRATIONS_IN_ALL = 500
CLIENT_ID_LIMIT_CHARACTERS = 512  # a client id may be the URL of a document
DOCUMENT_FRESH_SECONDS = 3600
DOCUMENT_FETCH_SECONDS = 5.0
DOCUMENT_LIMIT_BYTES = 8192
DOCUMENT_WINDOW_SECONDS = 900
DOCUMENT_FETCHES_PER_USER = 20

SESSION_LIFETIME_SECONDS = 12 * 3600
SESSION_IDLE_SECONDS = 3 * 3600
# "Last seen" and "last used" are written at most this often: one write per read would double a request's cost.
SESSION_TOUCH_SECONDS = 300
SESSIONS_PER_USER_LIMIT = 50  # a session beyond this ends the least recently seen one
GRANT_TOUCH_SECONDS = 3600

SECURITY_EVENT_KEPT_SECONDS = 365 * 86_400
SECURITY_EVENTS_PER_PAGE = 20
USER_AGENT_KEPT_CHARACTERS = 256
OPERATOR_EVENT_KEPT_SECONDS = 2 * 365 * 86_400

SIGN_IN_WINDOW_SECONDS = 900
SIGN_IN_TRIES_PER_ACCOUNT = 10  # from one address
# From all addresses together. High, since whoever uses it up keeps the owner out too: higher than what one caller can
# use up, even with an IPv6 /48.
SIGN_IN_TRIES_PER_ACCOUNT_IN_ALL = 200
SIGN_IN_TRIES_PER_ADDRESS = 100
# A browser that has signed in to the account before has its own count, so strangers' tries do not lock it out.
SIGN_IN_TRIES_PER_DEVICE = 10
KNOWN_DEVICE_LIFETIME_SECONDS = 180 * 86_400
# Successful sign-ins and tries of known devices. Each costs a password hash.
SIGN_INS_PER_ACCOUNT = 60
SIGN_INS_PER_ADDRESS = 600
# The next sign-in says how many tries have failed, unless the last of them was longer ago than this.
FAILED_SIGN_INS_KEPT_SECONDS = 30 * 86_400
# An IPv6 caller is counted by /64, /56 and /48. Prefix length -> multiple of the limit for one address.
IPV6_LIMIT_FACTORS = {64: 1, 56: 4, 48: 16}
THROTTLE_SHARDS = 16  # counters that a limit for everybody is spread over, so that no item is written too often

STATIC_LIFETIME_SECONDS = 31_536_000  # a year: what is at a URL with a digest never changes
ICON_LIFETIME_SECONDS = 86_400  # also for robots.txt: the contents of these URLs can change
MAIL_LINK_LIFETIME_SECONDS = 1800
# A used or expired link is kept this long, so that a late click gets a page that says so.
MAIL_LINK_KEPT_SECONDS = 7 * 86_400
# No longer than a link's lifetime: anybody who must wait, because others requested mail for them, has a link that
# works.
MAIL_WINDOW_SECONDS = MAIL_LINK_LIFETIME_SECONDS
MAILS_PER_ACCOUNT = 5  # per purpose
MAILS_PER_ADDRESS = 30
# Per purpose, for everybody together: a limit on what a flood can cost. Once it is reached, nobody gets such a mail.
MAILS_IN_ALL = 1000
MAIL_LINK_TRIES = 10
PASSWORD_CHANGES_PER_ACCOUNT = 10  # each costs two password hashes and a mail to the owner
# Per try. All tries together get no more time than the request has left.
MAIL_CONNECT_SECONDS = 1.0
MAIL_READ_SECONDS = 3.0
MAIL_NOTICE_SECONDS = 2.0  # how long a mail that nobody waits for may delay the response

BODY_LIMIT_BYTES = 16_384
# How many organizers one consent can hold. Their slugs, of up to 50 characters, are stored in the consent, the code,
# the grant and the access token, up to 51 KB in each; every request of the application reads three of these.
ORGANIZERS_PER_CONSENT_LIMIT = 1000
# A consent form has at most 62 bytes per organizer. There is room for twice the limit, so that the page can refuse it.
CONSENT_FORM_LIMIT_BYTES = 131_072
FORM_FIELDS_LIMIT = 2_100
CARRIED_FORM_LIMIT_BYTES = 12_288  # in a sign-in form, which needs room for its own fields
# A request in a URL is passed on within another URL, encoded again, and gateways cut headers off at about 10 KB. Of a
# pushed request, only the redirect URI and the state appear in a URL, in the response.
AUTHORIZATION_REQUEST_LIMIT_CHARACTERS = 4096
PUSHED_REQUEST_LIMIT_CHARACTERS = 8192
# How far apart the clocks of the machines that write may be. What an operator ends is ended as of this much later, and
# whatever is issued after that counts as issued later still.
CLOCKS_APART_SECONDS = 10
ORGANIZERS_FILTERED_FROM = 10  # the consent page has a search field if it lists at least this many organizers
# How long a write that loses to other writes is tried again, each time after reading what they left.
CONTENTION_SECONDS = 5.0
# A user's grants for one application. One more ends the least recently used one.
GRANTS_PER_APPLICATION_LIMIT = 50
DEFAULT_TIMEZONE = "UTC"

NAME_LIMIT_CHARACTERS = 255
EMAIL_LIMIT_CHARACTERS = 254  # RFC 5321 §4.5.3.1.3, without the brackets
PASSWORD_MIN_CHARACTERS = 8
PASSWORD_LIMIT_CHARACTERS = 1024
REDIRECT_URI_LIMIT_CHARACTERS = 2048
REDIRECT_URIS_LIMIT = 20
REDIRECT_URIS_LIMIT_CHARACTERS = 8192  # an application's together; each of its requests reads them
SITE_NAME_LIMIT_CHARACTERS = 40
SUPPORT_CONTACT_LIMIT_CHARACTERS = 200
SITE_LOGO_URL_LIMIT_CHARACTERS = 2048  # Lambda accepts 4 KB of environment variables in total
# How many of an application's grants are counted for its owner; beyond that the page says "more than".
CONNECTED_COUNT_LIMIT = 1000

# How long a request may wait in total, for the store and for other services.
REQUEST_SECONDS = 10.0
# One try of one call to the store, and the maximum number of tries.
STORE_CONNECT_SECONDS = 1.0
STORE_READ_SECONDS = 1.5
STORE_TRIES = 3
STORE_LEAST_READ_SECONDS = 0.1  # if less is left, the try is not made
# The one try of an aside, and all asides of a request together, for which the end of the request is reserved.
STORE_ASIDE_READ_SECONDS = 0.5
STORE_ASIDE_SECONDS = 2.0
SERVICE_TRIES = 2  # of a call to SES or SSM
SERVER_KEY_RETRY_SECONDS = 5.0  # after a failure to read the server keys, they are not requested again for this long
# A refresh that loses to another one is tried again, unless its own write took this long. Then its client may have
# given up and sent the other refresh itself, and that one's token must stay valid.
REFRESH_GIVES_WAY_SECONDS = STORE_READ_SECONDS

# What the authorizer requires if the operator set nothing: `read` to read, `write` for the rest.
REQUIRED_SCOPES = "* GET /* read; * HEAD /* read; * * /* write"


@dataclass(frozen=True)
class Settings:
    """The values that differ between deployments.

    stage: the Chalice stage, which is also part of every table's name.
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
    site_name, site_logo_url, site_colour: the branding of the pages; the color as #rrggbb, the logo None for ours.
    support_contact: the email or web address of somebody to ask; None for just "the administrator".
    required_scopes: the authorizer's rules, of which the first match decides: protocol/rules/required_scopes.py.
    authorizer_resources: for each API that uses the authorizer, its API Gateway id -> which of `resources` it is.
    not_before: seconds since the epoch. Anything issued earlier counts as ended. Set after a restore, which brings back
    what was revoked since the backup.
    """

    stage: str
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
    not_before: int = 0
    previous_server_keys: tuple[str, ...] = field(default=(), repr=False)
    refresh_idle_days: int = 90

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
    resources = read.resources(environment.get("RESOURCES", ""))
    server_keys = read.server_keys(environment, shortest=SERVER_KEY_MIN_CHARACTERS, most=SERVER_KEYS_LIMIT)
    return Settings(
        stage=stage,
        table_prefix=environment.get("TABLE_PREFIX", "") or f"lanyard-{stage}-",
        public_url=read.public_url(environment.get("PUBLIC_URL", ""), is_local=is_local)
        or (LOCAL_PUBLIC_URL if is_local else None),
        code_lifetime_seconds=read.seconds(
            environment, "CODE_LIFETIME_SECONDS", default=60, most=CODE_MAX_LIFETIME_SECONDS
        ),
        sign_up_open=read.sign_up_open(environment.get("SIGN_UP", ""), is_local=is_local),
        mail_sender=read.mail_sender(environment.get("MAIL_SENDER", "")),
        mail_folder=environment.get("MAIL_FOLDER", "") or LOCAL_MAIL_FOLDER,
        refresh_grace_seconds=read.seconds(
            environment, "REFRESH_GRACE_SECONDS", default=60, least=0, most=REFRESH_GRACE_MAX_SECONDS
        ),
        registration=registration,
        registration_token_digests=digests,
        resources=resources,
        server_key=server_keys[0] if server_keys else None,
        server_key_parameter=environment.get("SERVER_KEY_PARAMETER", "") or None,
        site_name=read.site_name(environment.get("SITE_NAME", "") or SITE_NAME, most=SITE_NAME_LIMIT_CHARACTERS),
        site_logo_url=read.site_logo_url(environment.get("SITE_LOGO_URL", ""), most=SITE_LOGO_URL_LIMIT_CHARACTERS),
        site_colour=read.site_colour(environment.get("SITE_COLOUR", "") or SITE_COLOUR),
        support_contact=read.support_contact(
            environment.get("SUPPORT_CONTACT", ""), most=SUPPORT_CONTACT_LIMIT_CHARACTERS
        ),
        required_scopes=read.required_scopes(environment.get("REQUIRED_SCOPES", "") or REQUIRED_SCOPES),
        authorizer_resources=read.authorizer_resources(environment.get("AUTHORIZER_RESOURCES", ""), known=resources),
        not_before=read.moment(environment, "NOT_BEFORE"),
        previous_server_keys=server_keys[1:],
        refresh_idle_days=read.days(environment, "REFRESH_IDLE_DAYS", default=90, least=0, most=REFRESH_IDLE_MAX_DAYS),
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
