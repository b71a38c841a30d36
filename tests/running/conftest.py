"""`make run` with open registration and an API of the operator's own, which the sample of an MCP server can be."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.laptop.ministack import free_port
from tests.actors import Browser
from tests.local_run import LocalRun
from tests.mcp_sample import EVE, serving


@pytest.fixture(scope="session")
def mcp_address() -> str:
    return f"http://127.0.0.1:{free_port()}/mcp"


@pytest.fixture(scope="session")
def open_run(tmp_path_factory: pytest.TempPathFactory, mcp_address: str) -> Iterator[LocalRun]:
    made = LocalRun(tmp_path_factory.mktemp("open"), REGISTRATION="open", RESOURCES=mcp_address)
    made.start()
    yield made
    made.terminate()


@pytest.fixture(scope="module")
def server(open_run: LocalRun, mcp_address: str) -> Iterator[str]:
    with serving(open_run, mcp_address) as address:
        yield address


@pytest.fixture
def browser(open_run: LocalRun) -> Browser:
    made = Browser(open_run.base_url, EVE)
    made.sign_in()
    return made
