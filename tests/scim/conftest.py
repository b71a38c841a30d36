from __future__ import annotations

import pytest

from chalicelib import credentials
from tests.scim.platform_server import PlatformServer, allowed


@pytest.fixture
def platform(base_url: str) -> PlatformServer:
    """A platform's server that the operator allowed to push people and organizers."""
    return allowed(base_url)


@pytest.fixture
def mark() -> str:
    """A word that no other test uses, for names that must be unique."""
    return credentials.new_serial().lower()
