"""/api/v1/oauth/register: where applications register and manage themselves, if the operator allows it."""

from __future__ import annotations

from chalice.app import Blueprint, Response

from chalicelib.endpoints import http
from chalicelib.protocol.clients import registration
from chalicelib.protocol.clients.client_request import ProtocolAnswer
from chalicelib.protocol.rules import paths

blueprint = Blueprint(__name__)


@http.route(blueprint, paths.REGISTRATION, "POST", cross_origin=True)
def register(request: http.Request) -> Response:
    return _answer(registration.registration_response(request.as_client_request()))


@http.route(blueprint, paths.REGISTRATION + "/{client_id}", "GET", "PUT", "DELETE")
def registered(request: http.Request, client_id: str) -> Response:
    respond = {
        "GET": registration.read_response,
        "PUT": registration.update_response,
        "DELETE": registration.deletion_response,
    }[request.method]
    return _answer(respond(request.as_client_request(), client_id))


def _answer(answer: ProtocolAnswer) -> Response:
    return http.json_answer(answer.body, answer.status, answer.headers)
