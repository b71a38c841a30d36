"""The operator's settings: environment variables, read once, into one frozen `Settings`.

Every lifetime and limit of the product stands here, its unit in its name. Importing this reads nothing: whatever starts
the process calls `load`, and SETTINGS is there from then on.
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
# A used code is kept from its use on, as long as the access token it made, so that a late replay ends the grant.
USED_CODE_KEPT_SECONDS = ACCESS_TOKEN_LIFETIME_SECONDS

REFRESH_GRACE_MAX_SECONDS = 600
# How far back a replayed refresh token of a public client is recognized as one that was once good.
REFRESH_GENERATIONS_LIMIT = 1000
# A client repeats a refresh now and then, when an answer is lost. A refresh that is repeated after each of this many
# rotations in a row is taken for two clients with one token, one of which stole it: the next repeat ends the grant.
REFRESH_REPEATED_ROTATIONS_LIMIT = 5
REFRESH_IDLE_MAX_DAYS = 3650
# A grant that ended because nobody used it is remembered, so that a late refresh is told why.
IDLE_GRANT_KEPT_SECONDS = 30 * 86_400
# While a client secret is exchanged for another, both can live for at most this long; and this many beside the present.
SECRET_OVERLAP_MAX_SECONDS = 30 * 86_400
OLDER_SECRETS_LIMIT = 2
ASSERTION_LIFETIME_MAX_SECONDS = 600  # a client makes a new one for each request
ASSERTION_SKEW_SECONDS = 60  # between a client's clock and ours
# A used one is remembered for this long after its end: servers' clocks differ too, and the table has one of its own.
ASSERTION_KEPT_SECONDS = 300
ASSERTION_REPEAT_SECONDS = 60  # for how long the same request may come again, if it has not been answered
SERVER_KEY_MIN_CHARACTERS = 43  # 256 bits of base64url
SERVER_KEYS_LIMIT = 10  # a token that is none of theirs costs a walk along the chain with each
PUSHED_REQUEST_LIFETIME_SECONDS = 600  # long enough to sign in on the way
DEVICE_CODE_LIFETIME_SECONDS = 600
# What applications may push and start, in a minute: room for a shop's busiest, who all come from its server's address.
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

# What one user may register, and for how long a form that did is known again: longer than the session that can send it.
APPLICATIONS_PER_OWNER_LIMIT = 50
REGISTRATIONS_PER_OWNER = 100  # in a day: what is deleted makes room for another, and leaves its id behind for good
REGISTRATION_FORM_KEPT_SECONDS = 86_400
# Who may register an application over the protocol (RFC 7591): nobody, who has a token, everybody.
CLOSED, WITH_TOKEN, OPEN = "closed", "token", "open"
REGISTRATION_WINDOW_SECONDS = 3600
REGISTRATIONS_PER_ADDRESS = 20
REGISTRATIONS_IN_ALL = 500
CLIENT_ID_LIMIT_CHARACTERS = 512  # it may be the address of a document
DOCUMENT_FRESH_SECONDS = 3600
DOCUMENT_FETCH_SECONDS = 5.0
DOCUMENT_LIMIT_BYTES = 8192
DOCUMENT_WINDOW_SECONDS = 900
DOCUMENT_FETCHES_PER_USER = 20

SESSION_LIFETIME_SECONDS = 12 * 3600
SESSION_IDLE_SECONDS = 3 * 3600
# "Last seen" and "last used" are written at most this often: a write for every read would double a request's cost.
SESSION_TOUCH_SECONDS = 300
SESSIONS_PER_USER_LIMIT = 50  # one more ends the one that was seen least recently
GRANT_TOUCH_SECONDS = 3600

SECURITY_EVENT_KEPT_SECONDS = 365 * 86_400
SECURITY_EVENTS_PER_PAGE = 20
USER_AGENT_KEPT_CHARACTERS = 256
OPERATOR_EVENT_KEPT_SECONDS = 2 * 365 * 86_400

SIGN_IN_WINDOW_SECONDS = 900
SIGN_IN_TRIES_PER_ACCOUNT = 10  # from one address
# From all addresses together: high, since whoever reaches it keeps the owner out too. So it is more than what one
# caller can use up, who may have an IPv6 /48.
SIGN_IN_TRIES_PER_ACCOUNT_IN_ALL = 200
SIGN_IN_TRIES_PER_ADDRESS = 100
# A browser that signed in to the account before is counted by itself: strangers' tries do not keep it out.
SIGN_IN_TRIES_PER_DEVICE = 10
KNOWN_DEVICE_LIFETIME_SECONDS = 180 * 86_400
# Sign-ins that went well and tries of known devices, each of which costs a password hash.
SIGN_INS_PER_ACCOUNT = 60
SIGN_INS_PER_ADDRESS = 600
# The next sign-in says how many tries had failed before it, unless this long passed since the last of them.
FAILED_SIGN_INS_KEPT_SECONDS = 30 * 86_400
# An IPv6 caller is counted by /64, /56 and /48: prefix length -> how many times the limit of one address.
IPV6_LIMIT_FACTORS = {64: 1, 56: 4, 48: 16}
THROTTLE_SHARDS = 16  # the counters that a limit for everybody is spread over, so that none is written too often

STATIC_LIFETIME_SECONDS = 31_536_000  # a year: an address that holds a digest never changes its meaning
ICON_LIFETIME_SECONDS = 86_400  # and of what crawlers may visit: their addresses stay when what is there changes
MAIL_LINK_LIFETIME_SECONDS = 1800
# A link that was used or has expired is remembered, so that a late click gets a page that says so.
MAIL_LINK_KEPT_SECONDS = 7 * 86_400
# No longer than a link lives: who has to wait, since somebody else asked for them, has a link that works.
MAIL_WINDOW_SECONDS = MAIL_LINK_LIFETIME_SECONDS
MAILS_PER_ACCOUNT = 5  # of one purpose
MAILS_PER_ADDRESS = 30
# Of one purpose, for everybody together: it bounds what a flood can cost. Nobody gets such a mail once it is reached.
MAILS_IN_ALL = 1000
MAIL_LINK_TRIES = 10
PASSWORD_CHANGES_PER_ACCOUNT = 10  # each costs two password hashes and a mail to the owner
# Of one try. A request waits for all of them no longer than it has time left.
MAIL_CONNECT_SECONDS = 1.0
MAIL_READ_SECONDS = 3.0
MAIL_NOTICE_SECONDS = 2.0  # that a mail which nobody waits for holds up the answer at most

BODY_LIMIT_BYTES = 16_384
# What one consent can be for. The slugs, of up to 50 characters, stand in the consent, the code, the grant and the
# access token, which then have 51 KB each; every request of the application reads three of them.
ORGANIZERS_PER_CONSENT_LIMIT = 1000
# A consent form has 62 bytes of each organizer at most. Room for twice as many, so that its page can say so.
CONSENT_FORM_LIMIT_BYTES = 131_072
FORM_FIELDS_LIMIT = 2_100
CARRIED_FORM_LIMIT_BYTES = 12_288  # by a sign-in form, whose own fields must fit beside it
# One that travels in an address is passed on in another, encoded once more, and gateways end a header at about 10 KB.
# Of a pushed one only the redirect URI and the state do, in the answer.
AUTHORIZATION_REQUEST_LIMIT_CHARACTERS = 4096
PUSHED_REQUEST_LIMIT_CHARACTERS = 8192
# How far the clocks of the machines that write may be apart: what an operator ends, ends so much later than it says
# there, and what is given after that counts as given later still.
CLOCKS_APART_SECONDS = 10
ORGANIZERS_FILTERED_FROM = 10  # from so many on, the consent page has a field to look for some of them
# For so long a write is tried again that others come before, each time after it was read what they left.
CONTENTION_SECONDS = 5.0
# A user's grants for one application: connecting once more ends the one that was used least recently.
GRANTS_PER_APPLICATION_LIMIT = 50
DEFAULT_TIMEZONE = "UTC"

NAME_LIMIT_CHARACTERS = 255
EMAIL_LIMIT_CHARACTERS = 254  # RFC 5321 §4.5.3.1.3, without the brackets
PASSWORD_MIN_CHARACTERS = 8
PASSWORD_LIMIT_CHARACTERS = 1024
REDIRECT_URI_LIMIT_CHARACTERS = 2048
REDIRECT_URIS_LIMIT = 20
REDIRECT_URIS_LIMIT_CHARACTERS = 8192  # of all of an application together; it is read with each of its requests
SITE_NAME_LIMIT_CHARACTERS = 40
SUPPORT_CONTACT_LIMIT_CHARACTERS = 200
SITE_LOGO_URL_LIMIT_CHARACTERS = 2048  # Lambda takes 4 KB of environment in all
# How many of an application's grants are counted for its owner; beyond that the page says "more than".
CONNECTED_COUNT_LIMIT = 1000

# How long a request may wait in all, for the store and for other services.
REQUEST_SECONDS = 10.0
# One try of one call to the store, and how many tries there are at most.
STORE_CONNECT_SECONDS = 1.0
STORE_READ_SECONDS = 1.5
STORE_TRIES = 3
STORE_LEAST_READ_SECONDS = 0.1  # where less is left, the try is not made
# The one try of what an answer does not need; and all of these together, which the end of a request is kept for.
STORE_ASIDE_READ_SECONDS = 0.5
STORE_ASIDE_SECONDS = 2.0
SERVICE_TRIES = 2  # of a call to SES or SSM
SERVER_KEY_RETRY_SECONDS = 5.0  # one that could not be read is not asked for again so soon
# A refresh that another one overtook goes after it, unless its own write took so long that its client may have given up
# on it: then the other may be that client's second try, whose token must stay.
REFRESH_GIVES_WAY_SECONDS = STORE_READ_SECONDS

# What the authorizer asks where the operator set nothing: `read` to read, `write` for the rest.
REQUIRED_SCOPES = "* GET /* read; * HEAD /* read; * * /* write"


@dataclass(frozen=True)
class Settings:
    """What differs between deployments.

    stage: the Chalice stage, which is also part of every table's name.
    table_prefix: what the tables' names start with.
    public_url: the address users see, without a trailing slash; None where API Gateway's own address is used.
    code_lifetime_seconds: how long an authorization code can be exchanged.
    sign_up_open: may anybody open an account, with an address that they can read mail at?
    mail_sender: the address that mail comes from, verified in SES; None where no mail is sent.
    mail_folder: where the local stage writes its mail instead.
    refresh_grace_seconds: how long a public client may repeat its last refresh, since answers get lost.
    registration: who may register an application over the protocol: CLOSED, WITH_TOKEN or OPEN.
    registration_token_digests: of the tokens that allow it where it is WITH_TOKEN.
    resources: addresses of APIs that take this provider's tokens, as clients may name them (RFC 8707).
    refresh_idle_days: after how many days without a refresh a public client's refresh token ends; 0 for never.
    server_key, previous_server_keys: what makes new tokens, and the keys before it, newest first; see `server_key`.
    server_key_parameter: the SSM parameter that keeps them all instead.
    site_name, site_logo_url, site_colour: what the pages look like; the colour as #rrggbb, the logo None for ours.
    support_contact: an email or web address of somebody to ask; None leaves it at "the administrator".
    required_scopes: what the authorizer asks of tokens, the first rule that fits: protocol/rules/required_scopes.py.
    authorizer_resources: API Gateway's id of an API that asks the authorizer -> the one of `resources` that it is.
    not_before: seconds since the epoch. What was issued before counts as ended: set after a restore, which brings back
    what was revoked meanwhile.
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
        """API Gateway speaks nothing but https, so only a PUBLIC_URL can say otherwise."""
        return self.public_url is None or self.public_url.startswith("https://")


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Settings from environment variables (names and values as strings).

    Raises SettingsError for a value that cannot be used.
    """
    stage = environment.get("LANYARD_STAGE", "") or LOCAL_STAGE
    is_local = stage == LOCAL_STAGE
    if is_local and "AWS_LAMBDA_FUNCTION_NAME" in environment:
        raise SettingsError("LANYARD_STAGE is missing: a deployed stage has to say which one it is")
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
