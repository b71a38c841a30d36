"""A proxy that serves `make run` below a path, as API Gateway serves a stage on its own domain."""

from __future__ import annotations

import threading
from types import TracebackType

import requests
from werkzeug.datastructures import Headers
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from infra.laptop.ministack import free_port
from tests.tls_front import end_to_end


class PathFront:
    """Pass on what is below `path`, without it. Answer everything else with 403, as API Gateway does where the first
    segment names no stage; or pass on /.well-known/ as it is, as a domain does whose root leads here too.

    url: what is served there. asked: the paths that were requested, in order.
    """

    def __init__(self, to: str, path: str, *, leads_root: bool) -> None:
        self._to, self._path, self._leads_root = to, path, leads_root
        self.asked: list[str] = []
        self._server = make_server("127.0.0.1", free_port(), Request.application(self._pass_on), threaded=True)
        self.url = f"http://127.0.0.1:{self._server.port}{path}"

    def __enter__(self) -> PathFront:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _pass_on(self, request: Request) -> Response:
        self.asked.append(request.path)
        target = str(request.environ["REQUEST_URI"])
        if target.startswith(self._path + "/"):
            target = target.removeprefix(self._path)
        elif not (self._leads_root and target.startswith("/.well-known/")):
            return Response('{"message":"Forbidden"}', 403, content_type="application/json")
        with requests.Session() as session:
            session.trust_env = False
            answer = session.request(
                request.method,
                self._to + target,
                headers=dict(end_to_end(request.headers.items())),
                data=request.get_data(),
                allow_redirects=False,
                timeout=30,
            )
        return Response(answer.content, answer.status_code, Headers(end_to_end(answer.raw.headers.items())))
