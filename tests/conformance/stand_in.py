"""A stand-in for the suite. It replays what the suite said of plans, tests and logs, and the page of its callback.

It checks nothing. The suite itself is not part of this project, so the tests of `make conformance` cannot run it.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

# As the suite's page has it: an address in a script, with escaped slashes.
_CALLBACK_PAGE = """<!DOCTYPE html><html><body><script>
            function createxhr() {
                var xhr = new XMLHttpRequest();
                xhr.open('POST', %s, true);
                xhr.send(window.location.hash);
            }
</script></body></html>"""


@dataclass
class Replayed:
    """urls: what is to be opened. ends_with: the result, once the browser is back or the picture is there; None for a
    test that never ends. wants_picture: it is over with the picture. log: what the suite logged."""

    urls: list[str]
    ends_with: str | None
    wants_picture: bool = False
    log: list[dict[str, Any]] = field(default_factory=list)
    status: str = "WAITING"
    visited: list[str] = field(default_factory=list)
    answers: list[dict[str, str]] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    is_cancelled: bool = False

    def end(self) -> None:
        if self.ends_with is not None:
            self.status = "FINISHED"


class StandIn:
    """tests: by the name of their module, which is also their id."""

    def __init__(self) -> None:
        self.tests: dict[str, Replayed] = {}
        self.configuration: dict[str, Any] = {}
        self._server = make_server("127.0.0.1", 0, Request.application(self._answer), threaded=True)
        self.url = f"http://127.0.0.1:{self._server.port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def callback(self, module: str) -> str:
        return f"{self.url}/test/a/{module}/callback"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, request: Request) -> Response:
        parts = request.path.strip("/").split("/")
        if request.method == "GET" and request.path == "/api/server":
            return _json({"version": "5.2.4", "revision": "12f2a4d", "tag": "", "build_time": ""})
        if request.path == "/api/plan":
            self.configuration = request.get_json()
            modules = [{"testModule": name, "variant": {"response_type": "code"}} for name in self.tests]
            return _json({"name": request.args["planName"], "id": "plan", "modules": modules}, 201)
        if request.path == "/api/runner":
            return _json({"name": request.args["test"], "id": request.args["test"], "url": ""}, 201)
        if parts[:2] == ["test", "a"]:
            return self._page(request, self.tests[parts[2]])
        return self._about(request, parts, self.tests[parts[3] if parts[2] == "browser" else parts[2]])

    def _about(self, request: Request, parts: list[str], test: Replayed) -> Response:
        match parts[1], request.method:
            case "info", _:
                result = test.ends_with if test.status == "FINISHED" else None
                return _json({"testId": parts[2], "status": test.status, "result": result})
            case "runner", "GET":
                urls = [{"url": url, "method": "GET"} for url in test.urls]
                return _json({"browser": {"urls": test.urls, "urlsWithMethod": urls, "visited": test.visited}})
            case "runner", "POST":
                test.urls.remove(request.args["url"])
                test.visited.append(request.args["url"])
                return Response(status=204)
            case "runner", "DELETE":
                test.is_cancelled, test.status = True, "INTERRUPTED"
                return _json({})
            case "log", "GET":
                wanted = [{"upload": "abc", "result": "REVIEW", "msg": "Show an error page."}]
                return _json([*test.log, *(wanted if test.wants_picture and not test.pictures else [])])
            case _:
                test.pictures.append(request.get_data(as_text=True))
                test.end()
                return _json({})

    def _page(self, request: Request, test: Replayed) -> Response:
        if request.path.endswith("/callback"):
            test.answers.append({**request.args.to_dict(), **request.form.to_dict()})
            where = json.dumps(request.base_url.replace("/callback", "/implicit/1")).replace("/", r"\/")
            return Response(_CALLBACK_PAGE % where, content_type="text/html")
        test.answers[-1] |= {name: values[0] for name, values in parse_qs(request.get_data(as_text=True)[1:]).items()}
        if not test.urls:
            test.end()
        return Response(status=204)


def _json(value: object, status: int = 200) -> Response:
    return Response(json.dumps(value), status, content_type="application/json")
