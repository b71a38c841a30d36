"""An OpenID provider on 127.0.0.1, where a test is the user and can make the provider say anything."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Collection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from chalicelib.clock import now
from tests.document_server import write

CLIENT_ID, SECRET = "lanyard", "a secret: with/odd characters"


class OpenIDProvider:
    """metadata: members that differ in its metadata. claims: members that differ in its ID tokens. user_info: what
    UserInfo says. key: signs its tokens. refusal: the error that the token endpoint answers with, or None.
    token_status: of its other answers. token_response: makes their
    body. asked: the
    paths."""

    def __init__(self) -> None:
        self.metadata: dict[str, Any] = {}
        self.claims: dict[str, Any] = {}
        self.user_info: dict[str, Any] = {}
        self.refusal: dict[str, Any] | None = None
        self.token_status = 200
        self.secret = SECRET
        self.token_response: Callable[[dict[str, Any]], bytes] | None = None
        self.key: RSAKey | ECKey = RSAKey.generate_key(2048, {"kid": "first", "use": "sig"})
        self.published: list[Any] = [self.key]
        self.asked: list[str] = []
        self.hangs: Collection[str] = ()  # paths that are never answered
        self._codes: dict[str, dict[str, str]] = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider._get(self)

            def do_POST(self) -> None:
                provider._token(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def signed_in(self, address: str, **claims: Any) -> str:
        """Where the browser goes after its user signed in at this address. claims: about the user."""
        asked = dict(parse_qsl(urlsplit(address).query))
        code = f"code-{len(self._codes)}"
        self._codes[code] = {**asked, "claims": json.dumps(claims)}
        answer = {"code": code, "state": asked["state"], "iss": self.issuer}
        return f"{asked['redirect_uri']}?{urlencode(answer)}"

    def _get(self, handler: Any) -> None:
        self.asked.append(handler.path)
        if handler.path in self.hangs:
            wait_for_end(handler)
            return
        if handler.path == "/.well-known/openid-configuration":
            document: Any = {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
                "jwks_uri": f"{self.issuer}/keys",
                "authorization_response_iss_parameter_supported": True,
                **self.metadata,
            }
        elif handler.path == "/keys":
            document = {"keys": [key.as_dict(private=False) for key in self.published]}
        else:
            assert handler.headers["Authorization"] == "Bearer an-access-token"
            document = self.user_info
        write(handler, 200, "application/json", json.dumps(document).encode())

    def _token(self, handler: Any) -> None:
        self.asked.append(handler.path)
        if handler.path in self.hangs:
            return wait_for_end(handler)
        form = dict(parse_qsl(handler.rfile.read(int(handler.headers["Content-Length"])).decode()))
        basic = base64.b64decode(handler.headers["Authorization"].removeprefix("Basic ")).decode()
        if [unquote(part) for part in basic.split(":")] != [CLIENT_ID, self.secret]:
            return write(handler, 401, "application/json", b'{"error": "invalid_client"}')
        asked = self._codes.pop(form["code"], None)
        if self.refusal or asked is None:
            return write(
                handler, 400, "application/json", json.dumps(self.refusal or {"error": "invalid_grant"}).encode()
            )
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=")
        assert challenge.decode() == asked["code_challenge"]
        assert form["redirect_uri"] == asked["redirect_uri"]
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now(),
            "exp": now() + 300,
            "nonce": asked["nonce"],
            **json.loads(asked["claims"]),
            **self.claims,
        }
        said = {name: value for name, value in claims.items() if value is not None}
        algorithm = "RS256" if isinstance(self.key, RSAKey) else "ES256"
        token = jwt.encode({"alg": algorithm, "kid": self.key.kid}, said, self.key)
        answer = {"access_token": "an-access-token", "token_type": "Bearer", "id_token": token, "expires_in": 300}
        body = self.token_response(answer) if self.token_response else json.dumps(answer).encode()
        return write(handler, self.token_status, "application/json", body)


def wait_for_end(handler: Any) -> None:
    """Answer nothing until the caller hangs up."""
    while handler.connection.recv(65_536):
        pass
