"""Dates and times are shown in the reader's time zone and format."""

from __future__ import annotations

import pytest

from chalicelib.pages import language, moments

SPRING_FORWARD = 1_774_746_000  # 2026-03-29 01:00:00 UTC, when Berlin switches to summer time


@pytest.mark.parametrize(
    ("spoken", "timezone", "seconds", "said"),
    [
        ("en", "UTC", 0, "1 January 1970, 00:00 UTC"),
        ("de", "Europe/Berlin", 0, "1. Januar 1970, 01:00 MEZ"),
        ("de", "Europe/Berlin", SPRING_FORWARD - 1, "29. März 2026, 01:59 MEZ"),
        ("de", "Europe/Berlin", SPRING_FORWARD, "29. März 2026, 03:00 MESZ"),
        ("en", "Europe/Berlin", SPRING_FORWARD - 1, "29 March 2026, 01:59 CET"),
        ("en", "Europe/Berlin", SPRING_FORWARD, "29 March 2026, 03:00 CEST"),
        ("de", "America/New_York", SPRING_FORWARD, "28. März 2026, 21:00 EDT"),
        ("en", "America/New_York", SPRING_FORWARD, "28 March 2026, 21:00 EDT"),
        ("en", "Nowhere/Atall", 0, "1 January 1970, 00:00 UTC"),
        ("en", "../etc/passwd", 0, "1 January 1970, 00:00 UTC"),
    ],
)
def test_date_and_time_are_in_the_readers_time_zone_and_language(
    spoken: str, timezone: str, seconds: int, said: str
) -> None:
    with language.speaking(spoken):
        assert moments.moment(seconds, timezone).striptags() == said
        assert moments.day(seconds, timezone).striptags() == said.partition(",")[0]


def test_german_pages_name_central_european_time_in_german() -> None:
    with language.speaking("de"):
        assert moments.moment(SPRING_FORWARD - 1, "Europe/Paris").striptags().endswith("MEZ")
        assert moments.moment(SPRING_FORWARD, "Europe/Paris").striptags().endswith("MESZ")
