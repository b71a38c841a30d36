"""Whatever users, applications and operators do, in any order, tokens give exactly what the model says.

`make test` makes a short run, the same each time; `make fuzz` makes a long random one (EXAMPLES=, STEPS=).
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.conftest import Clock
from tests.fuzz.machine import Provider
from tests.store_proxy import StoreProxy

EXAMPLES = int(os.environ.get("LANYARD_FUZZ_EXAMPLES") or 0)
STEPS = int(os.environ.get("LANYARD_FUZZ_STEPS") or 25)
SHORT_EXAMPLES = 15


@pytest.mark.usefixtures("fresh_client")
@pytest.mark.spec("RFC 6749 §4.1.2", "docs/architecture.md", "RFC 9700 §4.14.2", "RFC 7009 §2.2", "RFC 6749 §10.12")
def test_tokens_give_what_was_allowed_and_nothing_after_it_ended(
    base_url: str, store: StoreProxy, clock: Clock
) -> None:
    class Started(Provider):
        pass

    Started.base_url, Started.store, Started.clock = base_url, store, clock
    run_state_machine_as_test(
        Started,
        settings=settings(
            max_examples=EXAMPLES or SHORT_EXAMPLES,
            stateful_step_count=STEPS,
            derandomize=not EXAMPLES,
            print_blob=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
