"""The requests that Okta and Microsoft Entra document are answered as they expect."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.scim.corpus import REQUESTS, Sent
from tests.scim.platform_server import PlatformServer


def at(body: Any, path: str) -> Any:
    """The part of a body at a path such as `emails.0.value`; None if there is none."""
    for part in path.split("."):
        if isinstance(body, list):
            body = body[int(part)] if int(part) < len(body) else None
        else:
            body = (body or {}).get(part)
    return body


@pytest.mark.spec("RFC 7644 §3", "docs/platform/scim.md")
@pytest.mark.parametrize("sent", REQUESTS, ids=lambda sent: sent.name)
def test_request_of_okta_or_entra_is_answered_as_it_expects(platform: PlatformServer, mark: str, sent: Sent) -> None:
    given = {"name": {"givenName": "Ann", "familyName": "Other", "formatted": "Ann Other"}}
    emails = [{"value": f"user-{mark}@example.org", "type": "work", "primary": True}]
    user = platform.make_user(f"user-{mark}", emails=emails, **given)["id"]
    other = platform.make_user(f"other-{mark}@example.org")["id"]
    group = platform.make_group(f"Group {mark}", externalId=f"g-{mark}", members=[{"value": user}])["id"]
    words = {"USER": user, "OTHER": other, "GROUP": group, "MARK": mark}

    def filled(value: Any) -> Any:
        text = json.dumps(value)
        for word, meaning in words.items():
            text = text.replace(word, meaning)
        return json.loads(text)

    answer = platform.call(sent.method, filled(sent.path), filled(sent.body))
    assert answer.status_code == sent.status, answer.text
    if sent.status == 204:
        assert answer.content == b""
        assert platform.get(filled(sent.path)).status_code == 404
        return
    assert answer.headers["Content-Type"] == "application/scim+json"
    body = answer.json()
    assert "password" not in body
    for path, value in filled(sent.shows).items():
        found = at(body, path)
        assert found == value or (value == {} and found), (path, found)


def test_renamed_person_is_called_by_the_part_that_entra_changed(platform: PlatformServer, mark: str) -> None:
    from tests.scim.test_users import account

    name = {"formatted": "Ann Other", "givenName": "Ann", "familyName": "Other"}
    made = platform.make_user(f"{mark}@example.org", name=name)
    platform.patch(f"/Users/{made['id']}", {"op": "Replace", "path": "name.familyName", "value": "Married"})
    assert account(made["id"]).fullname == "Ann Married"
