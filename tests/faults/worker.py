"""A process of a sweep, with its own store and application, that plays one flow after another."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler
from multiprocessing.util import Finalize

from argon2 import PasswordHasher

from chalicelib import credentials
from tests import stage
from tests.faults import sweep
from tests.faults.flows import FLOWS
from tests.faults.kinds import Kind
from tests.faults.result import Result
from tests.faults.scene import World

# There are thousands of sign-ins, and the strength of the hash does not affect a fault.
credentials._HASHER = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
logging.disable(logging.INFO)  # so that the application's lines do not appear between ours
BaseHTTPRequestHandler.log_message = lambda *_: None  # type: ignore[method-assign]
Finalize(None, stage.stop, exitpriority=1)
stage.start()
_served = stage.served()
_WORLD = World(_served.__enter__())


def names() -> list[str]:
    return list(FLOWS)


def play(name: str, kinds: Sequence[Kind]) -> list[Result]:
    """Every case of a flow with these kinds."""
    return list(sweep.cases_of(_WORLD, name, kinds))
