"""The access that a request's bearer token gives, for the resources that applications call (RFC 6750)."""

from __future__ import annotations

from chalicelib.endpoints.http.refusal import Refusal
from chalicelib.endpoints.http.request import Request
from chalicelib.protocol.rules import paths
from chalicelib.protocol.tokens import bearer


def access(request: Request, scope: str | None) -> bearer.Access:
    """scope: what the token must have; None if any will do.

    Raises Refusal. The body repeats the challenge header's error, because API Gateway renames that header.
    """
    try:
        authorization, proof = request.header("authorization"), request.proof
        return bearer.authenticate(authorization, scope=scope, resource=request.base_url, proof=proof)
    except bearer.BearerError as error:
        # Below the URL of the provider, where the metadata always is; see endpoints/oauth/discovery.py.
        headers = {"WWW-Authenticate": error.challenge(request.base_url + paths.RESOURCE_METADATA)}
        raise Refusal(error.status, error.error or "unauthorized", error.description, headers) from error
