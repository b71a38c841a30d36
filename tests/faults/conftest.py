"""Fixtures shared by the tests of the sweep."""

from __future__ import annotations

import pytest

from tests.faults.scene import World


@pytest.fixture(scope="session")
def world(base_url: str) -> World:
    return World(base_url)
