"""The application in Chalice's local server, with fixes, for `make run`, the test suite and the benchmarks.

Chalice's own server has a backlog of five connections, delays each response on a kept-alive connection by 45 ms
(Nagle's algorithm), and matches greedy parts such as `{proxy+}` with one segment only.
"""

from __future__ import annotations

import functools
import os
import sys
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

from chalice.app import Chalice
from chalice.config import Config
from chalice.deploy.validate import validate_routes
from chalice.local import (
    ChaliceRequestHandler,
    LambdaEventConverter,
    LocalDevServer,
    LocalGatewayAuthorizer,
    MatchResult,
    RouteMatcher,
    create_local_server,
)

from chalicelib import composition, outbound, settings
from infra.laptop import logouts, reachable

HOST = "127.0.0.1"
BACKLOG = 128
_GREEDY = "+}"


class Routes(RouteMatcher):
    """Chalice's route matcher, with greedy routes as on API Gateway: a path that no other route takes goes to the
    longest route that ends in a part such as `{proxy+}` and starts as the path does."""

    def __init__(self, route_urls: list[str]) -> None:
        super().__init__([url for url in route_urls if not url.endswith(_GREEDY)])
        self._greedy = sorted((url for url in route_urls if url.endswith(_GREEDY)), key=len, reverse=True)

    def match_route(self, url: str) -> Any:
        """The matching route. Raises ValueError for a path that no route takes."""
        try:
            return super().match_route(url)
        except ValueError:
            parts = urlsplit(url)
            for route in self._greedy:
                before, _, name = route.removesuffix(_GREEDY).rpartition("{")
                if parts.path.startswith(before):
                    rest = parts.path.removeprefix(before).strip("/")
                    return MatchResult(route, {name: rest}, parse_qs(parts.query, keep_blank_values=True))
            raise


class _NoAuthorizer(LocalGatewayAuthorizer):
    """A laptop has no IAM. Chalice would warn and let everybody in; the views let nobody in whom IAM did not name."""

    def authorize(self, raw_path: str, lambda_event: Any, lambda_context: Any) -> Any:
        return lambda_event, lambda_context


class _Handler(ChaliceRequestHandler):
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        app = self.local_gateway._app_object
        self.local_gateway._authorizer = _NoAuthorizer(app)
        self.local_gateway.event_converter = LambdaEventConverter(Routes(list(app.routes)), app.api.binary_types)

    def log_request(self, *_: object) -> None:
        """Log nothing: the application logs each request itself, without the query."""


def create(app: Chalice, port: int) -> LocalDevServer:
    """A server that listens on 127.0.0.1 only. Raises OSError if the port is in use."""
    config = Config()
    server = create_local_server(app, config, HOST, port)
    server.server.RequestHandlerClass = functools.partial(_Handler, app_object=app, config=config)
    server.server.request_queue_size = BACKLOG
    server.server.socket.listen(BACKLOG)
    return server


def main() -> None:
    """Serve on the port in the first argument until stopped."""
    app = composition.create_application(os.environ)
    outbound.NETWORK = replace(outbound.NETWORK, beside=reachable.hosts(os.environ))
    validate_routes(app.routes)  # routes that cannot be deployed are not served here either
    if settings.SETTINGS.logout_queue:
        logouts.deliver_always(settings.SETTINGS.logout_queue)
    create(app, int(sys.argv[1])).serve_forever()


if __name__ == "__main__":
    main()
