"""The audit lists entries newest first, page by page, over the months it keeps."""

from __future__ import annotations

import itertools

import pytest

from chalicelib import credentials, limits
from chalicelib.models import operator_event
from chalicelib.models.operator_event import Filter
from tests.conftest import Clock

pytestmark = pytest.mark.spec("docs/security.md")


def test_audit_entries_are_listed_newest_first_page_by_page_across_months(clock: Clock) -> None:
    about = frozenset({credentials.new_id()})
    for number in range(4):
        operator_event.start("somebody", f"command {number}", [*about])
        clock.advance(20 * 86_400)
    found: list[str] = []
    after: str | None = None
    while page := list(itertools.islice(operator_event.newest(Filter(about=about), after=after), 1)):
        found += [event.command for event in page]
        after = page[-1].event_key
    assert found == ["command 3", "command 2", "command 1", "command 0"]


def test_audit_entry_is_kept_for_two_years(clock: Clock) -> None:
    about = frozenset({credentials.new_id()})
    operator_event.start("somebody", "command", [*about])
    clock.advance(limits.OPERATOR_EVENT_KEPT_SECONDS - 60)
    assert len(list(operator_event.newest(Filter(about=about)))) == 1
    clock.advance(60)
    assert list(operator_event.newest(Filter(about=about))) == []
