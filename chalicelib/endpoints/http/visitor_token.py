"""The CSRF token of forms for visitors who are not signed in: the sign-in, sign-up and reset forms.

A cookie without an account contains a secret. The token is derived from it and from the form's purpose.
"""

from __future__ import annotations

import re
import secrets

from chalicelib import credentials, limits
from chalicelib.endpoints.http import cookies, stale_form
from chalicelib.endpoints.http.request import Request
from chalicelib.protocol.rules.request_parameters import single

_SECRET = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)  # the format of token_urlsafe(32)


def visitor_form(request: Request, purpose: str) -> tuple[str, list[str]]:
    """The CSRF token, and the Set-Cookie values that the form needs."""
    secret = _secret(request) or secrets.token_urlsafe(32)
    return credentials.derive(secret, purpose), [cookies.kept("login", secret, limits.SESSION_LIFETIME_SECONDS)]


def check_visitor_form(request: Request, purpose: str) -> None:
    """Raises StaleForm unless this browser was shown the form for this purpose."""
    secret = _secret(request)
    expected = credentials.derive(secret, purpose) if secret else ""
    stale_form.check(single(request.form, stale_form.CSRF_FIELD), expected, is_visitors=True)


def begin_elsewhere(request: Request) -> tuple[str, list[str]]:
    """The secret that binds a sign-in at an identity provider to this browser, and the Set-Cookie values that keep it.
    It has a cookie of its own, since a sign-in in another tab ends the other one."""
    secret = begun_elsewhere(request) or secrets.token_urlsafe(32)
    return secret, [cookies.kept("elsewhere", secret, limits.SIGN_IN_REQUEST_LIFETIME_SECONDS)]


def begun_elsewhere(request: Request) -> str | None:
    """The secret that `begin_elsewhere` made; None if this browser began nothing."""
    return _secret(request, "elsewhere")


def _secret(request: Request, of: str = "login") -> str | None:
    """The secret that a response of ours put into the cookie. Any other value of it was planted and is not sent
    back."""
    secret = cookies.read(request, of) or ""
    return secret if _SECRET.fullmatch(secret) else None
