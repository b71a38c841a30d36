"""Demo data for the local stage: two users, two organizers, one application."""

from __future__ import annotations

from chalicelib import settings
from chalicelib.models import organizer, registration_form, user
from chalicelib.models.user import User

PASSWORD = "lanyard-demo"
ORGANIZERS = {"bigevents": "Big Events LLC", "smallshows": "Small Shows"}
JOHN = {"email": "admin@localhost", "fullname": "John Doe", "locale": "de", "timezone": "Europe/Berlin"}
EVE = {"email": "eve@localhost", "fullname": "Eve Moneypenny", "locale": "en", "timezone": "UTC"}
APPLICATION_NAME = "Box office"
REDIRECT_URIS = ("http://127.0.0.1:8080/callback", "http://localhost:8080/callback")


class NotLocal(RuntimeError):
    """Demo data has a public password, so it is never created in a deployed stage."""


def create() -> None:
    """Create the demo data that is missing. Raises NotLocal in any other stage."""
    if not settings.SETTINGS.is_local:
        raise NotLocal(f"Demo data is only for the local stage, not for {settings.SETTINGS.stage!r}.")
    for slug, name in ORGANIZERS.items():
        if not organizer.is_taken(slug):  # a deleted organizer stays deleted
            organizer.create(slug, name)
    john = _user(JOHN, ["bigevents", "smallshows"])
    _user(EVE, ["smallshows"])
    if john is not None:
        registration_form.register(john, name=APPLICATION_NAME, redirect_uris=REDIRECT_URIS)


def _user(profile: dict[str, str], slugs: list[str]) -> User | None:
    """Create a user if they do not exist. None if they do: later changes to them are kept."""
    if user.find_by_email(profile["email"]) is not None:
        return None
    made = user.create(
        email=profile["email"],
        password=PASSWORD,
        fullname=profile["fullname"],
        locale=profile["locale"],
        timezone=profile["timezone"],
    )
    for slug in (found.slug for found in organizer.get_all(slugs)):
        user.add_member(made.user_id, slug)
    return made
