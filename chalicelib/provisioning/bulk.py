"""Many requests in one (RFC 7644 §3.7), carried out in their order, each as if it had come alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chalicelib import limits, logs
from chalicelib.models import store
from chalicelib.provisioning import groups, users
from chalicelib.provisioning.messages import Call, Reply, ScimRefusal, error_body

_REQUEST = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
_RESOURCES: dict[str, Any] = {"Users": users, "Groups": groups}
_BULK_ID = "bulkId:"


def carry_out(call: Call, payload: dict[str, Any]) -> Reply:
    """Raises ScimRefusal for a request that is none. An operation that fails has its error in the response, and so do
    those for which no time was left."""
    operations, most = _read(payload)
    made: dict[str, str] = {}  # bulkId -> id
    answers: list[dict[str, Any]] = []
    errors = 0
    for operation in operations:
        answer = _answer(call, operation, made)
        answers.append(answer)
        errors += int(answer["status"]) >= 400
        if most is not None and errors >= most:
            break
    logs.note(outcome="bulk", operations=len(answers), errors=errors)
    return Reply(200, {"schemas": [_RESPONSE], "Operations": answers})


def _read(payload: dict[str, Any]) -> tuple[list[Any], int | None]:
    named = {name.lower(): value for name, value in payload.items()}
    operations, most = named.get("operations"), named.get("failonerrors")
    if named.get("schemas") != [_REQUEST] or not isinstance(operations, list) or not operations:
        raise ScimRefusal(400, "invalidSyntax", f"A bulk request has schemas [{_REQUEST}] and a list of Operations.")
    if len(operations) > limits.SCIM_BULK_LIMIT:
        raise ScimRefusal(413, None, f"A bulk request has at most {limits.SCIM_BULK_LIMIT} operations.")
    if most is not None and (isinstance(most, bool) or not isinstance(most, int) or most < 1):
        raise ScimRefusal(400, "invalidValue", "failOnErrors is a whole number from 1 on.")
    return operations, most


def _answer(call: Call, operation: Any, made: dict[str, str]) -> dict[str, Any]:
    named = {name.lower(): value for name, value in operation.items()} if isinstance(operation, dict) else {}
    method, bulk_id = str(named.get("method", "")).upper(), named.get("bulkid")
    about: dict[str, Any] = {"method": method}
    if isinstance(bulk_id, str):
        about["bulkId"] = bulk_id
    try:
        if not isinstance(named.get("version"), str | None):
            raise ScimRefusal(400, "invalidValue", "version is a text.")
        kind, found_id = _target(method, named.get("path"), made)
        if found_id:
            about["location"] = f"{call.root}/{kind}/{found_id}"
        single = replace(call, parameters={}, if_match=named.get("version"), if_none_match=None)
        reply = _request(single, kind, found_id, method, _resolved(named.get("data"), made))
    except ScimRefusal as error:
        body = error_body(error.status, error.scim_type, error.detail)
        return {**about, "status": str(error.status), "response": body}
    except store.ConditionFailed:
        return {**about, "status": "409", "response": error_body(409, None, "It was changed in the meantime.")}
    except store.StoreUnavailable as error:
        logs.note(store_error=error.code)
        return {**about, "status": "503", "response": error_body(503, None, "Not done, or not known. Send it again.")}
    if method == "POST" and isinstance(bulk_id, str) and reply.body:
        made[bulk_id] = str(reply.body["id"])
    version = {"version": reply.version} if reply.version else {}
    location = {"location": reply.location} if reply.location else {}
    return {**about, **location, **version, "status": str(reply.status)}


def _target(method: str, path: Any, made: dict[str, str]) -> tuple[str, str]:
    """The kind of resource, and its id; "" for a new one."""
    kind, _, found_id = path.strip("/").partition("/") if isinstance(path, str) else ("", "", "")
    found_id = _resolved(found_id, made)
    if kind not in _RESOURCES or (method == "POST") is not (found_id == ""):
        raise ScimRefusal(400, "invalidPath", "path is /Users or /Groups for a POST, and otherwise ends with an id.")
    return kind, found_id


def _request(call: Call, kind: str, found_id: str, method: str, data: Any) -> Reply:
    resource = _RESOURCES[kind]
    if method == "DELETE":
        deleted: Reply = resource.delete(call, found_id)
        return deleted
    if not isinstance(data, dict):
        raise ScimRefusal(400, "invalidSyntax", "data must be a JSON object.")
    if method == "POST":
        created: Reply = resource.create(call, data)
        return created
    if method not in ("PUT", "PATCH"):
        raise ScimRefusal(400, "invalidValue", "method is POST, PUT, PATCH or DELETE.")
    changed: Reply = (resource.replace if method == "PUT" else resource.patch)(call, found_id, data)
    return changed


def _resolved(value: Any, made: dict[str, str]) -> Any:
    """The value with the ids of resources that earlier operations created in place of their bulkIds."""
    match value:
        case str() if value.startswith(_BULK_ID):
            if value.removeprefix(_BULK_ID) not in made:
                raise ScimRefusal(409, None, f"No earlier operation has created {value}.")
            return made[value.removeprefix(_BULK_ID)]
        case list():
            return [_resolved(one, made) for one in value]
        case dict():
            return {name: _resolved(one, made) for name, one in value.items()}
        case _:
            return value
