"""GET and POST /api/v1/userinfo: who signed in, for who has the access token (OpenID Connect Core §5.3)."""

from __future__ import annotations

from chalice.app import Blueprint, Response

from chalicelib.endpoints import http
from chalicelib.keys import signing
from chalicelib.permissions.openid import OPENID
from chalicelib.protocol.openid import user_info
from chalicelib.protocol.rules import paths

blueprint = Blueprint(__name__)


@http.route(blueprint, paths.USER_INFO, "GET", "POST", cross_origin=True)
def userinfo(request: http.Request) -> Response:
    if not signing.is_on():
        raise http.Refusal(404, "not_found", "There is nothing at this address.")
    access = http.access(request, OPENID)
    if access.user is None:
        raise http.Refusal(403, "access_denied", "This token is the application's own: there is no user behind it.")
    described = user_info.described(access.user, access.application, access.scopes)
    signed = user_info.signed(described, access.application, issuer=request.base_url)
    if signed is not None:
        return http.json_answer(signed, headers={"Content-Type": "application/jwt"})
    return http.json_answer(described)
