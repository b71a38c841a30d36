"""What a client can find out about this server: ServiceProviderConfig, ResourceTypes and Schemas (RFC 7644 §4).

The schemas are the library's, of RFC 7643, with the attributes that are kept here. Others may be sent and are ignored.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import scim2_models
from scim2_models import (
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    Context,
    ETag,
    Filter,
    Group,
    Pagination,
    Patch,
    Reference,
    Required,
    ResourceType,
    ServiceProviderConfig,
    Sort,
)

from chalicelib import limits
from chalicelib.provisioning.messages import ScimRefusal

_USER = ("userName", "name", "displayName", "preferredLanguage", "locale", "timezone", "active", "password", "emails")
_KEPT = {"User": (*_USER, "groups"), "Group": ("displayName", "members")}
# An account needs them, though a User of RFC 7643 may do without. A POST may leave out `active`, which is then true,
# and `emails`, if the userName is an address.
_NEEDED = ("active", "emails")


def service_provider_config(root: str) -> dict[str, Any]:
    config = ServiceProviderConfig(
        patch=Patch(supported=True),
        bulk=Bulk(supported=True, max_operations=limits.SCIM_BULK_LIMIT, max_payload_size=limits.SCIM_BODY_LIMIT_BYTES),
        filter=Filter(supported=True, max_results=limits.SCIM_PAGE_LIMIT),
        change_password=ChangePassword(supported=True),
        sort=Sort(supported=False),
        etag=ETag(supported=True),
        pagination=Pagination(
            cursor=True,
            index=True,
            default_pagination_method=Pagination.DefaultPaginationMethod.index,
            default_page_size=limits.SCIM_PAGE_LIMIT,
            max_page_size=limits.SCIM_PAGE_LIMIT,
        ),
        authentication_schemes=[
            AuthenticationScheme(
                type=AuthenticationScheme.Type.oauthbearertoken,
                name="OAuth 2.0 access token",
                description="A client-credentials token with the scope scim, which the operator allows.",
                spec_uri=Reference("https://www.rfc-editor.org/rfc/rfc6750"),
                primary=True,
            )
        ],
    )
    body: dict[str, Any] = config.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE)
    return _located(body, root, "ServiceProviderConfig", "")


def resource_types(root: str) -> dict[str, Any]:
    return _listed([_resource_type(root, name) for name in _KEPT])


def resource_type(root: str, name: str) -> dict[str, Any]:
    """Raises ScimRefusal."""
    if name not in _KEPT:
        raise ScimRefusal(404, None, f"There is no resource type {name}.")
    return _resource_type(root, name)


def schemas(root: str) -> dict[str, Any]:
    return _listed([_located(dict(found), root, "Schema", f"/Schemas/{urn}") for urn, found in _schemas().items()])


def schema(root: str, urn: str) -> dict[str, Any]:
    """Raises ScimRefusal."""
    found = _schemas().get(urn)
    if found is None:
        raise ScimRefusal(404, None, f"There is no schema {urn}.")
    return _located(dict(found), root, "Schema", f"/Schemas/{urn}")


def _resource_type(root: str, name: str) -> dict[str, Any]:
    described = {"id": name, "name": name, "endpoint": f"/{name}s", "description": _ABOUT[name]}
    made = ResourceType.model_validate({**described, "schema": f"urn:ietf:params:scim:schemas:core:2.0:{name}"})
    body: dict[str, Any] = made.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE)
    return _located(body, root, "ResourceType", f"/ResourceTypes/{name}")


_ABOUT = {"User": "A person with an account", "Group": "An organizer, and who belongs to it"}


@cache
def _schemas() -> dict[str, dict[str, Any]]:
    found = {}
    for model in (scim2_models.User, Group):
        made = model.to_schema()
        kept = _KEPT[made.name or ""]
        made.attributes = [_adapted(one) for one in made.attributes or () if one.name in kept]
        found[str(made.id)] = dict(made.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE))
    return found


def _adapted(attribute: Any) -> Any:
    """The attribute as it is here: which ones are needed, and what the members of a group are."""
    below = {one.name: one for one in attribute.sub_attributes or ()}
    if attribute.name in _NEEDED:
        attribute.required = Required.true
    if attribute.name == "emails":
        below["value"].required = Required.true
    if attribute.name == "members":
        attribute.sub_attributes = [below[name] for name in ("value", "$ref", "type")]
        below["$ref"].reference_types, below["type"].canonical_values = ["User"], ["User"]
    return attribute


def _listed(resources: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": len(resources),
        "itemsPerPage": len(resources),
        "startIndex": 1,
        "Resources": resources,
    }


def _located(body: dict[str, Any], root: str, resource_type: str, path: str) -> dict[str, Any]:
    return {**body, "meta": {"resourceType": resource_type, "location": root + (path or f"/{resource_type}")}}
