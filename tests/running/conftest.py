"""`make run` with open registration and an API of the operator's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.laptop.ministack import free_port
from tests.local_run import LocalRun


@pytest.fixture(scope="session")
def mcp_address() -> str:
    return f"http://127.0.0.1:{free_port()}/mcp"


@pytest.fixture(scope="session")
def open_run(tmp_path_factory: pytest.TempPathFactory, mcp_address: str) -> Iterator[LocalRun]:
    made = LocalRun(tmp_path_factory.mktemp("open"), REGISTRATION="open", RESOURCES=mcp_address)
    made.start()
    yield made
    made.terminate()
