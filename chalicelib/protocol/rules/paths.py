"""The endpoints' paths, below the provider's URL. The metadata lists them, and client assertions name them."""

from __future__ import annotations

AUTHORIZATION = "/api/v1/oauth/authorize"
TOKEN = "/api/v1/oauth/token"
REVOCATION = "/api/v1/oauth/revoke_token"
INTROSPECTION = "/api/v1/oauth/introspect"
PUSHED_REQUEST = "/api/v1/oauth/par"
DEVICE_AUTHORIZATION = "/api/v1/oauth/device_authorization"
DEVICE = "/device"  # short: people type it
REGISTRATION = "/api/v1/oauth/register"
SERVER_METADATA = "/.well-known/oauth-authorization-server"
OPENID_CONFIGURATION = "/.well-known/openid-configuration"
END_SESSION = "/api/v1/oauth/end_session"
USER_INFO = "/api/v1/userinfo"
KEYS = "/.well-known/jwks.json"
ENDED_TOKENS = "/.well-known/ended-tokens"
RESOURCE_METADATA = "/.well-known/oauth-protected-resource"
SIGN_IN_WITH = "/login/with"
SECURITY = "/settings/security"
