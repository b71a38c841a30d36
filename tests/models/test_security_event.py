"""An account's history is newest first, page by page, a year long, and never blocks a request."""

from __future__ import annotations

import pytest

from chalicelib import credentials, limits
from chalicelib.models import security_event
from chalicelib.models.security_event import Kind
from chalicelib.request_source import RequestSource, browser_name, shorten, system_name
from tests.conftest import Clock
from tests.store_proxy import Fault, StoreProxy

CHROME = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537"
)


def test_events_are_listed_newest_first_page_by_page() -> None:
    user_id = credentials.new_id()
    for number in range(5):
        security_event.record(user_id, Kind.CONSENT, application_name=str(number))
    first = security_event.recent(user_id, limit=2)
    second = security_event.recent(user_id, limit=2, before=first[-1].event_key)
    third = security_event.recent(user_id, limit=2, before=second[-1].event_key)
    assert [event.application_name for event in [*first, *second, *third]] == ["4", "3", "2", "1", "0"]


def test_user_does_not_see_another_users_events() -> None:
    security_event.record(credentials.new_id(), Kind.SIGN_IN)
    assert security_event.recent(credentials.new_id(), limit=10) == []


def test_event_says_where_the_request_came_from() -> None:
    user_id = credentials.new_id()
    security_event.record(user_id, Kind.SIGN_IN, RequestSource("203.0.113.7", "Firefox/145.0"), failed_tries=3)
    (event,) = security_event.recent(user_id, limit=10)
    assert (event.address, event.user_agent, event.failed_tries) == ("203.0.113.7", "Firefox/145.0", 3)


def test_event_is_kept_for_a_year(clock: Clock) -> None:
    user_id = credentials.new_id()
    security_event.record(user_id, Kind.SIGN_IN)
    clock.advance(limits.SECURITY_EVENT_KEPT_SECONDS - 60)
    assert len(security_event.recent(user_id, limit=10)) == 1
    clock.advance(60)
    assert security_event.recent(user_id, limit=10) == []


@pytest.mark.parametrize("fault", [Fault.THROTTLED, Fault.INTERNAL_ERROR, Fault.DROPS_CONNECTION])
def test_event_that_cannot_be_written_stops_nothing(store: StoreProxy, fault: Fault) -> None:
    user_id = credentials.new_id()
    with store.fault(fault, "PutItem"):
        security_event.record(user_id, Kind.SIGN_IN)
    assert security_event.recent(user_id, limit=10) == []


def test_user_agent_is_kept_short_and_printable() -> None:
    assert shorten("Fire\r\nfox\x00/1 ‮") == "Firefox/1"
    assert len(shorten("x" * 10_000)) == limits.USER_AGENT_KEPT_CHARACTERS
    assert shorten(None) == ""


def test_device_has_the_name_that_people_know() -> None:
    assert (browser_name(CHROME), system_name(CHROME)) == ("Chrome", "macOS")
    assert (browser_name("something"), system_name(None)) == ("", "")
