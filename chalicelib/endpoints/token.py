"""POST /api/v1/oauth/token and /api/v1/oauth/revoke_token: what applications call themselves."""

from __future__ import annotations

from chalice.app import Blueprint, Response

from chalicelib.endpoints import http
from chalicelib.protocol import paths, server

blueprint = Blueprint(__name__)


@http.route(blueprint, paths.TOKEN, "POST")
def token(request: http.Request) -> Response:
    return _answer(server.token_response(_form_request(request)))


@http.route(blueprint, paths.REVOCATION, "POST")
def revoke_token(request: http.Request) -> Response:
    return _answer(server.revocation_response(_form_request(request)))


def _form_request(request: http.Request) -> server.FormRequest:
    return server.FormRequest(
        issuer=request.base_url,
        body=request.body,
        query=request.query,
        authorization=request.header("authorization"),
        content_type=request.header("content-type"),
    )


def _answer(answer: server.ProtocolAnswer) -> Response:
    return http.json_answer(answer.body, answer.status, answer.headers)
