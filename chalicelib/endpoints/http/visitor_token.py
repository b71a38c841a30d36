"""The CSRF token of a form for somebody who is not signed in: the sign-in, sign-up and reset forms.

A cookie without an account keeps a secret, from which the token is derived together with what the form is for.
"""

from __future__ import annotations

import re
import secrets

from chalicelib import credentials, settings
from chalicelib.endpoints.http import cookies, stale_form
from chalicelib.endpoints.http.request import Request
from chalicelib.protocol.rules.request_parameters import single

_SECRET = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)  # what token_urlsafe(32) gives


def visitor_form(request: Request, purpose: str) -> tuple[str, list[str]]:
    """The token, and the Set-Cookie values that the form needs."""
    secret = _secret(request) or secrets.token_urlsafe(32)
    return credentials.derive(secret, purpose), [cookies.kept("login", secret, settings.SESSION_LIFETIME_SECONDS)]


def check_visitor_form(request: Request, purpose: str) -> None:
    """Raises StaleForm where the form did not come from a page that this browser was shown for this purpose."""
    secret = _secret(request)
    expected = credentials.derive(secret, purpose) if secret else ""
    stale_form.check(single(request.form, stale_form.CSRF_FIELD), expected, is_visitors=True)


def _secret(request: Request) -> str | None:
    """What `visitor_form` made; anything else in that cookie is somebody else's and is not sent back."""
    secret = cookies.read(request, "login") or ""
    return secret if _SECRET.fullmatch(secret) else None
