"""Snippets for developers to paste: a URL for a browser, and commands for a terminal, quoted for the shell."""

from __future__ import annotations

import shlex
from typing import Any
from urllib.parse import quote, urlencode

# The public example of RFC 7636, appendix B. It shows where PKCE goes; an application makes its own values.
EXAMPLE_VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
EXAMPLE_CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def authorize_url(*, base_url: str, application: Any, redirect_uri: str, scope: str) -> str:
    """The URL that an application sends browsers to."""
    asked = {
        "response_type": "code",
        "client_id": application.public_id,
        "redirect_uri": redirect_uri,
        "scope": scope,
        "state": "STATE",
    }
    if application.needs_pkce:
        asked |= {"code_challenge": EXAMPLE_CHALLENGE, "code_challenge_method": "S256"}
    return f"{base_url}/api/v1/oauth/authorize?{urlencode(asked)}"


def curl_token(*, base_url: str, application: Any, client_secret: str | None, redirect_uri: str) -> str:
    """The command that exchanges a code. client_secret: None if it is no longer known."""
    verifier = [f"-d code_verifier={EXAMPLE_VERIFIER}"] if application.needs_pkce else []
    return _curl(
        f"{base_url}/api/v1/oauth/token",
        *_client_arguments(application, client_secret),
        *verifier,
        "-d grant_type=authorization_code",
        "-d code=CODE",
        f"--data-urlencode {shlex.quote('redirect_uri=' + redirect_uri)}",
    )


def curl_device(*, base_url: str, application: Any, client_secret: str | None, scope: str) -> str:
    """The command that starts the device grant (RFC 8628 §3.1)."""
    client = _client_arguments(application, client_secret)
    return _curl(
        f"{base_url}/api/v1/oauth/device_authorization", *client, f"--data-urlencode {shlex.quote('scope=' + scope)}"
    )


def curl_device_token(*, base_url: str, application: Any, client_secret: str | None) -> str:
    """The command that a device repeats until its user has answered (RFC 8628 §3.4)."""
    grant = "-d grant_type=urn:ietf:params:oauth:grant-type:device_code"
    client = _client_arguments(application, client_secret)
    return _curl(f"{base_url}/api/v1/oauth/token", *client, grant, "-d device_code=DEVICE_CODE")


def _client_arguments(application: Any, client_secret: str | None) -> list[str]:
    """The arguments that authenticate the application (RFC 6749 §2.3.1, RFC 7523 §2.2)."""
    secret = client_secret or "CLIENT_SECRET"
    client_id = quote(application.public_id, safe="")  # an imported one may have any characters
    named = f"-d client_id={shlex.quote(client_id)}"
    match application.auth_method:
        case "client_secret_basic":
            return [f"-u {shlex.quote(f'{client_id}:{secret}')}"]
        case "client_secret_post":
            return [named, f"-d client_secret={shlex.quote(secret)}"]
        case "private_key_jwt":
            kind = "-d client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
            return [named, kind, "-d client_assertion=ASSERTION"]
        case _:
            return [named]


def _curl(url: str, *arguments: str) -> str:
    return " \\\n  ".join([f"curl {shlex.quote(url)}", *arguments])
