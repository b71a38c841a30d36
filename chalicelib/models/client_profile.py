"""The kinds of applications, in the terms of RFC 6749 §2.1, RFC 7591 §2 and RFC 8252."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

CONFIDENTIAL = "confidential"
PUBLIC = "public"

# The client authentication methods (RFC 7591 §2).
BASIC = "client_secret_basic"
POST = "client_secret_post"
PRIVATE_KEY_JWT = "private_key_jwt"
NONE = "none"
_WITH_SECRET = (BASIC, POST)

# Where the application runs. Native ones may have special redirect URIs (RFC 8252 §7).
WEB = "web"
NATIVE = "native"


@dataclass(frozen=True)
class Profile:
    """The properties of an application that its developer chooses.

    auth_method: how it authenticates. auth_method_named: it said so itself, so it may not use another way. None in what
    an earlier version stored. application_type: WEB or NATIVE. jwks: its public keys, for PRIVATE_KEY_JWT.
    jwks_uri: where it publishes them; None if it sent them.
    device_grant: it may serve devices without a browser (RFC 8628). pkce_required: refuse its requests without a
    challenge. A public application's always are (RFC 7636, RFC 9700 §2.1.1). par_required: refuse its requests unless
    they were pushed (RFC 9126 §6). dpop_bound_access_tokens: its tokens must be bound to its key (RFC 9449 §5.2). fapi:
    it is held to the FAPI 2.0 Security Profile; see `protocol.clients.fapi`. id_token_alg: what signs its ID tokens;
    None for what the stage prefers. userinfo_signed: it gets UserInfo as a signed JWT. userinfo_alg: what signs it;
    None for the same. default_max_age: how many seconds ago its users may have signed in; None for any (OpenID Connect
    Registration §2). post_logout_redirect_uris: where it may have browsers sent after a sign-out that it asked for
    (OpenID Connect RP-Initiated Logout §3.1). backchannel_logout_uri: where it is told that a session ended;
    backchannel_logout_session_required: it needs a `sid`, which each logout token has (Back-Channel Logout §2.2).
    sector: whose pairwise identifiers it knows users by; None for their ids. sector_key: what makes these, see
    `models.sector`. sector_identifier_uri: the document that says its sector, if it needs one (OpenID Connect
    Registration §2).
    """

    auth_method: str = BASIC
    auth_method_named: bool | None = False
    application_type: str = WEB
    pkce_required: bool = False
    device_grant: bool = False
    jwks: str | None = None
    jwks_uri: str | None = None
    par_required: bool = False
    dpop_bound_access_tokens: bool = False
    fapi: bool = False
    id_token_alg: str | None = None
    userinfo_signed: bool = False
    userinfo_alg: str | None = None
    default_max_age: int | None = None
    post_logout_redirect_uris: tuple[str, ...] = ()
    backchannel_logout_uri: str | None = None
    backchannel_logout_session_required: bool = False
    sector: str | None = None
    sector_key: str | None = field(default=None, repr=False)
    sector_identifier_uri: str | None = None

    @property
    def is_public(self) -> bool:
        return self.auth_method == NONE

    @property
    def has_secret(self) -> bool:
        return self.auth_method in _WITH_SECRET

    @property
    def rare(self) -> dict[str, Any]:
        """What few applications have set, as attributes of an item: None where it is not."""
        return {
            "jwks_uri": self.jwks_uri,
            "par_required": self.par_required or None,
            "dpop_bound_access_tokens": self.dpop_bound_access_tokens or None,
            "fapi": self.fapi or None,
            "id_token_alg": self.id_token_alg,
            "userinfo_signed": self.userinfo_signed or None,
            "userinfo_alg": self.userinfo_alg,
            "default_max_age": self.default_max_age,
            "post_logout_redirect_uris": list(self.post_logout_redirect_uris) or None,
            "backchannel_logout_uri": self.backchannel_logout_uri,
            "backchannel_logout_session_required": self.backchannel_logout_session_required or None,
            "sector": self.sector,
            "sector_key": self.sector_key,
            "sector_identifier_uri": self.sector_identifier_uri,
        }


CLASSIC = Profile()


@dataclass(frozen=True)
class About:
    """What an application says about itself to people. All of it is optional (RFC 7591 §2).

    description: a few sentences. client_uri: its home page. logo_uri: a picture. policy_uri, tos_uri: how it treats
    data, and its terms. All are https URLs. contacts: email addresses.
    """

    description: str | None = None
    client_uri: str | None = None
    logo_uri: str | None = None
    policy_uri: str | None = None
    tos_uri: str | None = None
    contacts: tuple[str, ...] = ()


SILENT = About()


def accepted_methods(auth_method: str, *, is_named: bool) -> tuple[str, ...]:
    """How a client may authenticate, each time anew.

    Libraries send a secret with HTTP Basic or in the form, and some change between the two from one request to the
    next. RFC 6749 §2.3.1 lets a server take both. A client whose registration names a method gets that one only
    (RFC 7591 §2), and so does one that has no secret.
    """
    return _WITH_SECRET if auth_method in _WITH_SECRET and not is_named else (auth_method,)
