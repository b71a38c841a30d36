"""No value that the platform's server sends causes a 5xx response."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.models import application_access
from tests.actors import ClientApp
from tests.nasty.conftest import Send
from tests.nasty.corpus import JSON, SEGMENTS, TEXTS, with_raw
from tests.people import create_person
from tests.scim.platform_server import BULK, GROUP, PATCH, USER

pytestmark = pytest.mark.spec("RFC 7644 §3.12")
ROOT = "/scim/v2"
ROUTES = {
    *(f"{ROOT}/{path}" for path in ("Users", "Users/{user_id}", "Groups", "Groups/{slug}", "Bulk", "{proxy+}")),
    *(f"{ROOT}/{path}" for path in ("ServiceProviderConfig", "ResourceTypes", "ResourceTypes/{name}")),
    *(f"{ROOT}/{path}" for path in ("Schemas", "Schemas/{urn}")),
}
Post = Callable[..., int]


@pytest.fixture
def push(send: Send, client: ClientApp) -> Post:
    """Send a request of the platform's server. Returns the status."""
    application_access.allow(client.client_id, ["scim"], [])
    token = client.call_token(grant_type="client_credentials").json()["access_token"]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/scim+json"}

    def made(method: str, path: str, body: Any = None, **more: Any) -> int:
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        answer = send(method, ROOT + path, data=data, headers={**headers, **more.pop("headers", {})}, **more)
        assert answer.status_code < 400 or answer.json()["status"] == str(answer.status_code)
        return answer.status_code

    return made


def test_no_attribute_causes_a_5xx(push: Post) -> None:
    user = create_person().user_id
    for name in ("userName", "externalId", "displayName", "name", "emails", "locale", "timezone", "active", "password"):
        change = {"op": "replace", "path": name}
        for raw in JSON:
            push("POST", "/Users", with_raw({"schemas": [USER], "userName": "nasty"}, name, raw).encode())
            operation = with_raw(change, "value", raw)
            push("PATCH", f"/Users/{user}", with_raw({"schemas": [PATCH]}, "Operations", f"[{operation}]").encode())
        for text in TEXTS:
            push("PUT", f"/Users/{user}", {"schemas": [USER], "userName": "nasty", name: text})
    for name in ("displayName", "externalId", "members"):
        for raw in [*JSON, *(f'[{{"value": {json.dumps(text)}}}]' for text in TEXTS)]:
            push("POST", "/Groups", with_raw({"schemas": [GROUP], "displayName": ""}, name, raw).encode())


def test_no_patch_causes_a_5xx(push: Post) -> None:
    user = create_person().user_id
    for text in TEXTS:
        for operation in (
            {"op": text},
            {"op": "remove", "path": text},
            {"op": "add", "path": f"emails[{text}].value", "value": "x"},
            {"op": "remove", "path": f"members[value eq {json.dumps(text)}]"},
        ):
            for path in (f"/Users/{user}", "/Groups/nowhere"):
                push("PATCH", path, {"schemas": [PATCH], "Operations": [operation]})
    for raw in JSON:
        for path in (f"/Users/{user}", "/Groups/nowhere"):
            push("PATCH", path, with_raw({"schemas": [PATCH]}, "Operations", raw).encode())


def test_no_query_causes_a_5xx(push: Post) -> None:
    for text in TEXTS:
        quoted = json.dumps(text)
        for asked in (text, f"{text} eq 1", f"emails[{text}]", f"id eq {quoted}", f"externalId eq {quoted}"):
            push("GET", "/Users", params={"filter": asked})
            push("GET", "/Groups", params={"filter": asked})
        for attribute in ("userName", "emails.value", "groups.value", 'groups.value eq "x" and id'):
            push("GET", "/Users", params={"filter": f"{attribute} eq {quoted}"})
        push("GET", "/Groups", params={"filter": f"members.value eq {quoted}"})
        for name in ("attributes", "excludedAttributes", "sortBy", "count", "startIndex", "cursor", "x"):
            push("GET", "/Users", params={name: text, "filter": 'id eq "x"'})
        printable = "".join(character for character in text if " " <= character <= "~").strip()
        push("GET", "/Users/nobody", headers={"If-None-Match": printable, "If-Match": printable})


def test_no_bulk_request_causes_a_5xx(push: Post) -> None:
    user = create_person().user_id
    whole = {"method": "PUT", "path": f"/Users/{user}", "data": {"schemas": [USER], "userName": "x"}}
    for raw in JSON:
        push("POST", "/Bulk", with_raw({"schemas": [BULK]}, "Operations", raw).encode())
        push("POST", "/Users/.search", raw.encode("utf-8", "surrogatepass"))
        for name in ("method", "path", "bulkId", "version", "data"):
            operation = with_raw(whole, name, raw)
            push("POST", "/Bulk", with_raw({"schemas": [BULK]}, "Operations", f"[{operation}]").encode())


def test_no_path_causes_a_5xx(push: Post) -> None:
    for segment in SEGMENTS:
        for path in (
            f"/{segment}",
            f"/Users/{segment}",
            f"/Groups/{segment}",
            f"/ResourceTypes/{segment}",
            f"/Schemas/{segment}",
        ):
            push("GET", path)
        for method in ("PUT", "PATCH", "DELETE"):
            push(method, f"/Groups/{segment}", {"schemas": [GROUP], "displayName": "x"})
            push(method, f"/Users/{segment}", {"schemas": [USER], "userName": "x"})
