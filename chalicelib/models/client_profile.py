"""The kinds of applications, in the terms of RFC 6749 §2.1, RFC 7591 §2 and RFC 8252."""

from __future__ import annotations

from dataclasses import dataclass

CONFIDENTIAL = "confidential"
PUBLIC = "public"

# The client authentication methods (RFC 7591 §2).
BASIC = "client_secret_basic"
POST = "client_secret_post"
PRIVATE_KEY_JWT = "private_key_jwt"
NONE = "none"

# Where the application runs. Native ones may have special redirect URIs (RFC 8252 §7).
WEB = "web"
NATIVE = "native"


@dataclass(frozen=True)
class Profile:
    """The properties of an application that its developer chooses.

    auth_method: how it authenticates. application_type: WEB or NATIVE. jwks: its public keys, for PRIVATE_KEY_JWT.
    device_grant: it may serve devices without a browser (RFC 8628). pkce_required: refuse its requests without a
    challenge. A public application's always are (RFC 7636, RFC 9700 §2.1.1).
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
