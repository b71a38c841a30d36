"""`make demo PLATFORM=box_office`: the demo with a platform of its own log-in, people, organizers and permissions.

The platform is examples/platform_shop: its people sign in on its page, and it pushes them and its organizers with SCIM.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from chalicelib import credentials, settings
from chalicelib.identity_providers import PlatformPage
from chalicelib.models import application, application_access, client_secret, registration_form, user
from infra.laptop import demo
from infra.laptop.local import LOCAL, CannotStart

NAME = "box_office"
# Settings of Lanyard, and what the demo application asks for.
SETTINGS = {"PERMISSIONS": "box_office", "IDENTITY_PROVIDERS": "example_shop"}
SCOPE = "events.write orders.refund checkin"
COMMAND = "examples.platform_shop.app"
_CREDENTIALS = LOCAL / "demo_platform.json"
_SHOP = "Example Shop"
_SCOPES = ("scim", "sign_in")
PERSON = "ann@tickets.example with the password tickets-demo"


def is_wanted() -> bool:
    """Raises CannotStart for a platform that there is not."""
    wanted = os.environ.get("PLATFORM", "")
    if wanted not in ("", NAME):
        raise CannotStart(f"PLATFORM must be {NAME}, not {wanted!r}")
    return bool(wanted)


def check_running(environment: Mapping[str, str]) -> None:
    """Raises CannotStart if Lanyard runs with other settings. environment: what it was started with."""
    if any(environment.get(name) != value for name, value in SETTINGS.items()):
        needed = " ".join(f"{name}={value}" for name, value in SETTINGS.items())
        raise CannotStart(f"Lanyard is running with other settings. Stop it, or start it with: {needed} make run")


def port() -> int:
    """The port that the file of identity providers names for the shop's page."""
    (page,) = (found for found in settings.SETTINGS.providers.by_name.values() if isinstance(found, PlatformPage))
    return urlsplit(page.url).port or 80


def environment() -> dict[str, str]:
    """The shop's own environment: its application's credentials, and its port."""
    owner = user.find_by_email(demo.JOHN["email"])
    assert owner is not None  # `make run` created him
    owned = [found for found in application.owned_by(owner.user_id) if found.name == _SHOP]
    known = json.loads(_CREDENTIALS.read_text(encoding="utf-8")) if _CREDENTIALS.exists() else {}
    if not owned:
        made, secret = registration_form.register(owner, name=_SHOP, redirect_uris=["https://tickets.example/"])
        known = {"client_id": made.client_id, "client_secret": secret}
    elif known.get("client_id") != owned[0].client_id or not _is_current(owned[0].client_id, known["client_secret"]):
        known = {"client_id": owned[0].client_id, "client_secret": client_secret.rotate(owned[0])[1]}
    _CREDENTIALS.touch(mode=0o600)
    _CREDENTIALS.write_text(json.dumps(known), encoding="utf-8")
    application_access.allow(known["client_id"], _SCOPES, [])
    return {
        "LANYARD_CLIENT_ID": known["client_id"],
        "LANYARD_CLIENT_SECRET": known["client_secret"],
        "PORT": str(port()),
    }


def _is_current(client_id: str, secret: str) -> bool:
    found = application.get(client_id)
    return found is not None and credentials.matches(secret, found.secret_digest)
