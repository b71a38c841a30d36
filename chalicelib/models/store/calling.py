"""One call to the store: what a failure of it means, and retries if it conflicted with another write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from chalicelib import deadline
from chalicelib.models.store import failures
from chalicelib.models.store.changes import Change
from chalicelib.models.store.failures import StoreUnavailable

_CONFLICT_TRIES = 6
_CONFLICT_PAUSE_SECONDS = 0.02


class ConditionFailed(Exception):
    """A write's condition did not hold, and nothing was written.

    failed: the changes whose conditions did not hold.
    """

    def __init__(self, failed: Sequence[Change]) -> None:
        super().__init__("a condition did not hold")
        self.failed = failed


def call(send: Callable[[], Any], changes: Sequence[Change] = ()) -> Any:
    """Send a call, and again if it conflicts with another write. Raises ConditionFailed, StoreUnavailable.

    changes: what the call writes, in the order of DynamoDB's cancellation reasons. A request that DynamoDB refuses as
    invalid is our bug and raises RuntimeError.
    """
    attempt = 0
    while True:
        try:
            return send()
        except failures.ERRORS as error:
            failure = failures.meaning(error)
        if failure.is_ours:
            raise RuntimeError(f"DynamoDB refused the request: {failure.first_code}")
        failed = [changes[place] for place in failure.failed_conditions()]
        if failed:
            raise ConditionFailed(failed)
        if not failure.is_conflict:
            raise StoreUnavailable(failure.first_code)
        pause(attempt, failure.first_code)
        attempt += 1


def pause(attempt: int, code: str) -> None:
    """Wait before the next try. Raises StoreUnavailable if there are no tries or no time left."""
    tries = 1 if deadline.is_aside() else _CONFLICT_TRIES
    if attempt + 1 == tries or not deadline.pause(_CONFLICT_PAUSE_SECONDS * 2**attempt):
        raise StoreUnavailable(code)
