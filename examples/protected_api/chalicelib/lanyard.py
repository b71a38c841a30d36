"""Check bearer tokens with Lanyard. One file to copy, for any Python Lambda in Lanyard's AWS account.

    access = lanyard.check(headers.get("authorization"), scope="write")

It calls Lanyard's authorizer, so the result is the one that API Gateway would get at this moment. It needs the
environment variable LANYARD_AUTHORIZER_ARN (AuthorizerArn, an output of Lanyard's stack) and the permission
lambda:InvokeFunction on that function. Outside this account, use POST /api/v1/oauth/introspect instead.
"""

import json
import os
from dataclasses import dataclass, field

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

AUTHORIZER = os.environ.get("LANYARD_AUTHORIZER_ARN", "")
# The authorizer's verdict on this route does not matter: `check` compares the scope itself.
_METHOD_ARN = "arn:aws:execute-api:region:account:{api}/none/GET/"
_CONFIG = Config(connect_timeout=2, read_timeout=15, retries={"total_max_attempts": 2})
_client = None


@dataclass(frozen=True)
class Access:
    """What a valid token gives access to."""

    user_id: str
    client_id: str
    scopes: frozenset
    organizers: frozenset


@dataclass(frozen=True)
class Refused(Exception):
    """The token is refused. Answer the request with this (RFC 6750 §3.1)."""

    status: int
    error: str
    description: str
    challenge: str = "Bearer"
    headers: dict = field(default_factory=dict)


def check(authorization, *, scope=None, api="function"):
    """Who is calling, as an Access.

    authorization: the header, or None. scope: a scope that the token must have, or None. api: your API's ID in API
    Gateway, as it is in Lanyard's AUTHORIZER_RESOURCES; without it, a token for your API alone (RFC 8707) is refused.

    Raises Refused: 401 for an invalid token, 403 for a missing scope, 503 if Lanyard cannot be asked.
    """
    if not (authorization or "").lower().startswith("bearer "):
        raise Refused(401, "unauthorized", "Send an access token: Authorization: Bearer ...")
    context = _ask(authorization, api)
    access = Access(
        context["user_id"],
        context["client_id"],
        frozenset(context["scope"].split()),
        frozenset(context["organizers"].split()),
    )
    if scope is not None and scope not in access.scopes:
        challenge = f'Bearer error="insufficient_scope", scope="{scope}"'
        raise Refused(403, "insufficient_scope", f"This requires the scope {scope}.", challenge)
    return access


def _ask(authorization, api):
    method_arn = _METHOD_ARN.format(api=api)
    event = {"type": "TOKEN", "authorizationToken": authorization, "methodArn": method_arn}
    try:
        answer = _lambda().invoke(FunctionName=AUTHORIZER, Payload=json.dumps(event).encode())
        payload = json.loads(answer["Payload"].read())
    except (BotoCoreError, ClientError, ValueError) as error:
        raise _unavailable() from error
    if "FunctionError" not in answer:
        return payload["context"]
    if payload.get("errorMessage") == "Unauthorized":
        description = "The access token is unknown, expired or revoked."
        raise Refused(401, "invalid_token", description, 'Bearer error="invalid_token"')
    raise _unavailable()


def _unavailable():
    description = "The token cannot be checked at the moment. Please try again."
    return Refused(503, "temporarily_unavailable", description, headers={"Retry-After": "2"})


def _lambda():
    global _client  # one client for all invocations of this function
    if _client is None:
        _client = boto3.client("lambda", config=_CONFIG)
    return _client
