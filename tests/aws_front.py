"""MiniStack, with a stand-in for a call of `chalice deploy` that it lacks: importing an OpenAPI document.

The stand-in keeps the document and responds as API Gateway does, with an empty API that MiniStack creates. MiniStack
itself handles everything else: roles, functions, permissions, stacks, gateway responses and stages.
"""

from __future__ import annotations

import http.client
import json
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class AwsFront:
    """Listens at `url`. calls: method and path of each request to API Gateway; documents: the imported ones, by API."""

    def __init__(self, upstream_port: int) -> None:
        self.calls: list[tuple[str, str]] = []
        self.documents: dict[str, Any] = {}
        self.upstream_port = upstream_port
        front = self

        class Handler(_Handler):
            def setup(self) -> None:
                super().setup()
                self.front = front

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        upstream = http.client.HTTPConnection("127.0.0.1", self.upstream_port, timeout=60)
        with closing(upstream):
            upstream.request(method, path, body, headers)
            response = upstream.getresponse()
            return response.status, dict(response.getheaders()), response.read()

    def import_document(
        self, api: str | None, body: bytes, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        document = json.loads(body)
        if api is None:
            status, answered, text = self.ask(
                "POST", "/restapis", json.dumps({"name": document["info"]["title"]}).encode(), headers
            )
            self.documents[json.loads(text)["id"]] = document
            return status, answered, text
        self.documents[api] = document
        return self.ask("GET", f"/restapis/{api}", b"", headers)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    front: AwsFront

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        skipped = ("host", "content-length", "connection", "accept-encoding", "expect")
        headers = {name: value for name, value in self.headers.items() if name.lower() not in skipped}
        if self.command == "PATCH":
            body = _without_empty_values(body)
        parts = urlsplit(self.path)
        mode = parse_qs(parts.query).get("mode", [""])[0]
        segments = parts.path.strip("/").split("/")
        if segments[0] == "restapis":
            self.front.calls.append((self.command, self.path))
        if segments == ["restapis"] and self.command == "POST" and mode == "import":
            answer = self.front.import_document(None, body, headers)
        elif segments[0] == "restapis" and self.command == "PUT" and mode == "overwrite":
            answer = self.front.import_document(segments[1], body, headers)
        else:
            answer = self.front.ask(self.command, self.path, body, headers)
        self._answer(*answer)

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


for _method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"):
    setattr(_Handler, f"do_{_method}", _Handler._serve)


def _without_empty_values(body: bytes) -> bytes:
    """Chalice removes a setting by setting it to "". AWS understands that, but MiniStack stores the empty value."""
    operations = json.loads(body)["patchOperations"]
    return json.dumps({"patchOperations": [one for one in operations if one.get("value") != ""]}).encode()
