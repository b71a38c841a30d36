"""HTTPS in front of the rehearsed API, so that Chromium reaches it under its public name, as browsers do; and in front
of `make run`, for the conformance suite.

The certificate is made for the run. Chromium is told to trust its key, which makes the connection as secure as any
other, so that cookies and the cache work as usual; it is also told where the name leads.
"""

from __future__ import annotations

import base64
import hashlib
import ssl
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from requests.adapters import HTTPAdapter
from werkzeug.datastructures import Headers
from werkzeug.serving import make_server, make_ssl_devcert
from werkzeug.wrappers import Request, Response

# These belong to one connection; `requests` has also decoded the content.
_OF_THE_CONNECTION = {"connection", "content-encoding", "content-length", "date", "host", "server", "transfer-encoding"}


# What is safe of TLS 1.2 (RFC 9325 §4.2), which FAPI 2.0 also demands (§5.2.1); all of TLS 1.3 is.
_CIPHERS = "ECDHE+AESGCM"


class TlsFront:
    """Pass every request on to `url`, which `requests` must be able to reach. arguments: those for Chromium.

    origin: where to pass requests on to instead. host, port: where to listen. source: the address of this machine that
    requests come from; None for the usual one.
    """

    def __init__(self, url: str, *, origin: str | None = None, host: str = "127.0.0.1", port: int = 0) -> None:
        self.source: str | None = None
        name = urlsplit(url).hostname
        self._origin = origin or f"https://{name}"
        application = Request.application(self._pass_on)
        with tempfile.TemporaryDirectory() as folder:
            files = make_ssl_devcert(f"{folder}/front", host=name)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.set_ciphers(_CIPHERS)
            context.load_cert_chain(*files)
            self._server = make_server(host, port, application, threaded=True, ssl_context=context)
            key = x509.load_pem_x509_certificate(Path(files[0]).read_bytes()).public_key()
        information = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        digest = base64.b64encode(hashlib.sha256(information).digest()).decode()
        self.arguments = (
            f"--host-resolver-rules=MAP {name}:443 127.0.0.1:{self._server.port}",
            f"--ignore-certificate-errors-spki-list={digest}",
        )
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _pass_on(self, request: Request) -> Response:
        with requests.Session() as session:
            session.trust_env = False
            if self.source:
                session.mount(self._origin, _From(self.source))
            answer = session.request(
                request.method,
                self._origin + request.environ["REQUEST_URI"],
                headers=dict(end_to_end(request.headers.items())),
                data=request.get_data(),
                allow_redirects=False,
            )
        return Response(answer.content, answer.status_code, Headers(end_to_end(answer.raw.headers.items())))


class _From(HTTPAdapter):
    """Makes connections from this address of this machine."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **more: Any) -> None:
        super().init_poolmanager(*arguments, source_address=(self._address, 0), **more)


def end_to_end(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The headers that a proxy passes on."""
    return [(name, value) for name, value in headers if name.lower() not in _OF_THE_CONNECTION]
