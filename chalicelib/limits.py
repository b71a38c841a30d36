"""Every lifetime and limit of the product, with its unit in its name. What operators may set is in `settings`."""

from __future__ import annotations

DAY_SECONDS = 86_400
ACCESS_TOKEN_LIFETIME_SECONDS = 86_400
ID_TOKEN_LIFETIME_SECONDS = 3600  # it says who signed in, once; nobody checks it again later
CLAIMS_LIMIT_CHARACTERS = 4000  # of the parameter `claims`
MAX_AGE_LIMIT_SECONDS = 999_999_999  # of `max_age`; more is no limit at all
SIGN_IN_AGAIN_SECONDS = 600  # how long ago a sign-in that a request asked for may have been
AUTHENTICATION_METHODS_LIMIT = 10  # that an identity provider names
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
# Tries of secrets that another system hashed, per minute, until their first use: each costs a slow hash. Enough for a
# server whose processes all send their first request at once.
HASHED_SECRET_WINDOW_SECONDS = 60
HASHED_SECRET_TRIES_PER_CLIENT = 20  # from one address
# From all addresses together: more than what one caller can use up, even with an IPv6 /48.
HASHED_SECRET_TRIES_PER_CLIENT_IN_ALL = 400
HASHED_SECRET_TRIES_PER_ADDRESS = 60
ASSERTION_LIFETIME_MAX_SECONDS = 600  # a client makes a new one for each request
ASSERTION_SKEW_SECONDS = 60  # between a client's clock and ours
# A used assertion is kept this long after it expires: clocks of servers differ, and so does that of the table.
ASSERTION_KEPT_SECONDS = 300
ASSERTION_REPEAT_SECONDS = 60  # how long the same request may be repeated until it is answered
DPOP_PROOF_LIMIT_CHARACTERS = 4096  # one with an RSA key of 8192 bits has about 3200
DPOP_JTI_LIMIT_CHARACTERS = 256
# How old a DPoP proof may be by the client's clock, and how far ahead of ours that clock may be.
DPOP_PROOF_AGE_SECONDS = 300
DPOP_PROOF_SKEW_SECONDS = 60
# A nonce for DPoP proofs is the same for a minute, so that answers that cross each other do not outdate each other's.
DPOP_NONCE_STEP_SECONDS = 60
DPOP_NONCE_LIFETIME_SECONDS = 300
# A used proof is kept a while longer than it could be used: clocks of servers differ, and so does that of the table.
DPOP_PROOF_KEPT_SECONDS = DPOP_PROOF_AGE_SECONDS + DPOP_PROOF_SKEW_SECONDS + 300
SERVER_KEY_MIN_CHARACTERS = 43  # 256 bits of base64url
SERVER_KEYS_LIMIT = 10  # an unknown token costs a walk along the chain with each key
PUSHED_REQUEST_LIFETIME_SECONDS = 600  # long enough for the user to sign in
# For an application that is held to the FAPI 2.0 Security Profile: less than 600, and at most 60 (§5.3.2.2).
FAPI_PUSHED_REQUEST_LIFETIME_SECONDS = 540
FAPI_CODE_LIFETIME_MAX_SECONDS = 60
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
# An application's owners, open invitations included; and how many applications of others a user may own with them.
OWNERS_LIMIT = 10
SHARED_APPLICATIONS_LIMIT = 100
INVITATION_LIFETIME_SECONDS = 7 * 86_400
INVITATIONS_PER_OWNER = 20  # per day: each may send a mail to a stranger
REGISTRATIONS_PER_OWNER = 100  # per day: a deleted application makes room for another, but its id stays forever
REGISTRATION_FORM_KEPT_SECONDS = 86_400  # longer than the session that can send the form
REGISTRATION_WINDOW_SECONDS = 3600
REGISTRATIONS_PER_ADDRESS = 20
REGISTRATIONS_IN_ALL = 500
REGISTRATIONS_BY_SCRIPTS = 100  # of these, by the scripts of web pages
CLIENT_ID_LIMIT_CHARACTERS = 512  # a client id may be the URL of a document
# How long a client is used without fetching its document again: if the document does not say, and at least and at most.
DOCUMENT_FRESH_SECONDS = 3600
DOCUMENT_FRESH_MIN_SECONDS = 60
DOCUMENT_FRESH_MAX_SECONDS = 86_400
DOCUMENT_STALE_SECONDS = 7 * 86_400  # the same while its host cannot be reached
DOCUMENT_FAILED_SECONDS = 60  # before a host that could not be reached is tried again
DOCUMENT_FETCH_KEPT_SECONDS = 3600
DOCUMENT_VALIDATOR_LIMIT_CHARACTERS = 200
DOCUMENT_FETCH_SECONDS = 5.0
DOCUMENT_LIMIT_BYTES = 8192
PUBLISHED_KEYS_LIMIT_BYTES = 65_536  # with certificates, which are not kept
PUBLISHED_KEYS_FRESH_SECONDS = 3600  # how long a key may be used after its owner withdrew it
PUBLISHED_KEYS_RETRY_SECONDS = 60  # before an application's keys are fetched again
DOCUMENT_WINDOW_SECONDS = 900
DOCUMENT_FETCHES_PER_USER = 20

# What an application says about itself to people.
ABOUT_LINK_LIMIT_CHARACTERS = 512
DESCRIPTION_LIMIT_CHARACTERS = 500
CONTACTS_LIMIT = 3
LOGO_LIMIT_BYTES = 16_384  # it is part of the consent page

SESSION_LIFETIME_SECONDS = 12 * 3600
SESSION_IDLE_SECONDS = 3 * 3600
# "Last seen" and "last used" are written at most this often: one write per read would double a request's cost.
SESSION_TOUCH_SECONDS = 300
SESSIONS_PER_USER_LIMIT = 50  # a session beyond this ends the least recently seen one
GRANT_TOUCH_SECONDS = 3600
# How often the use of a client secret is recorded: every request of a server shows it.
SECRET_TOUCH_SECONDS = DAY_SECONDS

SECURITY_EVENT_KEPT_SECONDS = 365 * 86_400
SECURITY_EVENTS_PER_PAGE = 20
USER_AGENT_KEPT_CHARACTERS = 256
OPERATOR_EVENT_KEPT_SECONDS = 2 * 365 * 86_400

# What an application's developer sees of its refused requests. The limits per minute are those of one process.
RECENT_REQUESTS_LIMIT = 100
RECENT_REQUEST_KEPT_SECONDS = 7 * 86_400
RECENT_REQUESTS_PER_MINUTE = 20
RECENT_REQUESTS_PER_MINUTE_IN_ALL = 300
RECENT_REQUESTS_NUMBERED = 1000  # applications whose last slot a process remembers
RECENT_REQUEST_ORIGIN_CHARACTERS = 200

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

# A user's organizers. The slugs of the first ones are stored on the user, with at most 400 KB: DynamoDB has room for
# 7,000 of the longest. Further ones are in 64 shards, chosen by a hash. There is room for 100,000: they put about 1,600
# in each, and 2,000 in none. A shard has at most 106 KB, so all of them fit into one BatchGetItem (16 MB).
MEMBERSHIPS_ON_USER_LIMIT = 5000
MEMBERSHIPS_PER_SHARD_LIMIT = 2000
# The consent page of a user with more organizers than fit on the user lists this many at once, and a search for a name
# reads this many names at most before it asks whether to go on. Each hundred names takes a round trip.
ORGANIZERS_LISTED_AT_ONCE = 500
ORGANIZERS_SEARCHED_AT_ONCE = 5000

# SCIM. A page has at most this many resources, and a group or user in it at most this many members or groups.
SCIM_PAGE_LIMIT = 100
SCIM_PART_OF_PAGE_LIMIT = 100
SCIM_PARTS_LIMIT = 1000  # the members of a group, or the groups of a user, that is read by itself
SCIM_MEMBER_CHANGES_LIMIT = 1000  # members that one request adds or removes by id
SCIM_MEMBERS_AT_ONCE = 24  # in one transaction, which takes 100 changes, and up to four for each member
# How many items an index or a filter without a key may walk past, and how many more are counted for totalResults. Each
# thousand takes about 50 ms.
SCIM_WALK_LIMIT = 50_000
SCIM_COUNT_LIMIT = 10_000
SCIM_SEARCH_AT_ONCE = 1000  # items that one call searches
SCIM_FILTER_LIMIT_CHARACTERS = 8192  # a thousand comparisons take a tenth of a second to read
# Operations of one PATCH. Each on a user is applied to the whole user: 8,000 of them take more than a minute.
SCIM_USER_OPERATIONS_LIMIT = 100
SCIM_GROUP_OPERATIONS_LIMIT = 1000  # clients send one for each member
SCIM_BULK_LIMIT = 100
SCIM_BODY_LIMIT_BYTES = 1_048_576
SCIM_PROFILE_LIMIT_BYTES = 4096  # of a user: each token check reads it

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
# A signed access token travels in a header, and gateways and servers take 8 to 10 KB of headers. One for more
# organizers than this, or whose slugs are longer together, says only how many there are.
SIGNED_TOKEN_ORGANIZERS_LIMIT = 50
SIGNED_TOKEN_ORGANIZERS_LIMIT_BYTES = 3072
SIGNED_TOKEN_LIMIT_CHARACTERS = 16_384  # a longer one was not made here
# The list of signed tokens that ended early. A page of the most entries has about 1.3 MB as a JWT.
ENDED_TOKENS_PER_PAGE = 5000
ENDED_TOKENS_SHARDS = 4  # hash keys that the list is spread over: DynamoDB takes 1,000 write units a second at each
ENDED_TOKENS_CACHED_SECONDS = 5
SERVER_KEY_RETRY_SECONDS = 5.0  # after a failure to read the server keys, they are not requested again for this long

# The keys that the provider signs with. `rotate` and `retire` of manage.py keys follow from these times.
PUBLISHED_KEYS_CACHED_SECONDS = 300
SIGNING_KEYS_FRESH_SECONDS = 300  # how long a process uses the list of keys before it reads it again
SIGNING_KEYS_STALE_SECONDS = 1800  # the same while SSM cannot be reached
SIGNING_KEYS_REFRESH_SECONDS = 1.0  # how long a request may wait for the list if the process has an older one
VERIFIERS_KEEP_KEYS_SECONDS = 7200  # API Gateway's JWT authorizers, the longest of those we know
SIGNED_LIFETIME_MAX_SECONDS = 86_400  # of anything that is signed and checked by others
# How long a successor is published before it signs: until no process, cache or verifier lacks it.
SUCCESSOR_PUBLISHED_SECONDS = (
    SIGNING_KEYS_STALE_SECONDS + PUBLISHED_KEYS_CACHED_SECONDS + VERIFIERS_KEEP_KEYS_SECONDS + CLOCKS_APART_SECONDS
)
# How long a key is published after its successor began to sign: until the last process has noticed, and what that
# process signed has expired.
RETIRED_KEY_PUBLISHED_SECONDS = SIGNING_KEYS_STALE_SECONDS + SIGNED_LIFETIME_MAX_SECONDS + CLOCKS_APART_SECONDS
SIGNING_KEY_OLD_DAYS = 365  # NIST SP 800-57 Part 1 §5.3.6 gives private signature keys one to three years
SIGNING_KEYS_LIMIT = 6
SIGNING_KEYS_LIMIT_CHARACTERS = 16_384
PARAMETER_LIMIT_CHARACTERS = 4096  # of a standard parameter in SSM
RSA_MIN_BITS = 2048
RSA_MAX_BITS = 4096
# A refresh that loses to another one is tried again, unless its own write took this long. Then its client may have
# given up and sent the other refresh itself, and that one's token must stay valid.
REFRESH_GIVES_WAY_SECONDS = STORE_READ_SECONDS

# Sign-in at an identity provider.
SIGN_IN_REQUEST_LIFETIME_SECONDS = 600  # long enough to sign in there
PROVIDER_DOCUMENT_KEPT_SECONDS = 3600  # a provider's metadata and keys, in the memory of a process
PROVIDER_KEYS_RETRY_SECONDS = 60  # before keys are fetched again for a key id that is not among them
PROVIDER_RETRY_SECONDS = 15  # before a provider that hangs is asked again by the same process
SECRET_RENEWAL_SECONDS = 60  # before a secret that a provider refuses is read again
PROVIDER_DOCUMENT_LIMIT_BYTES = 65_536
ID_TOKEN_SKEW_SECONDS = 60
LOGOUT_TOKEN_LIFETIME_SECONDS = 120  # Back-Channel Logout §2.4 recommends at most two minutes
LOGOUT_TRIES = 10  # how often an application that does not accept a logout token gets another one
LOGOUTS_AT_ONCE = 5  # calls of the function that sends them
LOGOUT_QUEUE_SECONDS = 2.0  # how long a request may wait for the queue
TOLD_AT_SIGN_OUT_LIMIT = 50  # the sign-ins at applications that a session keeps from the ones before it
ID_TOKEN_LIMIT_CHARACTERS = 16_384
ORGANIZERS_TOLD_LIMIT = 1000
