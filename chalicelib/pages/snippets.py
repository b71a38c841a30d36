"""What a developer pastes: an address for a browser, and a call for a terminal in which no value means anything to the
shell."""

from __future__ import annotations

import shlex
from typing import Any
from urllib.parse import urlencode

# RFC 7636, appendix B: an example that everybody may know. It shows where PKCE goes; an application makes its own.
EXAMPLE_VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
EXAMPLE_CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def authorize_url(*, base_url: str, application: Any, redirect_uri: str) -> str:
    """Where an application sends browsers."""
    asked = {
        "response_type": "code",
        "client_id": application.client_id,
        "redirect_uri": redirect_uri,
        "scope": "read write",
        "state": "STATE",
    }
    if application.needs_pkce:
        asked |= {"code_challenge": EXAMPLE_CHALLENGE, "code_challenge_method": "S256"}
    return f"{base_url}/api/v1/oauth/authorize?{urlencode(asked)}"


def curl_token(*, base_url: str, application: Any, client_secret: str | None, redirect_uri: str) -> str:
    """The call that exchanges a code. client_secret: None where it is not known any more."""
    credentials = f"{application.client_id}:{client_secret or 'CLIENT_SECRET'}"
    who = f"-u {shlex.quote(credentials)}"
    if not application.has_secret:
        who = f"-d client_id={shlex.quote(application.client_id)}"
    if application.needs_pkce:
        who += f" -d code_verifier={EXAMPLE_VERIFIER}"
    lines = [
        f"curl {shlex.quote(base_url + '/api/v1/oauth/token')}",
        who,
        "-d grant_type=authorization_code",
        "-d code=CODE",
        f"--data-urlencode {shlex.quote('redirect_uri=' + redirect_uri)}",
    ]
    return " \\\n  ".join(lines)
