"""An application that lets its users sign out, here as well."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from chalicelib.models import application_edit, store
from chalicelib.models.application import Application
from tests.actors import Browser, ClientApp

END_SESSION = "/api/v1/oauth/end_session"
SIGNED_OUT = "https://shop.example.com/signed-out?from=us"


def asking(**sent: str | None) -> str:
    """The path that the application sends a browser to."""
    return f"{END_SESSION}?{urlencode({name: value for name, value in sent.items() if value is not None})}"


def set_up(app: ClientApp, **attributes: Any) -> None:
    """Register these settings of OpenID Connect for an application."""
    store.change(Application.key(app.client_id), application_edit.setting(attributes))


def is_signed_in(browser: Browser) -> bool:
    return browser.open("/settings/authorized").title == "Authorized applications"
