"""/scim/v2/Users, /Groups and /Bulk: the resources (RFC 7644 §3)."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from chalice.app import Blueprint, Response

from chalicelib.endpoints import http
from chalicelib.endpoints.scim import scim_request

SEARCH = ".search"
blueprint = Blueprint(__name__)


@scim_request.route(blueprint, "/Users", "GET", "POST")
def users(request: http.Request) -> Response:
    return _collection(request, "users")


@scim_request.route(blueprint, "/Users/{user_id}", "GET", "POST", "PUT", "PATCH", "DELETE")
def one_user(request: http.Request, user_id: str) -> Response:
    return _one(request, "users", user_id)


@scim_request.route(blueprint, "/Groups", "GET", "POST")
def groups(request: http.Request) -> Response:
    return _collection(request, "groups")


@scim_request.route(blueprint, "/Groups/{slug}", "GET", "POST", "PUT", "PATCH", "DELETE")
def one_group(request: http.Request, slug: str) -> Response:
    return _one(request, "groups", slug)


@scim_request.route(blueprint, "/Bulk", "POST")
def bulk(request: http.Request) -> Response:
    return scim_request.answer(request, lambda call: _rules("bulk").carry_out(call, scim_request.payload(request)))


def _collection(request: http.Request, kind: str) -> Response:
    if request.method == "POST":
        return scim_request.answer(request, lambda call: _rules(kind).create(call, scim_request.payload(request)))
    return scim_request.answer(request, lambda call: _rules(kind).query(call, dict(call.parameters)))


def _one(request: http.Request, kind: str, found_id: str) -> Response:
    if request.method == "POST":
        if found_id != SEARCH:
            message = "POST creates a resource at the address of the collection."
            raise http.Refusal(405, "", message, {"Allow": "HEAD, GET, PUT, PATCH, DELETE"})
        return scim_request.answer(request, lambda call: _rules(kind).query(call, scim_request.payload(request)))
    if request.method == "GET":
        return scim_request.answer(request, lambda call: _rules(kind).read(call, found_id))
    if request.method == "DELETE":
        return scim_request.answer(request, lambda call: _rules(kind).delete(call, found_id))
    change = "replace" if request.method == "PUT" else "patch"
    return scim_request.answer(
        request, lambda call: getattr(_rules(kind), change)(call, found_id, scim_request.payload(request))
    )


def _rules(kind: str) -> Any:
    """The module with the rules, imported when they are first needed; see `scim_request`."""
    return import_module(f"chalicelib.provisioning.{kind}")
