"""The guides quote the samples verbatim."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infra.documents import DOCS

EXAMPLES = DOCS.parent / "examples"
STOCK_CLIENTS = DOCS.parent / "tests" / "stock_clients"
GUIDES = [*sorted((DOCS / "connect").glob("*.md")), DOCS / "mcp.md"]
EXCERPT = re.compile(r"^```(?:python|js)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_every_excerpt_in_a_guide_is_in_a_sample(guide: Path) -> None:
    files = [*EXAMPLES.rglob("*.py"), *EXAMPLES.rglob("*.js"), *STOCK_CLIENTS.glob("*.js")]
    samples = [path.read_text("utf-8") for path in files if "node_modules" not in path.parts]
    excerpts = EXCERPT.findall(guide.read_text("utf-8"))
    assert excerpts or guide.name == "README.md"
    assert [excerpt for excerpt in excerpts if not any(excerpt in sample for sample in samples)] == []
