"""A server that speaks SQS's protocol and refuses some messages of a batch, once each, as SQS may."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_REFUSED = {"Code": "InternalError", "SenderFault": False, "Message": "Try again."}


class RefusingQueue:
    """refused: the client ids whose messages are refused at their first try. taken: those of the others."""

    def __init__(self, refused: Iterable[str]) -> None:
        self.taken: list[str] = []
        self._refused = set(refused)
        queue = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                body = json.dumps(queue._answer(sent)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/x-amz-json-1.0")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> RefusingQueue:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, sent: dict[str, Any]) -> dict[str, Any]:
        if "Entries" not in sent:
            return {"QueueUrl": f"{self.url}/000000000000/logouts"}
        successful, failed = [], []
        for entry in sent["Entries"]:
            client_id = json.loads(entry["MessageBody"])["client_id"]
            if client_id in self._refused:
                self._refused.remove(client_id)
                failed.append({"Id": entry["Id"], **_REFUSED})
            else:
                self.taken.append(client_id)
                successful.append({"Id": entry["Id"], "MessageId": "1", "MD5OfMessageBody": _md5(entry["MessageBody"])})
        return {"Successful": successful, "Failed": failed}


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
