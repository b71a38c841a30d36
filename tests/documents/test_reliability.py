"""docs/reliability.md matches the tool that generates its table; if not, run `make faults ARGS=--document`.

With FLOW, that plays new or changed flows alone and writes their rows.
"""

from __future__ import annotations

import pytest

from tests.faults import known, report
from tests.faults.flows import FLOWS
from tests.faults.kinds import Kind
from tests.faults.result import Outcome

pytestmark = pytest.mark.spec("docs/reliability.md")
PAGE = report.PAGE.read_text(encoding="utf-8")
ROWS = report.rows(PAGE)


def test_reliability_page_lists_every_flow_with_its_outcome_for_every_kind() -> None:
    signs = {*report.SIGNS.values(), "–"}
    assert [row.flow for row in ROWS] == list(FLOWS)
    for row in ROWS:
        assert len(row.cells) == len(Kind), row
        assert set(row.cells) <= signs, row


def test_reliability_page_counts_its_own_cells() -> None:
    assert report.part_of(PAGE, report.FOUND)[1].strip().splitlines() == list(report.found_lines(ROWS))


def test_reliability_page_explains_every_kind() -> None:
    assert "\n".join(report.kinds_table()) in PAGE


def test_reliability_page_explains_every_known_loss_and_nothing_else() -> None:
    lost = {
        (row.flow, kind)
        for row in ROWS
        for kind, cell in zip(Kind, row.cells, strict=True)
        if cell == report.SIGNS[Outcome.LOST]
    }
    explained = {(flow, kind) for one in known.KNOWN for flow in one.flows for kind in one.kinds}
    assert lost == explained
    assert report.part_of(PAGE, report.REMAINS)[1].strip().splitlines() == list(report.known_lines())
