"""Whoever goes leaves their applications: to the other owners, where there are any."""

from __future__ import annotations

from chalicelib.models import application, ownership, registration_form
from chalicelib.models.user import User


def registered_by(of: User) -> list[str]:
    """The client ids of the user's applications: those in the index, and recent ones that it may not list yet."""
    listed = [str(owned.client_id) for owned in application.owned_by(str(of.user_id))]
    lately = registration_form.registered_lately(str(of.user_id))
    return [*listed, *(client_id for client_id in lately if client_id not in listed and application.get(client_id))]


def heirs(client_id: str) -> list[User]:
    """The other owners of an application, who can keep it. Those who can sign in come first."""
    found = application.get(client_id)
    others = [one for one in ownership.owners(found) if one.user_id != found.owner_id] if found else []
    return sorted(others, key=lambda one: not one.active)


def hand_over(client_id: str) -> bool:
    """Make one of the other owners the main owner. False if there are none."""
    found, others = application.get(client_id), heirs(client_id)
    if found is None or not others:
        return False
    ownership.transfer(found, others[0], keeps=False)
    return True


def leave(client_id: str, user_id: str) -> None:
    """Take the user off an application that others own too."""
    found = application.get(client_id)
    if found and found.is_owned_by(user_id):
        ownership.remove(found, user_id)
