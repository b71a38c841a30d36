"""`make run` with open registration and an API of the operator's own, which the sample of an MCP server can be.

And `make run` with what an import needs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.laptop.ministack import free_port
from tests.actors import Browser
from tests.local_run import LocalRun
from tests.mcp_sample import EVE, serving
from tests.running.imports import COSTS, django_dump


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


@pytest.fixture(scope="session")
def prepared_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRun]:
    """A stage that is prepared for the hashes that Django makes."""
    made = LocalRun(tmp_path_factory.mktemp("prepared"), IMPORTED_PASSWORDS=COSTS)
    made.start()
    yield made
    made.terminate()


@pytest.fixture
def dump(tmp_path: Path) -> Callable[..., Path]:
    """What Django's dumpdata writes for these people and applications."""

    def make(
        site: str, people: list[dict[str, Any]], applications: list[dict[str, Any]] | None = None, suffix: str = ".json"
    ) -> Path:
        return django_dump(tmp_path, site, people, applications or [], suffix=suffix)

    return make


@pytest.fixture
def lines(tmp_path: Path) -> Callable[..., Path]:
    """A file with these records, one a line."""

    def write(*records: Any) -> Path:
        path = tmp_path / "records.jsonl"
        path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
        return path

    return write
