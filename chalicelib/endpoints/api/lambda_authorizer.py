"""The Lambda authorizer that other APIs name: it checks an access token for them, at every request.

A Lambda of its own, which API Gateway asks before it lets a request through to another team's API. Its answer is not
cached unless that API says so, so that what is revoked is refused from the next request.

An API can name it as a TOKEN authorizer, which sees the token alone, or as a REQUEST authorizer, which sees the DPoP
proof as well. So only the second one accepts a token that is bound to a key (RFC 9449 §7).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from chalice.app import AuthRequest, Blueprint

from chalicelib import deadline, logs, settings
from chalicelib.models.store import StoreUnavailable
from chalicelib.protocol.rules import required_scopes
from chalicelib.protocol.rules.dpop_proof import SentProof
from chalicelib.protocol.tokens import bearer
from chalicelib.protocol.tokens.bearer import Access, BearerError

# Where Lambda finds the handler: Chalice makes its path of this and of the function's name.
blueprint = Blueprint("chalicelib.endpoints.authorizer")


class Unauthorized(Exception):
    """API Gateway responds with 401 if an authorizer raises exactly this word, and with 500 to any other error."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


@blueprint.authorizer(name="authorizer", ttl_seconds=0)
def authorizer(request: AuthRequest) -> dict[str, Any]:
    """The answer to the event of a TOKEN authorizer, which Chalice parses; see `handle`."""
    return _answer(request.method_arn, request.token, None)


def handle(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Allow, with the token's user, client, scopes and organizers as context; deny, which is a 403, for missing scopes.

    event: of a TOKEN or a REQUEST authorizer, whose answer must not be cached: a proof is good for one request.
    Raises Unauthorized for a bad token, including one for a resource that this API is not (RFC 8707 §2), and
    StoreUnavailable, which API Gateway turns into a 500.
    """
    if event.get("type") != "REQUEST":
        answered: dict[str, Any] = authorizer(event, context)
        return answered
    return _answer(event["methodArn"], _header(event, "authorization"), _proof(event))


def _answer(method_arn: str, authorization: str | None, proof: SentProof | None) -> dict[str, Any]:
    started = time.monotonic()
    logs.begin()
    status = 500
    try:
        with deadline.begin():
            answer, status = _decide(method_arn, authorization, proof)
        return answer
    except BearerError as error:
        status = 401
        logs.note(outcome=error.error or "unauthorized")
        raise Unauthorized from None
    except StoreUnavailable as error:
        logs.note(outcome="temporarily_unavailable", store_error=error.code)
        raise
    finally:
        milliseconds = round((time.monotonic() - started) * 1000, 1)
        logs.write(route="authorizer", status=status, milliseconds=milliseconds)


def _header(event: Mapping[str, Any], name: str) -> str | None:
    """The header's value; repeated ones are joined, which makes one that may occur only once malformed."""
    headers = event.get("multiValueHeaders") or {}
    values = [value for sent, values in headers.items() if sent.lower() == name for value in values]
    return ", ".join(values) if values else None


def _proof(event: Mapping[str, Any]) -> SentProof | None:
    """The DPoP proof in the event of a REQUEST authorizer, and what it has to prove (RFC 9449 §4.3).

    The client called the API under API Gateway's name for it, or, if something stands before that, under its own: then
    AUTHORIZER_RESOURCES has to have that address.
    """
    header = _header(event, "dpop")
    if header is None:
        return None
    called, api = event["requestContext"], required_scopes.read_arn(event["methodArn"]).api
    urls = [f"https://{called['domainName']}{called['path']}"]
    if address := settings.SETTINGS.authorizer_resources.get(api):
        own = urlsplit(address)
        urls.append(f"{own.scheme}://{own.netloc}{event['path']}")
    return SentProof(header, event["httpMethod"], urls)


def _decide(method_arn: str, authorization: str | None, proof: SentProof | None) -> tuple[dict[str, Any], int]:
    route = required_scopes.read_arn(method_arn)
    requirement = required_scopes.requirement(route, settings.SETTINGS.required_scopes)
    logs.note(api=route.api)
    resource = settings.SETTINGS.authorizer_resources.get(route.api, "")
    access = bearer.authenticate(authorization, scope=None, resource=resource, proof=proof)
    if requirement is None:
        logs.note(outcome="no rule for this route")
        return _policy("Deny", method_arn, access, required=()), 403
    if not requirement.scopes <= access.scopes:
        logs.note(outcome="insufficient_scope")
        return _policy("Deny", method_arn, access, required=requirement.scopes), 403
    return _policy("Allow", requirement.resource, access, required=requirement.scopes), 200


def _policy(effect: str, resource: str, access: Access, *, required: Iterable[str]) -> dict[str, Any]:
    """The authorizer's response. API Gateway passes strings, numbers and booleans in a context, but no lists.

    user_id is the user's own id, also for an application that knows users by pairwise identifiers: it is for the
    platform's API, and not for the application. It is "" for an application's own token (RFC 6749 §4.4). resource is
    there if the token is for one API only (RFC 8707), so that an API can insist on tokens that were made for it.
    """
    user_id = str(access.user.user_id) if access.user else ""
    made_for = {"resource": access.resource} if access.resource else {}
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": [resource]}
    return {
        "principalId": user_id or access.application.public_id,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": {
            "user_id": user_id,
            "client_id": access.application.public_id,
            "scope": " ".join(sorted(access.scopes)),
            "organizers": " ".join(sorted(access.organizers)),
            "required_scope": " ".join(sorted(required)),
            **made_for,
        },
    }
