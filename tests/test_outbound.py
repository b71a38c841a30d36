"""Only a laptop's server may call programs beside it that no public address leads to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib import outbound
from chalicelib.protocol.rules import server_uris
from chalicelib.protocol.rules.redirect_uris import RedirectUriError
from chalicelib.settings import SettingsError
from infra.laptop import reachable
from tests.document_server import DocumentServer

pytestmark = pytest.mark.spec("docs/security.md")


@pytest.fixture
def beside(tmp_path: Path) -> Iterator[DocumentServer]:
    """A program on this machine, with a certificate that nobody trusts and that is another host's."""
    running = DocumentServer(tmp_path, "suite.example.com")
    running.answers["/keys"] = {"keys": []}
    yield running
    running.stop()


def test_program_beside_is_reached_at_its_port_with_its_certificate(
    beside: DocumentServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = f"localhost:{beside.port}"
    allowed = replace(outbound.Network(), beside=reachable.hosts({"REACHABLE_HOSTS": f"{here} localhost:2"}))
    monkeypatch.setattr(outbound, "NETWORK", allowed)
    assert outbound.fetch(f"https://{here}/keys") == b'{"keys": []}'
    assert beside.headers[0]["Host"] == here
    assert server_uris.check(f"https://{here}/out") == f"https://{here}/out"


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1", "[::1]"])
def test_no_other_program_beside_is_reached(
    scheme: str, host: str, beside: DocumentServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound, "NETWORK", replace(outbound.Network(), beside=frozenset({"localhost:443"})))
    with pytest.raises(outbound.FetchError):
        outbound.fetch(f"{scheme}://{host}:{beside.port}/keys")
    with pytest.raises(RedirectUriError):
        server_uris.check(f"https://{host}:{beside.port}/out")
    assert beside.asked == []


def test_none_is_reached_unless_the_laptop_names_it() -> None:
    assert outbound.NETWORK.beside == outbound.Network().beside == reachable.hosts({}) == frozenset()


@pytest.mark.parametrize("wrong", ["localhost", "localhost:", "localhost:0", "localhost:65536", "https://localhost:1"])
def test_host_without_a_port_is_refused(wrong: str) -> None:
    with pytest.raises(SettingsError, match="REACHABLE_HOSTS must name hosts with their ports"):
        reachable.hosts({"REACHABLE_HOSTS": wrong})
