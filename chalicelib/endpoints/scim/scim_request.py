"""What the views of /scim/v2 share: who may call, how a request is read, and responses and errors in SCIM's format.

`chalicelib.provisioning` is imported by the first request that gets past its token: it takes a second.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chalice.app import Blueprint, Response

from chalicelib import limits
from chalicelib.endpoints import http
from chalicelib.protocol.rules import paths, request_parameters, strict_json
from chalicelib.protocol.tokens import bearer

if TYPE_CHECKING:
    from chalicelib.provisioning.messages import Call, Reply

ROOT = "/scim/v2"
SCOPE = "scim"
_TYPE = "application/scim+json"
_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:Error"
_HEADERS = {"Content-Type": _TYPE, "Cache-Control": "no-store", "Pragma": "no-cache"}
View = Callable[..., Response]


def route(blueprint: Blueprint, path: str, *methods: str) -> Callable[[View], View]:
    """Serve a path below /scim/v2. Every error is in SCIM's format (RFC 7644 §3.12)."""
    limit = limits.SCIM_BODY_LIMIT_BYTES
    return http.route(blueprint, ROOT + path, *methods, error_response=error_response, body_limit_bytes=limit)


def answer(request: http.Request, make: Callable[[Call], Reply]) -> Response:
    """The response to a caller with a token for SCIM. Raises Refusal."""
    authorization = request.header("authorization")
    try:
        bearer.authenticate(authorization, scope=SCOPE, resource=request.base_url, proof=request.proof)
    except bearer.BearerError as error:
        headers = {"WWW-Authenticate": error.challenge(request.base_url + paths.RESOURCE_METADATA)}
        raise http.Refusal(error.status, "", error.description, headers) from error
    from chalicelib.provisioning.messages import Call

    call = Call(
        root=request.base_url + ROOT,
        secret=str(authorization).split()[-1],
        parameters=parameters(request),
        if_match=request.header("if-match"),
        if_none_match=request.header("if-none-match"),
    )
    return respond(lambda: make(call))


def respond(make: Callable[[], Reply]) -> Response:
    """The reply as a response. Raises Refusal."""
    from chalicelib.provisioning.messages import ScimRefusal

    try:
        reply = make()
    except ScimRefusal as error:
        raise http.Refusal(error.status, error.scim_type or "", error.detail) from error
    headers: dict[str, Any] = dict(_HEADERS)
    if reply.version:
        headers["ETag"] = reply.version
    if reply.location:
        headers["Location" if reply.status == 201 else "Content-Location"] = reply.location
    body = "" if reply.body is None else json.dumps(reply.body, ensure_ascii=False)
    return Response(body, headers, reply.status)


def error_response(refusal: http.Refusal) -> Response:
    """RFC 7644 §3.12. A code that is no word of SCIM's is left out."""
    body = {"schemas": [_SCHEMA], "status": str(refusal.status), "detail": str(refusal.message)}
    if refusal.code in _SCIM_TYPES:
        body["scimType"] = refusal.code
    return Response(json.dumps(body, ensure_ascii=False), {**_HEADERS, **refusal.headers}, refusal.status)


def payload(request: http.Request) -> dict[str, Any]:
    """The body. Raises Refusal."""
    content_type = (request.header("content-type") or _TYPE).partition(";")[0].strip().lower()
    if content_type not in (_TYPE, "application/json"):
        raise http.Refusal(415, "", f"Send the body as {_TYPE} or application/json.")
    try:
        return strict_json.read_object(request.body)
    except strict_json.NotStrict as error:
        raise http.Refusal(400, "invalidSyntax", "The body must be a JSON object.") from error


def parameters(request: http.Request) -> dict[str, str]:
    """The query's parameters. Raises Refusal for one that is repeated."""
    query = request.query
    if repeated := request_parameters.repeated(query, list(query)):
        raise http.Refusal(400, "invalidValue", f"{repeated} was sent more than once.")
    return {name: values[0] for name, values in query.items()}


_SCIM_TYPES = {
    *("invalidFilter", "tooMany", "uniqueness", "mutability", "invalidSyntax", "invalidPath", "noTarget"),
    *("invalidValue", "invalidVers", "sensitive", "invalidCursor", "expiredCursor", "invalidCount"),
}
