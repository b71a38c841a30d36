"""The layout in docs/architecture.md names what is in the tree, and nothing else."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAME = re.compile(r"[\w.]+(/|\.py|\.yaml)")

pytestmark = pytest.mark.spec("docs/architecture.md")


def block() -> str:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    return text.partition("## Layout\n\n```\n")[2].partition("```")[0]


def layout() -> list[str]:
    """The paths that the layout names; folders end with "/"."""
    found, folders = list[str](), [""]
    for line in block().splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        for name in itertools.takewhile(NAME.fullmatch, re.split(" {2,}", line.strip())):
            found.append(folders[depth] + name)
            folders[depth + 1 :] = [folders[depth] + name]
    return found


def below(folder: str) -> set[str]:
    """The folders and modules directly in a folder, as the layout would name them."""
    inside = (ROOT / folder).iterdir()
    modules = {one.name for one in inside if one.suffix == ".py" and one.name != "__init__.py"}
    packages = {f"{one.parent.name}/" for one in (ROOT / folder).glob("*/*.py")}
    return {folder + name for name in modules | packages}


def test_every_path_in_the_layout_exists() -> None:
    named = layout()
    assert "chalicelib/models/store/table.py" in named
    assert [path for path in named if not (ROOT / path).exists()] == []
    assert len(set(named)) == len(named)


@pytest.mark.parametrize("folder", ["chalicelib/", "chalicelib/endpoints/", "chalicelib/protocol/", "infra/"])
def test_layout_names_all_that_is_in_a_folder(folder: str) -> None:
    assert below(folder) - set(layout()) == set()


def test_layout_names_each_model_that_is_no_table() -> None:
    models = (ROOT / "chalicelib" / "models").glob("[!_]*.py")
    without_table = {path.name for path in models if "(Item):" not in path.read_text(encoding="utf-8")}
    assert without_table
    assert {name for name in without_table if name not in block()} == set()


def test_layout_names_the_folders_of_tests() -> None:
    folders = {f"tests/{path.parent.name}/" for path in (ROOT / "tests").glob("*/test_*.py")}
    assert folders - set(layout()) == set()
