"""The authorizer as a REQUEST authorizer: it sees the DPoP proof, so it accepts tokens that are bound to a key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib import settings
from chalicelib.endpoints.api.lambda_authorizer import Unauthorized, handle
from tests.actors import Browser, ClientApp
from tests.dpop import ProvingSession, prove
from tests.request_calls import RequestCalls

pytestmark = pytest.mark.spec("RFC 9449 §7")

API = "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/"
HOST = "abc123.execute-api.eu-central-1.amazonaws.com"
URL = f"https://{HOST}/prod/tickets"
TICKETS = "https://tickets.example.com"
Ask = Callable[..., dict[str, Any]]


def event(headers: dict[str, list[str]], **changed: Any) -> dict[str, Any]:
    """What API Gateway sends a REQUEST authorizer of a REST API."""
    return {
        "type": "REQUEST",
        "methodArn": API + "GET/tickets",
        "resource": "/{proxy+}",
        "path": "/tickets",
        "httpMethod": "GET",
        "headers": {name: values[-1] for name, values in headers.items()},
        "multiValueHeaders": headers,
        "queryStringParameters": {"page": "2"},
        "requestContext": {"domainName": HOST, "path": "/prod/tickets", "stage": "prod", "httpMethod": "GET"},
        **changed,
    }


@pytest.fixture
def ask(base_url: str, request_calls: RequestCalls) -> Ask:
    def made(headers: dict[str, list[str]], **changed: Any) -> dict[str, Any]:
        with request_calls.answering("authorizer"):
            return handle(event(headers, **changed), None)

    return made


@pytest.fixture
def key(shop: ClientApp) -> ProvingSession:
    return prove(shop)


@pytest.fixture
def token(john: Browser, shop: ClientApp, key: ProvingSession) -> str:
    return str(shop.connect(john, "Big Events LLC")["access_token"])


def sent(token: str, *proofs: str, scheme: str = "DPoP") -> dict[str, list[str]]:
    return {"authorization": [f"{scheme} {token}"], **({"dpop": list(proofs)} if proofs else {})}


def effect(answer: dict[str, Any]) -> str:
    return str(answer["policyDocument"]["Statement"][0]["Effect"])


def test_bound_token_is_accepted_with_a_proof_of_this_request_and_once(
    ask: Ask, key: ProvingSession, token: str, john: Browser
) -> None:
    proof = key.proof("GET", URL, token=token)
    answer = ask(sent(token, proof))
    assert effect(answer) == "Allow"
    assert answer["context"]["user_id"] == john.user.user_id
    with pytest.raises(Unauthorized):
        ask(sent(token, proof))


def test_bound_token_is_refused_without_one(ask: Ask, key: ProvingSession, token: str) -> None:
    good = key.proof("GET", URL, token=token)
    for headers in (
        sent(token),
        sent(token, good, scheme="Bearer"),
        sent(token, key.proof("POST", URL, token=token)),
        sent(token, key.proof("GET", URL + "/1", token=token)),
        sent(token, key.proof("GET", URL)),
        sent(token, good, key.proof("GET", URL, token=token)),
        sent(token, ProvingSession().proof("GET", URL, token=token)),
        {"authorization": [f"DPoP {token}"] * 2, "dpop": [good]},
        {},
    ):
        with pytest.raises(Unauthorized):
            ask(headers)
    assert effect(ask(sent(token, good))) == "Allow"


def test_token_that_is_bound_to_no_key_is_accepted_as_by_a_token_authorizer(
    ask: Ask, john: Browser, shop: ClientApp
) -> None:
    token = str(shop.connect(john, "Big Events LLC")["access_token"])
    assert effect(ask({"Authorization": [f"Bearer {token}"]})) == "Allow"


def test_token_authorizer_sees_no_proof_and_refuses_a_bound_token(base_url: str, token: str) -> None:
    for scheme in ("Bearer", "DPoP"):
        with pytest.raises(Unauthorized):
            handle({"type": "TOKEN", "authorizationToken": f"{scheme} {token}", "methodArn": API + "GET/tickets"}, None)


def test_proof_may_name_the_address_that_clients_know_the_api_by(
    ask: Ask, john: Browser, shop: ClientApp, key: ProvingSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"RESOURCES": TICKETS, "AUTHORIZER_RESOURCES": f"abc123 {TICKETS}"}
    parsed = settings.from_environment(given)
    named: Any = {"resources": parsed.resources, "authorizer_resources": parsed.authorizer_resources}
    token = str(shop.connect(john, "Big Events LLC")["access_token"])
    proof = key.proof("GET", f"{TICKETS}/tickets", token=token)
    with pytest.raises(Unauthorized):
        ask(sent(token, proof))
    monkeypatch.setattr(settings, "SETTINGS", replace(settings.SETTINGS, **named))
    assert effect(ask(sent(token, proof))) == "Allow"
    assert effect(ask(sent(token, key.proof("GET", URL, token=token)))) == "Allow"
