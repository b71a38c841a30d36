"""What an application can be, in the words of RFC 6749 §2.1, RFC 7591 §2 and RFC 8252."""

from __future__ import annotations

from dataclasses import dataclass

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
