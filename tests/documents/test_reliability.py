"""docs/reliability.md matches the tool that generates its table; if not, run `make faults ARGS=--document`."""

from __future__ import annotations

import re

import pytest

from tests.faults import known, report
from tests.faults.flows import FLOWS
from tests.faults.kinds import Kind
from tests.faults.result import Outcome

pytestmark = pytest.mark.spec("docs/reliability.md")
PAGE = report.PAGE.read_text(encoding="utf-8")


def rows() -> dict[str, list[str]]:
    """What the generated table says about each flow, by kind of fault."""
    made = report.part_of(PAGE, report.FOUND)[1]
    header, *found = [
        line.strip("| ").split(" | ") for line in made.splitlines() if line.startswith("| ") and line.count("|") > 5
    ]
    assert header == ["request", "calls", *Kind]
    return {cells[0]: cells[2:] for cells in found}


def test_reliability_page_lists_every_flow_with_its_outcome_for_every_kind() -> None:
    signs = {*report.SIGNS.values(), "–"}
    assert list(rows()) == list(FLOWS)
    for flow, cells in rows().items():
        assert len(cells) == len(Kind), flow
        assert set(cells) <= signs, flow


def test_reliability_page_explains_every_kind() -> None:
    assert "\n".join(report.kinds_table()) in PAGE


def test_reliability_page_explains_every_known_loss_and_nothing_else() -> None:
    lost = {
        (flow, kind)
        for flow, cells in rows().items()
        for kind, cell in zip(Kind, cells, strict=True)
        if cell == report.SIGNS[Outcome.LOST]
    }
    explained = {(flow, kind) for one in known.KNOWN for flow in one.flows for kind in one.kinds}
    assert lost == explained
    assert report.part_of(PAGE, report.REMAINS)[1].strip().splitlines() == list(report.known_lines())


def test_reliability_page_counts_its_cases_correctly() -> None:
    counted = re.search(r"^([\d,]+) cases were played:$", PAGE, re.MULTILINE)
    assert counted
    by_outcome = re.findall(r"^\| [✓↻✉✗] \|.*\| ([\d,]+) \|$", PAGE, re.MULTILINE)
    assert sum(int(number.replace(",", "")) for number in by_outcome) == int(counted[1].replace(",", ""))
