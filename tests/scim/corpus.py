"""What Okta and Microsoft Entra send, by their own documentation and by what others have recorded of them.

In the bodies, USER and OTHER stand for the ids of two users, GROUP for the id of a group, and MARK for a word that
makes names unique. Each has its source and the date of that, or of the version that was read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

OKTA = "developer.okta.com/docs/reference/scim/scim-20 (okta/okta-developer-docs 02e8ee8, read 2026-11)"
ENTRA = (
    "learn.microsoft.com/entra/identity/app-provisioning/use-scim-to-provision-users-and-groups "
    "(MicrosoftDocs/entra-docs 03cc779, read 2026-11)"
)
_USER = "urn:ietf:params:scim:schemas:core:2.0:User"
_GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
_ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


@dataclass(frozen=True)
class Sent:
    """A request. shows: members of the response, by their paths, and their values. status: of the response."""

    name: str
    source: str
    method: str
    path: str
    body: Any = None
    shows: dict[str, Any] = field(default_factory=dict)
    status: int = 200


def _patch(*operations: dict[str, Any]) -> dict[str, Any]:
    return {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": list(operations)}


REQUESTS = (
    Sent(
        "Okta looks a user up before it creates them", OKTA, "GET",
        "/Users?filter=userName%20eq%20%22nobody-MARK%40okta.local%22&startIndex=1&count=100",
        shows={"totalResults": 0, "startIndex": 1, "itemsPerPage": 0, "Resources": []},
    ),
    Sent(
        "Okta creates a user", OKTA, "POST", "/Users",
        {
            "schemas": [_USER], "userName": "test.user-MARK@okta.local",
            "name": {"givenName": "Test", "familyName": "User"},
            "emails": [{"primary": True, "value": "test.user-MARK@okta.local", "type": "work"}],
            "displayName": "Test User", "locale": "en-US", "externalId": "00ujl29u0le5T6Aj10h7-MARK", "groups": [],
            "password": "1mz050nq", "active": True,
        },
        {"userName": "test.user-MARK@okta.local", "active": True, "displayName": "Test User", "locale": "en-US",
         "externalId": "00ujl29u0le5T6Aj10h7-MARK", "name.givenName": "Test", "meta.resourceType": "User"},
        201,
    ),
    Sent(
        "Okta replaces a user", OKTA, "PUT", "/Users/USER",
        {
            "schemas": [_USER], "id": "USER", "userName": "test.user2-MARK@okta.local",
            "name": {"givenName": "Another", "middleName": "Excited", "familyName": "User"},
            "emails": [{"primary": True, "value": "test.user2-MARK@okta.local", "type": "work",
                        "display": "test.user2-MARK@okta.local"}],
            "active": True, "groups": [], "meta": {"resourceType": "User"},
        },
        {"id": "USER", "name.middleName": "Excited", "active": True},
    ),
    Sent(
        "Okta deactivates a user", OKTA, "PATCH", "/Users/USER", _patch({"op": "replace", "value": {"active": False}}),
        {"active": False, "id": "USER"},
    ),
    Sent(
        "Okta syncs a password", OKTA, "PATCH", "/Users/USER",
        _patch({"op": "replace", "value": {"password": "t1meMa$heen"}}), {"id": "USER"},
    ),
    Sent("Okta imports users", OKTA, "GET", "/Users?startIndex=1&count=100", shows={"startIndex": 1}),
    Sent("Okta imports groups", OKTA, "GET", "/Groups?startIndex=1&count=100", shows={"startIndex": 1}),
    Sent(
        "Okta pushes a group", OKTA, "POST", "/Groups",
        {"schemas": [_GROUP], "displayName": "Test SCIMv2 MARK", "members": []},
        {"displayName": "Test SCIMv2 MARK", "id": "test-scimv2-MARK", "meta.resourceType": "Group"}, 201,
    ),
    Sent(
        "Okta renames a group", OKTA, "PATCH", "/Groups/GROUP",
        _patch({"op": "replace", "value": {"id": "GROUP", "displayName": "Test SCIMv20"}}),
        {"displayName": "Test SCIMv20", "id": "GROUP"},
    ),
    Sent(
        "Okta changes members", OKTA, "PATCH", "/Groups/GROUP",
        _patch(
            {"op": "remove", "path": 'members[value eq "USER"]'},
            {"op": "add", "path": "members", "value": [{"value": "OTHER", "display": "test.user@okta.local"}]},
        ),
        {"members.0.value": "OTHER", "members.1": None},
    ),
    Sent(
        "Okta replaces all members", OKTA, "PATCH", "/Groups/GROUP",
        _patch({"op": "replace", "path": "members", "value": [{"value": "OTHER", "display": "test.user@okta.local"}]}),
        {"members.0.value": "OTHER", "members.1": None},
    ),
    Sent(
        "a custom Okta app replaces a group", "github.com/jelhub/scimgateway/issues/95 (2023-06)",
        "PUT", "/Groups/GROUP",
        {"schemas": [_GROUP], "id": "GROUP", "displayName": "KOTestGroup Test",
         "members": [{"value": "OTHER", "display": None}]},
        {"displayName": "KOTestGroup Test", "members.0.value": "OTHER", "members.1": None},
    ),
    Sent("Okta unlinks a group", OKTA, "DELETE", "/Groups/GROUP", status=204),
    Sent(
        "Entra looks a user up", ENTRA, "GET", "/Users?filter=userName eq \"non-existent user\"",
        shows={"totalResults": 0, "Resources": []},
    ),
    Sent(
        "Entra looks a user up by their address", ENTRA, "GET",
        "/Users?filter=emails[type eq \"work\"].value eq \"user@contoso.com\"", shows={"totalResults": 0},
    ),
    Sent(
        "Entra creates a user", ENTRA, "POST", "/Users",
        {
            "schemas": [_USER, _ENTERPRISE], "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef-MARK",
            "userName": "Test_User_MARK", "active": True,
            "emails": [{"primary": True, "type": "work", "value": "Test_User_MARK@testuser.com"}],
            "meta": {"resourceType": "User"},
            "name": {"formatted": "givenName familyName", "familyName": "familyName", "givenName": "givenName"},
            "roles": [],
        },
        {"userName": "Test_User_MARK", "active": True, "emails.0.type": "work",
         "name.formatted": "givenName familyName", "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef-MARK"},
        201,
    ),
    Sent(
        "Entra changes an address and a name", ENTRA, "PATCH", "/Users/USER",
        _patch(
            {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "updatedEmail-MARK@microsoft.com"},
            {"op": "Replace", "path": "name.familyName", "value": "updatedFamilyName"},
        ),
        {"emails.0.value": "updatedEmail-MARK@microsoft.com", "name.familyName": "updatedFamilyName"},
    ),
    Sent(
        "Entra changes a userName", ENTRA, "PATCH", "/Users/USER",
        _patch({"op": "Replace", "path": "userName", "value": "5b50642d-MARK@testuser.com"}),
        {"userName": "5b50642d-MARK@testuser.com"},
    ),
    Sent(
        "Entra disables a user", ENTRA, "PATCH", "/Users/USER",
        _patch({"op": "Replace", "path": "active", "value": False}), {"active": False},
    ),
    Sent(
        "Entra disables a user with a word", "github.com/jelhub/scimgateway/issues/47 (2021-12)",
        "PATCH", "/Users/USER",
        _patch({"op": "Replace", "path": "active", "value": "False"}), {"active": False},
    ),
    Sent(
        "Entra disables a user with Add", "github.com/rancher/rancher/issues/54025 (2026-03)", "PATCH", "/Users/USER",
        _patch({"op": "Add", "path": "active", "value": "False"}), {"active": False},
    ),
    Sent(
        "Entra sets attributes that are not kept",
        "github.com/Captain-P-Goldfish/scim-for-keycloak/issues/26 (2021-10)",
        "PATCH", "/Users/USER",
        _patch({"op": "replace", "value": {
            "displayName": "Bjfe", "name.givenName": "Kkom", "name.familyName": "Unua",
            f"{_ENTERPRISE}:employeeNumber": "Aklq",
        }}),
        {"displayName": "Bjfe", "name.givenName": "Kkom", "name.familyName": "Unua"},
    ),
    Sent(
        "Entra's validator fills all addresses",
        "github.com/sourcegraph/sourcegraph-public-snapshot/pull/49119 (2023-03)",
        "PATCH", "/Users/USER",
        _patch(
            {"op": "replace", "path": 'emails[type eq "work"].value', "value": "oren-MARK@white.com"},
            {"op": "add", "path": 'emails[type eq "home"].value', "value": "angelita-MARK@mante.us"},
            {"op": "add", "path": 'emails[type eq "other"].value', "value": "yasmine-MARK@braun.us"},
            {"op": "replace", "path": 'emails[type eq "work"].display', "value": "0TXBC2MOGUI0"},
            {"op": "add", "path": 'emails[type eq "work"].primary', "value": False},
            {"op": "replace", "path": 'emails[type eq "home"].primary', "value": True},
        ),
        {"emails.0.display": "0TXBC2MOGUI0", "emails.1.value": "angelita-MARK@mante.us", "emails.1.primary": True},
    ),
    Sent("Entra deletes a user", ENTRA, "DELETE", "/Users/USER", status=204),
    Sent(
        "Entra creates a group", ENTRA, "POST", "/Groups",
        {
            "schemas": [_GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
            "externalId": "8aa1a0c0-MARK", "displayName": "displayName MARK", "meta": {"resourceType": "Group"},
        },
        {"externalId": "8aa1a0c0-MARK", "id": "8aa1a0c0-MARK", "displayName": "displayName MARK"}, 201,
    ),
    Sent(
        "Entra reads a group without its members", ENTRA, "GET", "/Groups/GROUP?excludedAttributes=members",
        shows={"id": "GROUP", "members": None},
    ),
    Sent(
        "Entra looks a group up", ENTRA, "GET",
        "/Groups?excludedAttributes=members&filter=displayName eq \"Group MARK\"",
        shows={"totalResults": 1, "Resources.0.id": "GROUP", "Resources.0.members": None},
    ),
    Sent(
        "Entra renames a group", ENTRA, "PATCH", "/Groups/GROUP",
        _patch({"op": "Replace", "path": "displayName", "value": "1879db59-3bdf-4490-ad68-updatedDisplayName"}),
        {"displayName": "1879db59-3bdf-4490-ad68-updatedDisplayName"},
    ),
    Sent(
        "Entra adds a member", ENTRA, "PATCH", "/Groups/GROUP",
        _patch({"op": "Add", "path": "members", "value": [{"$ref": None, "value": "OTHER"}]}), {"members.1": {}},
    ),
    Sent(
        "Entra removes a member", ENTRA, "PATCH", "/Groups/GROUP",
        _patch({"op": "Remove", "path": "members", "value": [{"$ref": None, "value": "USER"}]}), {"members": None},
    ),
    Sent("Entra deletes a group", ENTRA, "DELETE", "/Groups/GROUP", status=204),
    Sent("Entra discovers the schemas", ENTRA, "GET", "/Schemas", shows={"Resources.0.id": _USER}),
)  # fmt: skip
