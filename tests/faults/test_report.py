"""What a sweep of some flows writes into docs/reliability.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import report
from tests.faults.flows import FLOWS
from tests.faults.kinds import Kind, Plan
from tests.faults.result import Outcome, Result

pytestmark = pytest.mark.spec("docs/reliability.md")


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy = tmp_path / "reliability.md"
    copy.write_bytes(report.PAGE.read_bytes())
    monkeypatch.setattr(report, "PAGE", copy)
    return copy


def case(kind: Kind, outcome: Outcome, number: int = 1) -> Result:
    return Result("sign out", Plan(number, kind), "GetItem on sessions", outcome, (), "503", "303")


def test_flows_that_were_played_get_new_rows_and_the_totals_follow(page: Path) -> None:
    before = {row.flow: row for row in report.rows(page.read_text(encoding="utf-8"))}
    results = [
        case(Kind.RESET, Outcome.RECOVERS),
        case(Kind.RESET, Outcome.TOLD, 3),
        case(Kind.RESET, Outcome.RETRY_WORKS),
        case(Kind.REFUSED, Outcome.RECOVERS),
    ]
    report.write(results, list(FLOWS))
    text = page.read_text(encoding="utf-8")
    after = {row.flow: row for row in report.rows(text)}
    made = after["sign out"]
    assert (made.calls, list(made.cells[:3])) == (3, ["✓", "✉", "–"])
    assert str(made).startswith("| sign out | 3 | 2 ✓ 1 ↻ 1 ✉ | ✓ | ✉ | – |")
    assert after == {**before, "sign out": made}
    total = sum(sum(row.cases.values()) for row in after.values())
    assert f"\n{total:,} cases were played:\n" in text
    told = sum(row.cases[Outcome.TOLD] for row in after.values())
    assert f"| ✉ | {report.SEEN[Outcome.TOLD]} | {told:,} |" in text


def test_page_keeps_no_row_of_a_flow_that_is_gone(page: Path) -> None:
    remaining = [name for name in FLOWS if name != "sign out"]
    report.write([], remaining)
    assert [row.flow for row in report.rows(page.read_text(encoding="utf-8"))] == remaining


def test_same_results_change_nothing(page: Path) -> None:
    report.write([], list(FLOWS))
    assert page.read_text(encoding="utf-8") == (Path(report.__file__).parents[2] / "docs/reliability.md").read_text(
        encoding="utf-8"
    )
