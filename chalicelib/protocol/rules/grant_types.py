"""The grant types by name (RFC 6749 §4, §6; RFC 8628 §3.4). Each has a file in `protocol/grants`."""

AUTHORIZATION_CODE = "authorization_code"
REFRESH_TOKEN = "refresh_token"
CLIENT_CREDENTIALS = "client_credentials"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
