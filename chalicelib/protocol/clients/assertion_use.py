"""A signed assertion is good for one request. That very request may come again until it has been answered.

So a client whose request met a failure (503) can repeat its bytes, as HTTP libraries do, and is not told that its
assertion is used. What has been answered is not answered again: whoever finds the bytes in a log gets nothing by them.

Layers stand between the endpoint, which knows the request and its answer, and the check of the assertion. So the
attempt goes along in a context variable.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from oauthlib.oauth2.rfc6749 import errors

from chalicelib import logs
from chalicelib.models import used_assertion
from chalicelib.models.used_assertion import UsedAssertion


class StillAnswering(Exception):
    """The first of two requests that are the same may still be under way. wait_seconds: for how long at most.

    No OAuth2Error: an answer to one does not say how long to wait.
    """

    def __init__(self, wait_seconds: int) -> None:
        super().__init__(f"The same request is being answered. Repeat it in {wait_seconds} seconds.")
        self.wait_seconds = wait_seconds


@dataclass
class Attempt:
    """One try at answering a request. is_final: set to False where the answer is to come again later.

    claimed: the assertion that came with it, from when it is claimed.
    """

    request_digest: str
    is_final: bool = True
    claimed: UsedAssertion | None = None


_attempt: ContextVar[Attempt] = ContextVar("attempt")


@contextmanager
def attempt(request_digest: str) -> Iterator[Attempt]:
    """Answer a request meanwhile. request_digest: of all that makes it this one: where it went and what it said."""
    made = Attempt(request_digest)
    token = _attempt.set(made)
    try:
        yield made
    except Exception:
        made.is_final = False
        raise
    finally:
        _attempt.reset(token)
        if made.claimed:
            (used_assertion.settle if made.is_final else used_assertion.release)(made.claimed)


def claim(client_id: str, jti: str, *, expires_at: int) -> None:
    """Use an assertion for the present attempt. Raises InvalidClientError, StillAnswering, StoreUnavailable."""
    present = _attempt.get()
    item = used_assertion.of(client_id, jti, present.request_digest, expires_at=expires_at)
    present.claimed = item  # before it is: of a claim whose answer is lost nobody knows whether it was made
    try:
        used_assertion.claim(item)
    except used_assertion.AlreadyUsed:
        present.claimed = None
        logs.note(security_event="client assertion replayed")
        raise errors.InvalidClientError("The client_assertion has been used; make a new one each time.") from None
    except used_assertion.BeingAnswered as error:
        present.claimed = None
        raise StillAnswering(error.wait_seconds) from None
