"""Moments for people to read: in their time zone and in the page's language."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from markupsafe import Markup

from chalicelib.pages.language import gettext


def moment(seconds: int, timezone: str) -> Markup:
    """Seconds since the epoch as date, time and time zone."""
    then = _in_zone(seconds, timezone)
    said = gettext("%(date)s, %(time)s") % {"date": _date(then), "time": f"{then:%H:%M} {_zone(then)}"}
    return _time_element(then, said)


def day(seconds: int, timezone: str) -> Markup:
    """Seconds since the epoch as a date."""
    then = _in_zone(seconds, timezone)
    return _time_element(then, _date(then))


def _time_element(then: datetime, said: str) -> Markup:
    return Markup('<time datetime="{}">{}</time>').format(then.isoformat(timespec="minutes"), said)


def _in_zone(seconds: int, timezone: str) -> datetime:
    try:
        zone: Any = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError):
        zone = UTC
    return datetime.fromtimestamp(seconds, zone)


def _zone(then: datetime) -> str:
    """The abbreviation of the time zone. German has its own for Central European Time."""
    abbreviation = then.strftime("%Z")
    return {"CET": gettext("CET"), "CEST": gettext("CEST")}.get(abbreviation, abbreviation)


def _date(then: datetime) -> str:
    months = (
        gettext("January"),
        gettext("February"),
        gettext("March"),
        gettext("April"),
        gettext("May"),
        gettext("June"),
        gettext("July"),
        gettext("August"),
        gettext("September"),
        gettext("October"),
        gettext("November"),
        gettext("December"),
    )
    return gettext("%(day)s %(month)s %(year)s") % {
        "day": then.day,
        "month": months[then.month - 1],
        "year": then.year,
    }
