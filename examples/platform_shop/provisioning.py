"""The shop pushes its organizers and people to Lanyard with SCIM 2.0 (RFC 7644), each time it starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from examples.platform_shop.lanyard import Lanyard

_USER = "urn:ietf:params:scim:schemas:core:2.0:User"
_GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"


def push(lanyard: Lanyard, people: Mapping[str, Mapping[str, Any]], organizers: Mapping[str, str]) -> None:
    """Create what is missing there, and replace what is there already.

    people: by the id that the shop knows them by, with the members of `app.PEOPLE`. organizers: slug -> name.
    """
    ids = {subject: _push_person(lanyard, subject, person) for subject, person in people.items()}
    for slug, name in organizers.items():
        members = [{"value": ids[subject]} for subject, person in people.items() if slug in person["organizers"]]
        group = {"schemas": [_GROUP], "externalId": slug, "displayName": name, "members": members}
        made = lanyard.scim("POST", "/Groups", group)
        if made.status_code == 409:
            made = lanyard.scim("PUT", f"/Groups/{slug}", group)
        made.raise_for_status()


def _push_person(lanyard: Lanyard, subject: str, person: Mapping[str, Any]) -> str:
    """Returns Lanyard's id of the person."""
    user = {
        "schemas": [_USER],
        "userName": person["email"],
        "externalId": subject,
        "displayName": person["fullname"],
        "emails": [{"value": person["email"], "primary": True}],
        "preferredLanguage": person["locale"],
        "timezone": person["timezone"],
        "active": True,
    }
    made = lanyard.scim("POST", "/Users", user)
    if made.status_code == 409:
        (found,) = lanyard.scim("GET", f'/Users?filter=externalId eq "{subject}"').json()["Resources"]
        made = lanyard.scim("PUT", f"/Users/{found['id']}", user)
    made.raise_for_status()
    return str(made.json()["id"])
