"""A person arrives from a client that describes itself in a document."""

from __future__ import annotations

import itertools
import tempfile
from functools import cache
from pathlib import Path

from chalicelib import outbound, settings
from tests.actors import CALLBACK
from tests.document_server import DocumentServer
from tests.faults.flow import Flow
from tests.faults.scene import Seen
from tests.public_app import PublicApp

_HOST = "described.example.com"
_numbers = itertools.count()


@cache
def _server() -> DocumentServer:
    """One for the process, which reaches no other host."""
    server = DocumentServer(Path(tempfile.mkdtemp(prefix="lanyard-documents-")), _HOST)
    outbound.NETWORK = server.network()
    return server


class ArriveFromDescribedClient(Flow):
    name = "authorize: fetch a client's document"
    operator = {"registration": settings.OPEN}
    takes_tries_back = False  # once the document is stored, the fetch counts, whatever fails later

    def prepare(self) -> None:
        path = f"/client-{next(_numbers)}.json"
        client_id = f"https://{_HOST}{path}"
        document = {"client_id": client_id, "client_name": "A described app", "redirect_uris": [CALLBACK]}
        _server().answers[path] = document
        self.app = PublicApp(self.world.base_url, client_id, "", CALLBACK)
        self.browser = self.world.john()
        self.people.append(self.browser.user)

    def act(self) -> Seen:
        return self.browser.open_once(self.app.authorize_path())

    def is_done(self, answer: Seen) -> bool:
        return answer.status == 200 and answer.page is not None and "A described app" in answer.page.title
