"""Pushed authorization requests: the application sends its request directly; the browser carries only a reference.

So nobody at the browser can change it, and it is checked before the user sees anything (RFC 9126). A reference is valid
for ten minutes, which is enough to sign in, and for one answer, which a second click gets again.
"""

from __future__ import annotations

import json
from dataclasses import replace

from oauthlib.oauth2.rfc6749 import errors

from chalicelib import clock, credentials, logs
from chalicelib.credentials import Kind
from chalicelib.messages import Message
from chalicelib.models import pushed_request
from chalicelib.models.application import Application
from chalicelib.models.pushed_request import PushedRequest
from chalicelib.models.store.table import Key
from chalicelib.protocol.authorization import authorization_request
from chalicelib.protocol.authorization.authorization_request import AuthorizationRequest
from chalicelib.protocol.authorization.redirect import RefusedRequest
from chalicelib.protocol.clients import authentication, client_request, dpop, fapi, quotas
from chalicelib.protocol.clients.client_request import ClientRequest, ProtocolAnswer
from chalicelib.protocol.errors import NotThisApplication
from chalicelib.protocol.rules import openid_parameters, request_parameters
from chalicelib.protocol.rules.dpop_proof import Proof

_PREFIX = "urn:ietf:params:oauth:request_uri:"


def pushed_request_response(request: ClientRequest) -> ProtocolAnswer:
    """201 with the reference, or an OAuth error (§2.2, §2.3)."""
    return client_request.answer(_create, request)


def key_of(parameters: request_parameters.Parameters) -> Key[PushedRequest] | None:
    """The key of the pushed request that `request_uri` refers to; None if it cannot refer to one."""
    request_uri = request_parameters.single(parameters, "request_uri") or ""
    named = credentials.recognize(request_uri.removeprefix(_PREFIX), Kind.PUSHED_REQUEST)
    return PushedRequest.key(named.digest) if named and request_uri.startswith(_PREFIX) else None


def read_request(
    parameters: request_parameters.Parameters,
    application: Application | None,
    pushed: PushedRequest | None,
    *,
    user_id: str | None,
    issuer: str,
) -> AuthorizationRequest:
    """Check an authorization request. If it refers to a pushed one, only the pushed parameters are used (§4).

    user_id: of the signed-in user, or None. An answered request can be read only by the user who answered it.
    Raises NotThisApplication, RefusedRequest.
    """
    if not any(parameters.get("request_uri", ())) or _is_elsewhere(parameters):
        return authorization_request.read_request(parameters, application, issuer=issuer)
    if request_parameters.repeated(parameters, ("client_id", "request_uri")):
        raise NotThisApplication("request", Message("client_id or request_uri was sent more than once."))
    is_there = pushed is not None and not pushed.is_expired and pushed.is_for(user_id)
    if not is_there or application is None or pushed is None or pushed.client_id != application.client_id:
        raise unusable()
    stored = {name: [value] for name, value in json.loads(pushed.parameters).items()}
    if any(parameters.get("request", ())):
        stored["request"] = list(parameters["request"])  # which is refused, not ignored: never both (RFC 9101 §5)
    asked = authorization_request.read_request(stored, application, issuer=issuer, is_pushed=True)
    shown = request_parameters.known(parameters, ("client_id", "request_uri"))
    if asked.openid:  # the sign-in page reads them from the address
        shown |= request_parameters.known(stored, openid_parameters.HINTS)
    return replace(asked, parameters=shown, pushed=pushed)


def _is_elsewhere(parameters: request_parameters.Parameters) -> bool:
    """True if `request_uri` is the address of a request object (OpenID Connect Core §6.2), which is refused."""
    request_uri = request_parameters.single(parameters, "request_uri")
    return openid_parameters.is_openid(parameters) and not (request_uri or _PREFIX).startswith(_PREFIX)


def unusable() -> NotThisApplication:
    """The error for a reference that is not valid, or no longer valid."""
    return NotThisApplication(
        "request",
        Message("request_uri is unknown, belongs to another application, has expired or was already used."),
    )


def _create(request: ClientRequest) -> ProtocolAnswer:
    names = (*request_parameters.CLIENT, *openid_parameters.that_may_be_pushed(), "request_uri")
    parameters = client_request.read_form(request, tuple(dict.fromkeys(names)))
    proof = dpop.read(request.dpop, request.url)
    client = authentication.authenticate(request.authorization, parameters, issuer=request.issuer)
    quotas.count_pushed_request(client, request.address)
    if "request_uri" in parameters:
        raise errors.InvalidRequestError("request_uri cannot be pushed.")
    asked = {name: value for name, value in parameters.items() if name in openid_parameters.that_may_be_pushed()}
    asked.setdefault("client_id", client.public_id)
    if proof:
        _bind(asked, proof)
    _check(asked, client, issuer=request.issuer)
    reference = credentials.mint(Kind.PUSHED_REQUEST)
    now, lifetime = clock.now(), fapi.pushed_request_lifetime_seconds(client)
    dpop.claim(proof)
    pushed_request.keep(
        PushedRequest(
            request_digest=credentials.digest(reference),
            client_id=client.client_id,
            parameters=json.dumps(asked),
            created_at=now,
            expires_at=now + lifetime,
        )
    )
    logs.note(outcome="request pushed")
    return ProtocolAnswer(201, {}, json.dumps({"request_uri": _PREFIX + reference, "expires_in": lifetime}))


def _bind(asked: dict[str, str], proof: Proof) -> None:
    """Bind the code to the key of the proof. Raises InvalidProofError if the request names another (RFC 9449 §10.1)."""
    if asked.setdefault("dpop_jkt", proof.thumbprint) != proof.thumbprint:
        raise dpop.InvalidProofError("dpop_jkt is not the thumbprint of the key that signed the DPoP proof.")


def _check(asked: dict[str, str], client: Application, *, issuer: str) -> None:
    """Check as at the authorization endpoint, but return every error to the application (§2.3)."""
    try:
        parameters = {name: [value] for name, value in asked.items()}
        authorization_request.read_request(parameters, client, issuer=issuer, is_pushed=True)
    except NotThisApplication as error:
        raise errors.InvalidRequestError(error.detail) from error
    except RefusedRequest as error:
        raise error.reason from error
