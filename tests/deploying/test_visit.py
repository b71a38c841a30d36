"""`manage.py check --connect-to` reaches an address that its DNS record does not lead to yet."""

from __future__ import annotations

import ssl
import threading
from pathlib import Path

import requests
from werkzeug.serving import make_server, make_ssl_devcert
from werkzeug.wrappers import Request, Response

from infra.rehearsal.connect_check import ConnectTo

HOST = "connect.example.com"


@Request.application
def say_the_host(request: Request) -> Response:
    return Response(request.host)


def test_connect_to_uses_the_hosts_own_name_and_certificate(tmp_path: Path) -> None:
    certificate, key = make_ssl_devcert(str(tmp_path / "host"), host=HOST)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    asked: list[str | None] = []
    context.sni_callback = lambda _, name, __: asked.append(name)
    server = make_server("127.0.0.1", 0, say_the_host, ssl_context=context)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with requests.Session() as session:
        session.trust_env = False
        session.verify = certificate
        session.mount(f"https://{HOST}", ConnectTo(f"https://127.0.0.1:{server.port}", HOST))
        assert session.get(f"https://{HOST}/").text == HOST
    server.shutdown()
    server.server_close()
    assert asked == [HOST]
