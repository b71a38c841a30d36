"""Schemathesis sends valid and invalid requests made from the OpenAPI description and checks every response against it.

The number of examples per operation is fixed, and every run sends the same ones.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import hypothesis
import pytest
import requests
import schemathesis
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.specs.openapi import checks

from chalicelib import limits, settings
from chalicelib.endpoints.api.openapi import SOURCE
from chalicelib.models import throttle
from tests.actors import Browser, ClientApp

Operation = APIOperation[Any, Any, Any, Any]
EXAMPLES = 20
SCHEMA = schemathesis.openapi.from_dict(json.loads(SOURCE))
OPERATIONS: list[Operation] = [found.ok() for found in SCHEMA.get_all_operations()]  # type: ignore[union-attr]
CONFORMANCE = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.allow_header_conformance,
]
# Anything that is not described must be refused, if nothing else prevents the described request from succeeding.
STRICT = [*CONFORMANCE, checks.negative_data_rejection]

pytestmark = pytest.mark.spec("OpenAPI 3.1")


def can_be_wrong(operation: Operation, fixed: Collection[str]) -> bool:
    """Whether the operation takes any input that could be invalid, besides what is fixed."""
    taken = (*operation.path_parameters, *operation.query)
    return bool(operation.body) or any(parameter.name not in fixed for parameter in taken)


def probe(
    operation: Operation,
    mode: GenerationMode,
    send: Callable[[Case[Any]], Any],
    held_to: list[Any],
    **fixed: Any,
) -> set[int]:
    """Send the examples, check the responses against the description, and return the statuses that came back."""
    seen = set()

    # A form whose fields are all free text can hardly be invalid, so most attempts to make it so are thrown away.
    few = [hypothesis.HealthCheck.filter_too_much]

    @hypothesis.settings(
        max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, suppress_health_check=few
    )
    @hypothesis.given(operation.as_strategy(generation_mode=mode, **fixed))
    def hold(case: Case[Any]) -> None:
        response = send(case)
        seen.add(response.status_code)
        case.validate_response(response, checks=held_to)

    hold()
    return seen


def modes_of(operations: list[Operation], fixed: Collection[str] = ()) -> list[Any]:
    """Each operation with valid requests and, if there can be any, with invalid ones."""
    pairs = [(operation, mode) for operation in operations for mode in GenerationMode]
    return [
        pytest.param(operation, mode, id=f"{operation.label} {mode.value}")
        for operation, mode in pairs
        if mode == GenerationMode.POSITIVE or can_be_wrong(operation, fixed)
    ]


@pytest.mark.parametrize(("operation", "mode"), modes_of(OPERATIONS))
def test_every_response_to_a_stranger_matches_the_description(
    base_url: str, operation: Operation, mode: GenerationMode
) -> None:
    probe(operation, mode, lambda case: case.call(base_url, allow_redirects=False, timeout=30), CONFORMANCE)


@pytest.mark.usefixtures("signing_key")  # UserInfo is only there if the stage signs
@pytest.mark.parametrize(
    ("operation", "mode"), modes_of([found for found in OPERATIONS if "api" in (found.tags or ())], fixed=["slug"])
)
def test_every_response_to_a_valid_token_matches_the_description(
    john: Browser, shop: ClientApp, operation: Operation, mode: GenerationMode
) -> None:
    token = shop.connect(john, "Small Shows", scope="openid read write")["access_token"]
    slug = next(slug for slug, name in john.user.organizers.items() if name == "Small Shows")
    headers = {"Authorization": f"Bearer {token}"}

    def send(case: Case[Any]) -> Any:
        return case.call(john.base_url, headers=headers, allow_redirects=False, timeout=30)

    fixed = {"path_parameters": {"slug": slug}} if "{slug}" in operation.path else {}
    seen = probe(operation, mode, send, STRICT, **fixed)
    assert (200 if mode == GenerationMode.POSITIVE else 400) in seen


@pytest.mark.parametrize(
    ("operation", "mode"), modes_of([found for found in OPERATIONS if "client_basic" in str(found.definition.raw)])
)
def test_every_response_to_an_application_matches_the_description(
    shop: ClientApp, operation: Operation, mode: GenerationMode
) -> None:
    def send(case: Case[Any]) -> Any:
        if isinstance(case.body, dict):  # it authenticates in one way only
            case.body = {name: value for name, value in case.body.items() if not name.startswith("client_")}
        return case.call(shop.base_url, auth=(shop.client_id, shop.secret), allow_redirects=False, timeout=30)

    seen = probe(operation, mode, send, CONFORMANCE)
    assert 401 not in seen


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_response_to_a_browser_matches_the_description(john: Browser, mode: GenerationMode) -> None:
    shop = john.register_application()  # the user's own application, whose errors are redirected
    operation = SCHEMA["/api/v1/oauth/authorize"]["GET"]

    def send(case: Case[Any]) -> Any:
        case.query = {**(case.query or {}), "client_id": shop.client_id, "redirect_uri": shop.redirect_uri}
        return case.call(john.base_url, session=john.http, allow_redirects=False, timeout=30)

    seen = probe(operation, mode, send, CONFORMANCE)
    assert seen >= {303}


@pytest.mark.parametrize(
    ("operation", "mode"),
    modes_of([found for found in OPERATIONS if "registration" in (found.tags or ())], fixed=["client_id"]),
)
def test_every_response_with_open_registration_matches_the_description(
    base_url: str, monkeypatch: pytest.MonkeyPatch, operation: Operation, mode: GenerationMode
) -> None:
    monkeypatch.setattr(settings, "SETTINGS", replace(settings.SETTINGS, registration=settings.OPEN))
    for what in (throttle.named("registration address", "127.0.0.1"), throttle.named("registration")):
        throttle.forget(what, window_seconds=limits.REGISTRATION_WINDOW_SECONDS)
    url = base_url + "/api/v1/oauth/register"
    made = requests.post(url, json={"redirect_uris": ["https://a.example/"]}, timeout=30).json()
    headers = {"Authorization": f"Bearer {made['registration_access_token']}"}
    fixed_uris = itertools.cycle([True, False])  # hardly any random URI can be registered

    def send(case: Case[Any]) -> Any:
        if (
            case.method == "POST"
            and isinstance(case.body, dict)
            and mode == GenerationMode.POSITIVE
            and next(fixed_uris)
        ):
            case.body = {**case.body, "redirect_uris": made["redirect_uris"]}
        if case.method == "PUT" and isinstance(case.body, dict):
            kept = {name: made[name] for name in ("client_id", "token_endpoint_auth_method", "application_type")}
            if next(fixed_uris):
                kept["redirect_uris"] = made["redirect_uris"]
            case.body = {**case.body, **(kept if mode == GenerationMode.POSITIVE else {})}
            case.body.pop("client_secret", None)
        return case.call(base_url, headers=headers, allow_redirects=False, timeout=30)

    fixed = {"path_parameters": {"client_id": made["client_id"]}} if "{client_id}" in operation.path else {}
    seen = probe(operation, mode, send, CONFORMANCE, **fixed)
    assert seen & ({400} if mode == GenerationMode.NEGATIVE else {200, 201, 204}), seen
