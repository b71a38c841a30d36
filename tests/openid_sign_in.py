"""A sign-in at the OpenID provider of the tests, as a browser sees it."""

from __future__ import annotations

from typing import Any

from chalicelib import credentials
from chalicelib.models import user
from chalicelib.models.linked_identity import Identity
from tests.actors import Browser, Page
from tests.openid_provider import OpenIDProvider


def somebody(**more: Any) -> dict[str, Any]:
    """The claims of a user whom nobody here has heard of."""
    subject = credentials.new_id()
    return {"sub": subject, "email": f"{subject}@example.org", "email_verified": True, "name": "Ann Other", **more}


def led(browser: Browser, next_path: str = "/settings/profile") -> str:
    """The address that the button leads to."""
    page = browser.open("/login", next=next_path)
    link = page.link("Sign in with Staff account")
    assert link
    found = browser.open(link).left_to
    assert found
    return found


def sign_in(browser: Browser, provider: OpenIDProvider, claims: dict[str, Any], **more: Any) -> Page:
    return browser.open(provider.signed_in(led(browser, **more), **claims))


def account(claims: dict[str, Any], provider: OpenIDProvider) -> user.User:
    found = user.find_by_identity(Identity(provider.issuer, claims["sub"]))
    assert found
    return found
