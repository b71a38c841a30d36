"""Browsers at chosen addresses, and a time window in which nobody has tried to sign in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib import settings
from chalicelib.accounts import sign_in_try
from chalicelib.models import throttle
from tests.actors import Browser
from tests.conftest import Clock
from tests.gateway import Gateway


@pytest.fixture
def fresh(clock: Clock) -> Clock:
    """Set the clock to the start of a window in which nobody has tried to sign in."""
    clock.advance(900 - clock.now() % 900)
    throttle.forget(sign_in_try.address("127.0.0.1"), window_seconds=900)
    return clock


@pytest.fixture
def at_address(application: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Browser]:
    """Make a browser whose requests come from this IP address."""
    base_url = "https://connect.example.com"
    monkeypatch.setattr(settings, "SETTINGS", replace(settings.SETTINGS, public_url=base_url))
    return lambda address, person: Browser(base_url, person, adapter=Gateway(application, "", address=address))
