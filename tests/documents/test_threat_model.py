"""The threat model names only tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
NAMED = re.findall(
    r"`([a-z_/]*test_\w+\.py)(?:::(test_\w+))?`", (TESTS.parent / "docs" / "security.md").read_text("utf-8")
)


@pytest.mark.parametrize(("file", "name"), sorted(set(NAMED)))
def test_every_test_named_in_the_threat_model_exists(file: str, name: str) -> None:
    assert f"\ndef {name or 'test_'}" in (TESTS / file).read_text("utf-8")


def test_every_threat_has_a_test() -> None:
    text = (TESTS.parent / "docs" / "security.md").read_text("utf-8").split("## Names and ids")[1]
    rows = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| threat")]
    assert len(rows) > 40
    assert [row for row in rows if not re.search(r"\.py(::test_\w+)?` \|$|\.py(::test_\w+)?`, ", row)] == []
