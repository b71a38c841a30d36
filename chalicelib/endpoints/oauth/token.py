"""POST /api/v1/oauth/token, revoke_token, introspect and par: the endpoints that applications call directly."""

from __future__ import annotations

from chalice.app import Blueprint, Response

from chalicelib.endpoints import http
from chalicelib.protocol.authorization import pushed_requests
from chalicelib.protocol.clients import dpop
from chalicelib.protocol.clients.client_request import ProtocolAnswer
from chalicelib.protocol.grants import token_endpoint
from chalicelib.protocol.rules import paths
from chalicelib.protocol.tokens import introspection, revocation

blueprint = Blueprint(__name__)


@http.route(blueprint, paths.TOKEN, "POST", cross_origin=True)
def token(request: http.Request) -> Response:
    asked = request.as_client_request()
    return _answer(dpop.with_nonce(token_endpoint.token_response(asked), asked))


@http.route(blueprint, paths.REVOCATION, "POST", cross_origin=True)
def revoke_token(request: http.Request) -> Response:
    return _answer(revocation.revocation_response(request.as_client_request()))


@http.route(blueprint, paths.INTROSPECTION, "POST")
def introspect(request: http.Request) -> Response:
    return _answer(introspection.introspection_response(request.as_client_request()))


@http.route(blueprint, paths.PUSHED_REQUEST, "POST", cross_origin=True)
def par(request: http.Request) -> Response:
    asked = request.as_client_request()
    return _answer(dpop.with_nonce(pushed_requests.pushed_request_response(asked), asked))


def _answer(answer: ProtocolAnswer) -> Response:
    return http.json_answer(answer.body, answer.status, answer.headers)
